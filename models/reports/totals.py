"""Totals: the accumulator of every report, and the aggregate statements that fill it.

A source yields pairs of a group's key and the totals it counted there; one group may come up several times.
`group_totals` adds them up, so that a report can combine several statements, or rollups with rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func
from sqlalchemy.orm import Session

from models.db.base import Money
from models.recovery.action import RecoveryAction
from models.reports.grouping import Grouping, Key
from models.reports.stats.rate import Rate


@dataclass
class Totals:
    """Everything that was counted of one group.

    Sketches stay packed until they are read, because a report may have thousands of groups.
    """

    figures: Counter[str] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)  # minor units by currency
    sketches: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))  # DDSketches of seconds
    recovered_in: Counter[str] = field(default_factory=Counter)  # recovered, by the currency of their store and day
    latest: datetime | None = None  # the newest of the moments that the report is about

    def add(self, other: "Totals") -> None:
        self.figures.update(other.figures)
        self.cost.update(other.cost)
        self.recovered_in.update(other.recovered_in)
        for name, sketches in other.sketches.items():
            self.sketches[name] += sketches
        if other.latest is not None:
            self.latest = other.latest if self.latest is None else max(self.latest, other.latest)

    def rate(self, numerator: str, *denominator: str) -> Rate:
        """Return one figure over the sum of others."""
        return Rate(self.figures[numerator], sum(self.figures[name] for name in denominator))

    def sketch(self, name: str) -> bytes:
        """Return all sketches of one duration as one packed DDSketch (models.reports.stats.ddsketch)."""
        return b"".join(self.sketches[name])

    @property
    def money(self) -> list[Money]:
        """Return the cost in each currency in which something was spent."""
        return [Money(amount, currency) for currency, amount in sorted(self.cost.items()) if amount]


KeyedTotals = Iterator[tuple[Key, Totals]]  # from one source; a key may come up several times
TotalsByGroup = defaultdict[Key, Totals]


def group_totals(*sources: Iterable[tuple[Key, Totals]]) -> TotalsByGroup:
    """Add up what these sources counted of each group."""
    by_group: TotalsByGroup = defaultdict(Totals)
    for source in sources:
        for key, totals in source:
            by_group[key].add(totals)
    return by_group


def sum_totals(groups: Iterable[Totals]) -> Totals:
    """Add up several groups."""
    overall = Totals()
    for totals in groups:
        overall.add(totals)
    return overall


def count_where(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the aggregate that counts the rows of a group that meet these criteria."""
    return func.count().filter(*criteria) if criteria else func.count()


def sum_where(value: Any, *criteria: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the aggregate that sums a value over the rows of a group that meet these criteria, 0 without any."""
    total: Any = func.sum(value)
    return func.coalesce(total.filter(*criteria) if criteria else total, 0)


def count_figures(
    session: Session, rows: Select[Any], grouping: Grouping, aggregates: Mapping[str, ColumnElement[int]]
) -> KeyedTotals:
    """Yield these figures of each group, in one statement."""
    stmt = grouping.add_joins(rows).with_only_columns(*grouping.keys, *aggregates.values())
    for key, values in grouping.fetch(session, stmt):
        yield key, Totals(_named_integers(aggregates, values))


def sum_costs(session: Session, actions: Select[Any], grouping: Grouping) -> KeyedTotals:
    """Return what these recovery actions cost each group, by currency, in one statement."""
    return count_figures_and_costs(session, actions.where(RecoveryAction.cost_amount.is_not(None)), grouping, {})


def count_figures_and_costs(
    session: Session, actions: Select[Any], grouping: Grouping, aggregates: Mapping[str, ColumnElement[int]]
) -> KeyedTotals:
    """Yield these figures of recovery actions and what they cost each group, in one statement.

    Every entry counts: a reversing entry has a negative cost, so that it cancels the one it reverses.
    """
    keys = (*grouping.keys, RecoveryAction.cost_currency)
    spent = sum_where(RecoveryAction.cost_amount)
    stmt = grouping.add_joins(actions).with_only_columns(*keys, spent, *aggregates.values())
    for key, (currency, amount, *values) in grouping.split_keys(session.execute(stmt.group_by(*keys))):
        cost = Counter({currency: int(amount)}) if currency else Counter()
        yield key, Totals(_named_integers(aggregates, values), cost)


def _named_integers(names: Iterable[str], values: Iterable[Any]) -> Counter[str]:
    """Return the values by name. PostgreSQL answers the sum of big integers as a decimal."""
    return Counter(dict(zip(names, map(int, values), strict=True)))
