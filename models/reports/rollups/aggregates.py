"""Counting the rows themselves: what became of concerns, what was given, how long it took, who was asked."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, String, cast, func, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Outcome, Status
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.policy_defaults import SECOND_FAILURE_WINDOW, UNHAPPY_MOOD
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.recovery.remedy import WORDS_ONLY_KINDS, Remedy
from models.reports.grouping import Grouping, Key
from models.reports.stats.ddsketch import pack_values
from models.reports.stats.percentiles import Values


@dataclass
class Totals:
    """What was counted of one group: plain figures, cost by currency, and packed histograms of DURATIONS.

    They stay packed until they are read: there may be many groups.
    """

    figures: Counter[str] = field(default_factory=Counter)
    cost: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: "Totals") -> None:
        self.figures.update(other.figures)
        self.cost.update(other.cost)
        for name, histograms in other.seconds.items():
            self.seconds[name] += histograms

    def histogram(self, name: str) -> bytes:
        """How long one of DURATIONS took, packed."""
        return b"".join(self.seconds[name])


TotalsByGroup = defaultdict[Key, Totals]


def _count_where(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(_COUNTS, *criteria)


_COUNTS = Concern.kind != Kind.PRAISE
_RESOLVED = Concern.status == Status.RESOLVED
_LOST = Concern.outcome == Outcome.LOST
# A count: of EXISTS PostgreSQL may make a list of all that was ever given anywhere, for every statement anew.
_GIVEN = (
    select(func.count(RecoveryAction.id))
    .join(RecoveryAction.remedy)
    .where(RecoveryAction.organization_id == Concern.organization_id, RecoveryAction.concern_id == Concern.id)
    .where(IN_EFFECT, Remedy.kind.not_in(WORDS_ONLY_KINDS))
    .correlate(Concern)
    .scalar_subquery()
)
_LIFTED = (_RESOLVED, Concern.mood_after.is_not(None))
DURATIONS: Mapping[str, Any] = {
    "seconds_to_take": Concern.seconds_to_take,
    "seconds_to_resolve": Concern.seconds_to_resolve,
}
CONCERN_FIGURES: Mapping[str, ColumnElement[int]] = {
    "concerns": _count_where(),
    "unhappy": _count_where(Concern.mood <= UNHAPPY_MOOD),
    "taken": _count_where(Concern.taken_at.is_not(None)),
    "resolved": _count_where(_RESOLVED),
    "recovered": _count_where(Concern.outcome == Outcome.RECOVERED),
    "lost": _count_where(_LOST),
    "lost_without_offer": _count_where(_LOST, _GIVEN == 0),
    "open": _count_where(~_RESOLVED),
    "on_the_spot": _count_where(
        _RESOLVED, Concern.resolved_by_id == Concern.reported_by_id, Concern.reopened_count == 0
    ),
    "late": _count_where(Concern.late.is_(True)),
    "reopened": _count_where(Concern.reopened_count > 0),
    "repeated": _count_where(Concern.seconds_since_previous <= SECOND_FAILURE_WINDOW.total_seconds()),
    "unanswered_alerts": _count_where(Alert.unanswered_at.is_not(None)),
    "mood_after_known": _count_where(*_LIFTED),
    "mood_change": func.coalesce(func.sum(Concern.mood_after - Concern.mood).filter(_COUNTS, *_LIFTED), 0),
    "praise": func.count().filter(~_COUNTS),
}
# As text, so that a group is one row and not one for each concern. Of what was told late nobody knows how long it took.
_DURATION_LISTS = [
    func.string_agg(cast(seconds, String), ",").filter(_COUNTS, Concern.late.is_(False))
    for seconds in DURATIONS.values()
]
# What was cancelled in time is owed to nobody; once broken it counts, whatever became of it.
DUE = (FollowUp.status != FollowUpStatus.CANCELLED) | FollowUp.broken_at.is_not(None)
KEPT_IN_TIME = (FollowUp.status == FollowUpStatus.KEPT) & FollowUp.broken_at.is_(None)
_SAME_DAY = (Concern.store_id == StoreDay.store_id, Concern.business_date == StoreDay.business_date)
_CONCERNS_OF_IT = select(_count_where()).where(*_SAME_DAY).scalar_subquery()
_CHECKS_OF_IT = (
    select(func.coalesce(func.sum(WellbeingCheck.count), 0))
    .where(WellbeingCheck.store_id == StoreDay.store_id, WellbeingCheck.business_date == StoreDay.business_date)
    .scalar_subquery()
)
_TO_ASK = func.coalesce(StoreDay.transactions, StoreDay.covers)


def _of_days(which: ColumnElement[bool], how_many: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(how_many).filter(which), 0)


LISTENING_FIGURES: Mapping[type[FollowUp | WellbeingCheck | StoreDay], Mapping[str, ColumnElement[int]]] = {
    FollowUp: {
        "follow_ups_due": func.count().filter(DUE),
        "follow_ups_kept": func.count().filter(KEPT_IN_TIME),
    },
    WellbeingCheck: {"checks": func.coalesce(func.sum(WellbeingCheck.count), 0)},
    StoreDay: {
        "covers": func.coalesce(func.sum(StoreDay.covers), 0),
        "transactions": func.coalesce(func.sum(StoreDay.transactions), 0),
        "ask_denominator": func.coalesce(func.sum(_TO_ASK), 0),
        # Against what a day tells of itself stands what happened on that day, never what did on others.
        "ask_numerator": _of_days(_TO_ASK.is_not(None), _CONCERNS_OF_IT + _CHECKS_OF_IT),
        "concerns_on_receipt_days": _of_days(StoreDay.transactions.is_not(None), _CONCERNS_OF_IT),
    },
}


def count_concerns(session: Session, concerns: Select[Any], grouping: Grouping) -> Iterator[tuple[Key, Totals]]:
    """The totals of each group of these concerns, which are joined with their stores; two statements."""
    for key, counted, seconds in count_outcomes(session, concerns, grouping):
        histograms = {name: [pack_values(values)] for name, values in seconds.items()}
        yield key, Totals(counted, seconds=defaultdict(list, histograms))
    for key, cost in sum_costs(session, concerns, grouping):
        yield key, Totals(cost=cost)


def count_outcomes(
    session: Session, concerns: Select[Any], grouping: Grouping
) -> Iterator[tuple[Key, Counter[str], dict[str, Values]]]:
    """What became of the concerns of each group, and all of their DURATIONS; one statement."""
    asked = grouping.join(concerns.outerjoin(Concern.alert))
    stmt = asked.with_only_columns(*grouping.keys, *CONCERN_FIGURES.values(), *_DURATION_LISTS)
    for key, row in grouping.told(session, stmt):
        counted, seconds = map(int, row[: len(CONCERN_FIGURES)]), map(_parse_seconds, row[len(CONCERN_FIGURES) :])
        yield key, Counter(dict(zip(CONCERN_FIGURES, counted, strict=True))), dict(zip(DURATIONS, seconds, strict=True))


def sum_costs(session: Session, concerns: Select[Any], grouping: Grouping) -> Iterator[tuple[Key, Counter[str]]]:
    """What was given, by currency: every entry counts, those that reverse with their minus."""
    amount, currency = RecoveryAction.cost_amount, RecoveryAction.cost_currency
    stmt = (
        grouping.join(concerns.join(Concern.actions))
        .where(_COUNTS, amount.is_not(None))
        .with_only_columns(*grouping.keys, currency, func.sum(amount))
        .group_by(*grouping.keys, currency)
    )
    for key, (of, total) in grouping.each(session.execute(stmt)):
        yield key, Counter({of: int(total)})  # PostgreSQL sums big integers to a decimal


def count_listening(session: Session, belongs: Any, grouping_of: Any) -> Iterator[tuple[Key, Totals]]:
    """Who was asked, who came, and what was promised; a statement for each.

    `belongs` and `grouping_of` are asked for each of LISTENING_FIGURES: its criteria, and its groups.
    """
    for kind, figures in LISTENING_FIGURES.items():
        rows = select(kind.id).select_from(kind).join(Store, Store.id == kind.store_id).where(*belongs(kind))
        grouping = grouping_of(kind)
        stmt = grouping.join(rows).with_only_columns(*grouping.keys, *figures.values())
        for key, counted in grouping.told(session, stmt):
            yield key, Totals(Counter(dict(zip(figures, map(int, counted), strict=True))))  # a sum may be a decimal


def _parse_seconds(told: str | None) -> Values:
    return np.fromstring(told, dtype=np.int64, sep=",") if told else np.empty(0, dtype=np.int64)


def group_totals(counted: Iterable[tuple[Key, Totals]]) -> TotalsByGroup:
    """Everything that was counted of one group, together."""
    totals: TotalsByGroup = defaultdict(Totals)
    for key, total in counted:
        totals[key].add(total)
    return totals


def sum_totals(totals: Iterable[Totals]) -> Totals:
    """The total of several groups."""
    sum_ = Totals()
    for total in totals:
        sum_.add(total)
    return sum_
