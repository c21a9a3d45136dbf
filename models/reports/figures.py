"""The figures of recovery, counted from the rows: one function behind the report and the daily log."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, inspect, select
from sqlalchemy.orm import Session

from models.alert import Alert
from models.base import Money
from models.concern import Concern
from models.description import UNHAPPY
from models.recovery import STANDS, RecoveryAction
from models.remedy import WORDS, Remedy
from models.reports.groups import GroupBy, Grouping, Key, Label, in_order
from models.reports.percentiles import NOTHING, Spread, neighbours, spread
from models.terms import Kind, Outcome, Status

FEWEST = 10  # a rate of less than this many says nothing about a store, and much about a person


@dataclass(frozen=True)
class Share:
    """A rate with what it was made from. Its value is None where the denominator is under 10."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator >= FEWEST else None


@dataclass(frozen=True)
class Lift:
    """How many steps the mood rose, on average over the `n` concerns whose mood afterwards is known."""

    total: int
    n: int

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


@dataclass(frozen=True)
class Figures:
    """What became of a number of concerns; praise is not among them.

    `taken` counts those somebody ever took, `open` those not resolved now, `reopened` those reopened at least once,
    `on_the_spot` those resolved by the one who reported them and never reopened. `lost_empty_handed` ones were given
    nothing but words. `late` ones, told too long after they happened, are left out of both spreads of minutes. `cost`
    has one sum for each currency.
    """

    concerns: int
    unhappy: int
    taken: int
    resolved: int
    recovered: int
    lost: int
    open: int
    on_the_spot: int
    lost_empty_handed: int
    late: int
    reopened: int
    unanswered_alerts: int
    mood_lift: Lift
    minutes_to_take: Spread
    minutes_to_resolve: Spread
    cost: Sequence[Money]

    @property
    def recovery_rate(self) -> Share:
        return Share(self.recovered, self.recovered + self.lost)

    @property
    def taken_share(self) -> Share:
        return Share(self.taken, self.concerns)

    @property
    def unused_trust(self) -> Share:
        """Of the customers who were lost, how many had been given nothing but words."""
        return Share(self.lost_empty_handed, self.lost)


@dataclass(frozen=True)
class Row(Figures):
    """The figures of one group."""

    group: dict[str, Label]


