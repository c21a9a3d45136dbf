"""Report engine: the query of a report, and how the totals of its groups become the rows of the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.errors import Invalid
from models.organizations.store import Store
from models.reports.clock_split import ClockSplit
from models.reports.grouping import CLOCK_DIMENSIONS, OVERLAPPING_DIMENSIONS, GroupBy, Grouping, Label, labels, sort_key
from models.reports.merged_words import NOTHING_MERGED, MergedWords
from models.reports.periods import first_of_month, last_day, newest_month_over, whole_months_over
from models.reports.totals import Totals, TotalsByGroup, sum_totals

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class ReportQuery:
    """Query of a report: who reads it, over which business days (both included), and how it is grouped.

    Category, region, store group and store narrow it. `merged_words` are the merges that are not done yet. `clock` is
    set by `over`, where the report is by hour or weekday.
    """

    actor: Actor
    at: datetime
    from_date: date
    to_date: date
    group_by: Sequence[GroupBy] = ()
    category_id: UUID | None = None
    region_id: UUID | None = None
    group_id: UUID | None = None
    store_id: UUID | None = None
    merged_words: MergedWords = NOTHING_MERGED
    clock: ClockSplit | None = None

    def check_clock(self) -> None:
        """Raise Invalid for hours or weekdays of a period in which no month lies that is over."""
        if not self._by_clock or whole_months_over(self.from_date, self.to_date, at=self.at):
            return
        month = min(first_of_month(self.from_date), newest_month_over(self.at))
        raise Invalid(
            "Hours and weekdays are told of whole months that are over, and none lies in this period: ask for "
            f"{month} to {last_day(month)}.",
            pointer="/group_by",
        )

    def over(self, session: Session, from_date: date, to_date: date) -> "ReportQuery":
        """Return the same query over these days, with what may be shown of them by hour or weekday."""
        clock = None
        if self._by_clock:
            months = whole_months_over(from_date, to_date, at=self.at)
            clock = ClockSplit.find(session, self.store_criteria(), months, by_hour=GroupBy.HOUR in self.group_by)
        return replace(self, from_date=from_date, to_date=to_date, clock=clock)

    @property
    def _by_clock(self) -> bool:
        return not CLOCK_DIMENSIONS.isdisjoint(self.group_by)

    def store_criteria(self) -> Sequence[ColumnElement[bool]]:
        """Return the criteria on Store: within the actor's reach, and of the region, store group and store."""
        return Store.filter_criteria(
            self.actor, region_id=self.region_id, group_id=self.group_id, store_id=self.store_id
        )

    def select_rows(self, model: Any) -> Select[Any]:
        """Select the ids of rows of a model that has a store and a business date, joined with that store."""
        rows = select(model.id).select_from(model).join(Store, Store.id == model.store_id)
        return rows.where(*self.store_criteria(), model.business_date.between(self.from_date, self.to_date))

    def select_concerns(self) -> Select[Any]:
        """Select the concerns that count. Sensitive ones count like any other, whoever may read them."""
        concerns = self.select_rows(Concern).where(IS_COUNTED_CONCERN)
        if self.category_id is None:
            return concerns
        return concerns.where(self.merged_words.category_id(Concern) == self.category_id)

    def grouping(
        self, group_by: Sequence[GroupBy], model: Any = Concern, columns: Mapping[GroupBy, Any] | None = None
    ) -> Grouping:
        return Grouping(
            group_by,
            self.from_date,
            self.to_date,
            model=model,
            group_id=self.group_id,
            columns=columns,
            merged_words=self.merged_words,
            clock=self.clock,
        )


@dataclass(frozen=True)
class Report(Generic[RowT]):
    """A row for each group in which anything was counted, ordered by label, and the totals.

    `group_by` begins with the dimensions of the report itself; those of the query follow.
    """

    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    generated_at: datetime
    rows: Sequence[RowT]
    totals: RowT
    relative_error: float  # of medians and 90th percentiles; counts and sums are exact
    business_dates: str = "store"  # a business day is that of each store's own time zone


def build_report(
    session: Session,
    query: ReportQuery,
    count: Callable[[Sequence[GroupBy]], TotalsByGroup],
    make_row: Callable[[Totals, dict[str, Label]], RowT],
    *,
    own_dimensions: Sequence[GroupBy] = (),
    overlapping: bool = False,
    redact: Callable[[dict[str, Label]], dict[str, Label]] = lambda group: group,
    relative_error: float = 0.0,
) -> Report[RowT]:
    """Build a report from the totals of its groups.

    Args:
        session: the session to read the labels of the groups with.
        query: the query of the reader.
        count: returns the totals of each group of these dimensions.
        make_row: makes a row of the report from the totals and the labels of a group.
        own_dimensions: the dimensions that the report always has, before those of the query.
        overlapping: whether a concern may be in several groups. The totals are then counted on their own, as they
            are when the query groups by store group.
        redact: replaces labels that the reader may not see.
        relative_error: the relative error of the percentiles.
    """
    group_by = [*own_dimensions, *query.group_by]
    overlapping = overlapping or not OVERLAPPING_DIMENSIONS.isdisjoint(group_by)
    groups = count(group_by)
    overall = sum_totals((count(()) if overlapping else groups).values())
    group_labels = {key: redact(group) for key, group in labels(session, group_by, groups).items()}
    totals = make_row(overall, {})
    keys = sorted(groups, key=lambda key: sort_key(group_labels[key]))
    rows = [make_row(groups[key], group_labels[key]) for key in keys] if group_by else [totals]
    return Report(query.from_date, query.to_date, group_by, query.at, rows, totals, relative_error)
