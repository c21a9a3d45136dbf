"""What a report over kept sums is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.organizations.vocabulary import Category
from models.reports.grouping import CONCERN_DIMENSIONS, MAX_GROUPS, GroupBy, Grouping
from models.reports.periods import whole_months

SUB_MONTH_DIMENSIONS = frozenset({GroupBy.DAY, GroupBy.WEEK})


@dataclass(frozen=True)
class RollupQuery:
    """Which stores, days and category a report is about, and how to group them; the group the stores are of."""

    stores: Sequence[ColumnElement[bool]]
    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    category: str | None
    group_id: UUID | None

    def grouping(self, of: Any, *, between: tuple[date, date] | None = None, monthly: bool = False) -> Grouping:
        """The groups of rows of a kind; where they are only of some days, between these."""
        first, last = between or (self.from_date, self.to_date)
        return Grouping(self.group_by, first, last, of=of, monthly=monthly, group_id=self.group_id, most=MAX_GROUPS)

    def asked_of(self, kind: Any) -> list[ColumnElement[bool]]:
        """The criteria on rows of a kind that may know their category; the days are left out."""
        if self.category is None:
            return [*self.stores]
        of_category = select(Category.id).where(Category.slug == self.category)
        return [*self.stores, kind.category_id.in_(of_category)]

    @property
    def by_concern(self) -> bool:
        """Whether concerns of one store and day are told apart."""
        return self.category is not None or not CONCERN_DIMENSIONS.isdisjoint(self.group_by)

    @property
    def marks(self) -> Sequence[type[DirtyDay | DirtyCauseMonth]]:
        """What says that sums of this are out of date."""
        return (DirtyDay, DirtyCauseMonth) if self.by_concern else (DirtyDay,)

    @property
    def whole_months(self) -> Sequence[date]:
        """The first days of the months that are asked for as a whole and in one piece."""
        in_pieces = GroupBy.CHANNEL in self.group_by or not SUB_MONTH_DIMENSIONS.isdisjoint(self.group_by)
        return [] if in_pieces else whole_months(self.from_date, self.to_date)