def _how_many(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(*criteria)


Sums = dict[str, int]

_RESOLVED = Concern.status == Status.RESOLVED
_LOST = Concern.outcome == Outcome.LOST
_GIVEN_SOMETHING = Concern.actions.any(and_(STANDS, RecoveryAction.remedy.has(Remedy.kind.not_in(WORDS))))
_LIFTED = (_RESOLVED, Concern.mood_after.is_not(None))
_COUNTS: dict[str, ColumnElement[int]] = {
    "concerns": func.count(),
    "unhappy": _how_many(Concern.mood <= UNHAPPY),
    "taken": _how_many(Concern.taken_at.is_not(None)),
    "resolved": _how_many(_RESOLVED),
    "recovered": _how_many(Concern.outcome == Outcome.RECOVERED),
    "lost": _how_many(_LOST),
    "lost_empty_handed": _how_many(_LOST, ~_GIVEN_SOMETHING),
    "open": _how_many(Concern.status != Status.RESOLVED),
    "on_the_spot": _how_many(_RESOLVED, Concern.resolved_by_id == Concern.reported_by_id, Concern.reopened_count == 0),
    "late": _how_many(Concern.late.is_(True)),
    "reopened": _how_many(Concern.reopened_count > 0),
    "unanswered_alerts": _how_many(Alert.unanswered_at.is_not(None)),
    "lifted": _how_many(*_LIFTED),
    "lift": func.coalesce(func.sum(Concern.mood_after - Concern.mood).filter(*_LIFTED), 0),
}
_SPREADS = {"minutes_to_take": Concern.seconds_to_take, "minutes_to_resolve": Concern.seconds_to_resolve}


def figures(
    session: Session,
    *criteria: ColumnElement[bool],
    from_date: date,
    to_date: date,
    group_by: Sequence[GroupBy] = (),
) -> tuple[list[Row], Figures]:
    """The figures of each group, ordered by label, and of all concerns together.

    `criteria` are on Concern and Store. Without `group_by` there is one row, equal to the total; with it, one for
    each group that has a concern.
    """
    concerns = (
        select(Concern.id)
        .select_from(Concern)
        .join(Concern.store)
        .where(Concern.kind != Kind.PRAISE, Concern.business_date.between(from_date, to_date), *criteria)
    )
    grouping = Grouping(group_by, from_date, to_date)
    groups, counts = _counts(session, concerns, grouping)
    costs = _costs(session, concerns, grouping)
    spreads = _spreads(session, concerns, grouping)
    rows = [Row(group=groups[key], **_values(counts[key], costs[key], spreads[key])) for key in counts]
    rows.sort(key=lambda row: in_order(row.group))
    of_all = _spreads(session, concerns, Grouping((), from_date, to_date)) if group_by else spreads
    return rows, Figures(**_values(_sum(counts.values()), _sum(costs.values()), of_all[()]))


def _values(counts: Sums, costs: Sums, spreads: dict[str, Spread]) -> dict[str, Any]:
    """The fields of Figures."""
    plain = {name: counts.get(name, 0) for name in _COUNTS}
    return {
        "mood_lift": Lift(plain.pop("lift"), plain.pop("lifted")),
        "cost": [Money(costs[currency], currency) for currency in sorted(costs)],
        **{name: spreads.get(name, NOTHING) for name in _SPREADS},
        **plain,
    }


def _sum(groups: Iterable[Sums]) -> Sums:
    total: Sums = defaultdict(int)
    for group in groups:
        for name, value in group.items():
            total[name] += value
    return total


def _counts(
    session: Session, concerns: Select[Any], grouping: Grouping
) -> tuple[dict[Key, dict[str, Label]], dict[Key, Sums]]:
    """What each group is called, and its counts, in one statement."""
    question = (
        grouping.join(concerns.outerjoin(Concern.alert))
        .with_only_columns(*grouping.columns, *_COUNTS.values())
        .group_by(*grouping.columns)
    )
    groups, counts = {}, {}
    shown = len(grouping.columns)
    for row in session.execute(question):
        key, groups_labels = grouping.read(row[:shown])
        groups[key] = groups_labels
        counts[key] = dict(zip(_COUNTS, row[shown:], strict=True))
    return groups, counts


def _costs(session: Session, concerns: Select[Any], grouping: Grouping) -> defaultdict[Key, Sums]:
    """What was given in each group, by currency: every entry counts, those that reverse with their minus."""
    columns = inspect(RecoveryAction).columns
    amount, currency = columns["cost_amount"], columns["cost_currency"]
    question = (
        grouping.join(concerns.join(Concern.actions))
        .where(amount.is_not(None))
        .with_only_columns(*grouping.keys, currency, func.sum(amount))
        .group_by(*grouping.keys, currency)
    )
    costs: defaultdict[Key, Sums] = defaultdict(dict)
    for *key, currency_, total in session.execute(question):
        costs[tuple(key)][currency_] = int(total)  # PostgreSQL sums big integers to a decimal
    return costs


def _spreads(session: Session, concerns: Select[Any], grouping: Grouping) -> defaultdict[Key, dict[str, Spread]]:
    """How long it took in each group: one statement for each measure."""
    spreads: defaultdict[Key, dict[str, Spread]] = defaultdict(dict)
    in_time = grouping.join(concerns.where(Concern.late.is_(False)))
    for name, seconds in _SPREADS.items():
        places: defaultdict[Key, dict[int, int]] = defaultdict(dict)
        sizes: dict[Key, int] = {}
        for row in session.execute(neighbours(in_time, seconds, grouping.keys)):
            key = tuple(row[: len(grouping.keys)])
            places[key][row.place], sizes[key] = row.seconds, row.n
        for key, n in sizes.items():
            spreads[key][name] = spread(n, places[key])
    return spreads
