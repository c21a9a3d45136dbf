"""Scope of a report over rollups: its stores, days, category and dimensions, and the rollups that fit them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.reports.clock_split import ClockSplit
from models.reports.grouping import CONCERN_DIMENSIONS, MAX_GROUPS, GroupBy, Grouping
from models.reports.merged_words import NOTHING_MERGED, MergedWords
from models.reports.periods import whole_months

SUB_MONTH_DIMENSIONS = frozenset({GroupBy.DAY, GroupBy.WEEK, GroupBy.WEEKDAY, GroupBy.HOUR})


@dataclass(frozen=True)
class RollupQuery:
    """Which stores (as criteria on Store), business days and category to read, and how to group them.

    `group_id` is the store group to which the stores are limited, if any. `merged_words` maps categories and causes.
    """

    stores: Sequence[ColumnElement[bool]]
    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    category_id: UUID | None
    group_id: UUID | None
    merged_words: MergedWords = NOTHING_MERGED
    clock: ClockSplit | None = None

    def grouping(self, model: Any, *, days: tuple[date, date] | None = None, monthly: bool = False) -> Grouping:
        """Return the groups of rows of a model, over all days or only from the first to the last of `days`."""
        first, last = days or (self.from_date, self.to_date)
        return Grouping(
            self.group_by,
            first,
            last,
            model=model,
            monthly=monthly,
            group_id=self.group_id,
            merged_words=self.merged_words,
            clock=self.clock,
            max_groups=MAX_GROUPS,
        )

    def criteria(self, model: Any) -> list[ColumnElement[bool]]:
        """Return the criteria on the store and category of a model's rows, without those on the days."""
        if self.category_id is None:
            return [*self.stores]
        return [*self.stores, self.merged_words.category_id(model) == self.category_id]

    @property
    def by_concern(self) -> bool:
        """Return whether the report distinguishes concerns within one store and day, so that it needs RollupCause."""
        return self.category_id is not None or not CONCERN_DIMENSIONS.isdisjoint(self.group_by)

    @property
    def dirty_models(self) -> Sequence[type[DirtyDay | DirtyCauseMonth]]:
        """Return the tables that say which of the rollups are out of date."""
        return (DirtyDay, DirtyCauseMonth) if self.by_concern else (DirtyDay,)

    @property
    def whole_months(self) -> Sequence[date]:
        """Return the first days of the months that can be read from rollups of months.

        There is none where the report splits months, as into days, or by channel, which no rollup knows.
        """
        splits_months = GroupBy.CHANNEL in self.group_by or not SUB_MONTH_DIMENSIONS.isdisjoint(self.group_by)
        return [] if splits_months else whole_months(self.from_date, self.to_date)
