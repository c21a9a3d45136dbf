"""Reports that are counted from the rows at the moment of asking: the question, the counting, the answer."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind
from models.db.base import Money
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.action import RecoveryAction
from models.reports.grouping import OVERLAPPING_DIMENSIONS, GroupBy, Grouping, Key, Label, labels, sort_key
from models.reports.stats.rate import Rate

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class ReportQuery:
    """Which business days (both included), stores and category (by slug) somebody wants to know about."""

    actor: Actor
    at: datetime
    from_date: date
    to_date: date
    group_by: Sequence[GroupBy] = ()
    category: str | None = None
    region_id: UUID | None = None
    group_id: UUID | None = None
    store_id: UUID | None = None

    def rows(self, kind: Any) -> Select[Any]:
        """The ids of rows that have a store and a business date, joined with that store."""
        rows = select(kind.id).select_from(kind).join(Store, Store.id == kind.store_id)
        stores = Store.filter_criteria(
            self.actor, region_id=self.region_id, group_id=self.group_id, store_id=self.store_id
        )
        return rows.where(*stores, kind.business_date.between(self.from_date, self.to_date))

    def concerns(self) -> Select[Any]:
        """Those that are no praise, whoever may read them: sensitive ones count as any other."""
        concerns = self.rows(Concern).where(Concern.kind != Kind.PRAISE)
        if self.category is None:
            return concerns
        of_category = select(Category.id).where(Category.slug == self.category)
        return concerns.where(Concern.category_id.in_(of_category))

    def grouping(
        self, group_by: Sequence[GroupBy], of: Any = Concern, columns: Mapping[GroupBy, Any] | None = None
    ) -> Grouping:
        return Grouping(group_by, self.from_date, self.to_date, of=of, group_id=self.group_id, columns=columns)


@dataclass
class Tally:
    """What was counted of one group."""

    figures: Counter[str] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)  # how often it took so many
    latest: datetime | None = None

    def add(self, other: "Tally") -> None:
        self.figures.update(other.figures)
        self.cost.update(other.cost)
        self.seconds.update(other.seconds)
        self.latest = max(filter(None, (self.latest, other.latest)), default=None)

    def share(self, numerator: str, *denominator: str) -> Rate:
        return Rate(self.figures[numerator], sum(self.figures[name] for name in denominator))

    @property
    def money(self) -> list[Money]:
        return [Money(amount, currency) for currency, amount in sorted(self.cost.items()) if amount]


Tallies = Iterator[tuple[Key, Tally]]


@dataclass(frozen=True)
class Report(Generic[RowT]):
    """One row for each group in which there was anything, ordered by label, and everything together.

    `group_by` says what a row is about: what the report is about anyway, and then what it was asked to be grouped by.
    """

    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    generated_at: datetime
    rows: Sequence[RowT]
    totals: RowT
    relative_error: float  # of medians and 90th percentiles; counts and sums are exact
    business_dates: str = "store"  # a day is what it is in each store's own zone


def build_report(
    session: Session,
    asked: ReportQuery,
    count: Callable[[Sequence[GroupBy]], Tallies],
    row: Callable[[Tally, dict[str, Label]], RowT],
    *,
    about: Sequence[GroupBy] = (),
    overlapping: bool = False,
    shown: Callable[[dict[str, Label]], dict[str, Label]] = lambda group: group,
    relative_error: float = 0.0,
) -> Report[RowT]:
    """The report of what `count` yields for a grouping; of the names of a group, what may be `shown`.

    Groups that share concerns, as they do (`overlapping`) or when stores are in several, are counted together once
    more.
    """
    group_by = [*about, *asked.group_by]
    overlapping = overlapping or not OVERLAPPING_DIMENSIONS.isdisjoint(group_by)
    groups = totals_by_group(count(group_by))
    everything = Tally()
    for tally in totals_by_group(count(())).values() if overlapping else groups.values():
        everything.add(tally)
    named = {key: shown(group) for key, group in labels(session, group_by, groups).items()}
    ordered = sorted(groups, key=lambda key: sort_key(named[key]))
    totals = row(everything, {})
    rows = [row(groups[key], named[key]) for key in ordered] if group_by else [totals]
    return Report(asked.from_date, asked.to_date, group_by, asked.at, rows, totals, relative_error)


def totals_by_group(count_figures: Tallies) -> dict[Key, Tally]:
    """Everything that was counted of one group."""
    tallies: defaultdict[Key, Tally] = defaultdict(Tally)
    for key, tally in count_figures:
        tallies[key].add(tally)
    return tallies


def count_figures(
    session: Session, rows: Select[Any], grouping: Grouping, figures: Mapping[str, ColumnElement[int]]
) -> Tallies:
    """These figures of each group, in one statement."""
    stmt = grouping.join(rows).with_only_columns(*grouping.keys, *figures.values()).group_by(*grouping.keys)
    for key, values in grouping.each(session.execute(stmt)):
        yield key, Tally(Counter(dict(zip(figures, map(int, values), strict=True))))


def count_figures_and_costs(
    session: Session, rows: Select[Any], grouping: Grouping, figures: Mapping[str, ColumnElement[int]]
) -> Tallies:
    """These figures of actions and what they cost by currency, in one statement; reversing entries carry a minus."""
    keys = (*grouping.keys, RecoveryAction.cost_currency)
    spent = func.coalesce(func.sum(RecoveryAction.cost_amount), 0)
    stmt = grouping.join(rows).with_only_columns(*keys, spent, *figures.values()).group_by(*keys)
    for key, (currency, amount, *values) in grouping.each(session.execute(stmt)):
        cost = Counter({currency: int(amount)}) if currency else Counter()
        yield key, Tally(Counter(dict(zip(figures, map(int, values), strict=True))), cost)


def count_where(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(*criteria) if criteria else func.count()


def sum_where(value: Any, *criteria: ColumnElement[bool]) -> ColumnElement[int]:
    added: Any = func.sum(value)
    return func.coalesce(added.filter(*criteria) if criteria else added, 0)


def chain_counts(*parts: Iterable[tuple[Key, Tally]]) -> Tallies:
    for part in parts:
        yield from part
