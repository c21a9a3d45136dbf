"""Aggregates of concerns and listening, from both sources: the rows themselves and the rollups.

Rollups, the daily log and the other reports count with the same expressions, so one figure means the same everywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, LargeBinary, Select, String, and_, cast, func, inspect, literal, or_, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN, IS_COUNTED_PRAISE, IS_VOIDED, of_counted_concern
from models.concerns.enums import Handling, Kind, Outcome, Status
from models.daily_log.daily_log import DailyLog
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.policy_defaults import CORRECTED_UP_STEPS, QUICK_OWN_WITHIN, SECOND_FAILURE_WINDOW, UNHAPPY_MOOD
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.recovery.remedy import WORDS_ONLY_KINDS, Remedy
from models.reports.feedback import FEEDBACK_AGGREGATES, feedback_of
from models.reports.grouping import Grouping, Key
from models.reports.rollups.tables import Rollup
from models.reports.stats.ddsketch import pack_values
from models.reports.stats.percentiles import Values
from models.reports.store_terms import TermOfDay
from models.reports.totals import KeyedTotals, Totals, count_figures, count_where, sum_costs, sum_where

_RESOLVED = Concern.status == Status.RESOLVED
_LOST = Concern.outcome == Outcome.LOST
# COUNT, because PostgreSQL may turn EXISTS into a list of all actions ever taken, built again for each statement.
_ACTIONS_BEYOND_WORDS = (
    select(func.count(RecoveryAction.id))
    .join(RecoveryAction.remedy)
    .where(RecoveryAction.organization_id == Concern.organization_id, RecoveryAction.concern_id == Concern.id)
    .where(IN_EFFECT, Remedy.kind.not_in(WORDS_ONLY_KINDS))
    .correlate(Concern)
    .scalar_subquery()
)
_STANDING_ACTIONS = (
    select(func.count(RecoveryAction.id))
    .where(RecoveryAction.organization_id == Concern.organization_id, RecoveryAction.concern_id == Concern.id)
    .where(IN_EFFECT)
    .correlate(Concern)
    .scalar_subquery()
)
# Voided concerns count for whole stores only, except what a till paid for one, which stands in the cost of its cause.
COUNTS_FOR_ITS_CAUSE = ~IS_VOIDED | (_STANDING_ACTIONS > 0)
MOOD_AFTER_KNOWN = (_RESOLVED, Concern.mood_after.is_not(None))
# A concern that is taken, given back and then goes unanswered was taken in time: `taken_at` is the first time.
TAKEN_IN_TIME = and_(
    Alert.rang,
    Concern.taken_at.is_not(None),
    or_(Alert.unanswered_at.is_(None), Concern.taken_at < Alert.unanswered_at),
)
TAKEN_AFTER_UNANSWERED = and_(Alert.rang, Concern.taken_at >= Alert.unanswered_at)
IS_OF_KNOWN_CUSTOMER = Concern.customer_id.is_not(None)
# As it was logged, whatever has become of it: voided, praise now, or corrected to another mood.
_MOOD_AS_LOGGED = func.coalesce(Concern.mood_as_logged, Concern.mood)
_LOGGED_UNHAPPY = and_(or_(Concern.kind != Kind.PRAISE, Concern.reclassified), _MOOD_AS_LOGGED <= UNHAPPY_MOOD)


def _count(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the aggregate that counts concerns, without praise and what was voided."""
    return count_where(IS_COUNTED_CONCERN, *criteria)


DURATIONS: Mapping[str, Any] = {
    "seconds_to_take": Concern.seconds_to_take,
    "seconds_to_resolve": Concern.seconds_to_resolve,
}
CONCERN_AGGREGATES: Mapping[str, ColumnElement[int]] = {
    "concerns": _count(),
    "unhappy": _count(Concern.mood <= UNHAPPY_MOOD),
    "taken": _count(Concern.taken_at.is_not(None)),
    "taken_in_time": _count(TAKEN_IN_TIME),
    "taken_after_unanswered": _count(TAKEN_AFTER_UNANSWERED),
    "resolved": _count(_RESOLVED),
    "recovered": _count(Concern.outcome == Outcome.RECOVERED),
    "lost": _count(_LOST),
    "lost_without_offer": _count(_LOST, _ACTIONS_BEYOND_WORDS == 0),
    "open": _count(~_RESOLVED),
    "on_the_spot": _count(_RESOLVED, Concern.resolved_by_id == Concern.reported_by_id, Concern.reopened_count == 0),
    "late": _count(Concern.late.is_(True)),
    "reopened": _count(Concern.reopened_count > 0),
    "repeated": _count(IS_OF_KNOWN_CUSTOMER, Concern.seconds_since_previous <= SECOND_FAILURE_WINDOW.total_seconds()),
    "with_customer": _count(IS_OF_KNOWN_CUSTOMER),
    "unanswered_alerts": _count(Alert.unanswered_at.is_not(None)),
    "mood_after_known": _count(*MOOD_AFTER_KNOWN),
    "mood_change": sum_where(Concern.mood_after - Concern.mood, IS_COUNTED_CONCERN, *MOOD_AFTER_KNOWN),
    "praise": count_where(IS_COUNTED_PRAISE),
    "voided": count_where(IS_VOIDED),
    "reclassified": count_where(IS_COUNTED_PRAISE, Concern.reclassified.is_(True)),
    "logged_unhappy": count_where(_LOGGED_UNHAPPY),
    "quick_own": _count(
        _LOGGED_UNHAPPY,
        Concern.late.is_(False),  # written up afterwards, it was not resolved in seconds
        _RESOLVED,
        Concern.handling == Handling.MINE,
        Concern.seconds_to_resolve <= QUICK_OWN_WITHIN.total_seconds(),
    ),
    "corrected_up": _count(_LOGGED_UNHAPPY, Concern.mood - _MOOD_AS_LOGGED >= CORRECTED_UP_STEPS),
    "taken_back": count_where(_LOGGED_UNHAPPY, ~IS_COUNTED_CONCERN),
}
# One text of all durations, so that a group stays one row. Concerns logged late are left out: the time between what
# happened and its logging is not known well enough.
_DURATION_LISTS = [
    func.string_agg(cast(seconds, String), ",").filter(IS_COUNTED_CONCERN, Concern.late.is_(False))
    for seconds in DURATIONS.values()
]
# A follow-up that was cancelled before it was broken is not due. A broken one is, whatever became of it later.
IS_DUE = (FollowUp.status != FollowUpStatus.CANCELLED) | FollowUp.broken_at.is_not(None)
KEPT_IN_TIME = (FollowUp.status == FollowUpStatus.KEPT) & FollowUp.broken_at.is_(None)
_CONCERNS_OF_DAY = (
    select(_count())
    .where(Concern.store_id == StoreDay.store_id, Concern.business_date == StoreDay.business_date)
    .scalar_subquery()
)
_CHECKS_OF_DAY = (
    select(sum_where(WellbeingCheck.count))
    .where(WellbeingCheck.store_id == StoreDay.store_id, WellbeingCheck.business_date == StoreDay.business_date)
    .scalar_subquery()
)
_CUSTOMERS_OF_DAY = func.coalesce(StoreDay.transactions, StoreDay.covers)
LISTENING_AGGREGATES: Mapping[type[FollowUp | WellbeingCheck | StoreDay], Mapping[str, ColumnElement[int]]] = {
    FollowUp: {
        "follow_ups_due": count_where(IS_DUE),
        "follow_ups_kept": count_where(KEPT_IN_TIME),
    },
    WellbeingCheck: {"checks": sum_where(WellbeingCheck.count)},
    StoreDay: {
        "covers": sum_where(StoreDay.covers),
        "transactions": sum_where(StoreDay.transactions),
        "ask_denominator": sum_where(_CUSTOMERS_OF_DAY),
        # Numerator and denominator are of the same days: those that report how many customers there were.
        "ask_numerator": sum_where(_CONCERNS_OF_DAY + _CHECKS_OF_DAY, _CUSTOMERS_OF_DAY.is_not(None)),
        "concerns_on_receipt_days": sum_where(_CONCERNS_OF_DAY, StoreDay.transactions.is_not(None)),
    },
}

DAY_AGGREGATES: Mapping[str, ColumnElement[int]] = {
    "days_with_concerns": count_where(),
    "unsigned_days": count_where(DailyLog.signed_at.is_(None)),
}


def count_concerns(session: Session, concerns: Select[Any], grouping: Grouping) -> KeyedTotals:
    """Yield the totals of these concerns, which are joined with their stores, by group; four statements."""
    currency_column = TermOfDay.find(session, "currency").column(Concern)
    for key, (currency,), figures, seconds in count_outcomes(session, concerns, grouping, currency_column):
        sketches = {name: [pack_values(values)] for name, values in seconds.items()}
        recovered_in = Counter({currency: figures["recovered"]})
        yield key, Totals(figures, sketches=defaultdict(list, sketches), recovered_in=recovered_in)
    yield from count_feedback(session, concerns, grouping)
    yield from sum_concern_costs(session, concerns, grouping)


def count_outcomes(
    session: Session, concerns: Select[Any], grouping: Grouping, *more_keys: ColumnElement[Any]
) -> Iterator[tuple[Key, Sequence[Any], Counter[str], dict[str, Values]]]:
    """Yield the figures of these concerns by group, and all seconds of each of DURATIONS; one statement.

    Groups are split by the values of `more_keys`, which come second.
    """
    first, size = len(more_keys), len(more_keys) + len(CONCERN_AGGREGATES)
    with_alerts = grouping.add_joins(concerns.outerjoin(Concern.alert))
    stmt = with_alerts.with_only_columns(*grouping.keys, *more_keys, *CONCERN_AGGREGATES.values(), *_DURATION_LISTS)
    for key, row in grouping.fetch(session, stmt, *more_keys):
        figures = Counter(dict(zip(CONCERN_AGGREGATES, map(int, row[first:size]), strict=True)))
        seconds = dict(zip(DURATIONS, map(_parse_seconds, row[size:]), strict=True))
        yield key, row[:first], figures, seconds


def _parse_seconds(text: str | None) -> Values:
    return np.fromstring(text, dtype=np.int64, sep=",") if text else np.empty(0, dtype=np.int64)


def count_feedback(session: Session, concerns: Select[Any], grouping: Grouping) -> KeyedTotals:
    """Yield what was asked and answered about these concerns by group; one statement."""
    return count_figures(session, feedback_of(concerns), grouping, FEEDBACK_AGGREGATES)


def sum_concern_costs(session: Session, concerns: Select[Any], grouping: Grouping) -> KeyedTotals:
    """Return what was spent on those that count as concerns, by group and currency; one statement.

    What a till paid stands in the cost until it is back, whatever has become of the concern.
    """
    return sum_costs(session, concerns.join(Concern.actions).where(IS_COUNTED_CONCERN | IN_EFFECT), grouping)


def count_listening(
    session: Session,
    criteria: Callable[[Any], Sequence[ColumnElement[bool]]],
    grouping: Callable[[Any], Grouping],
) -> KeyedTotals:
    """Yield the totals of follow-ups, checks, store days and days with concerns by group; one statement for each.

    Args:
        session: the session to read with.
        criteria: returns the criteria on the rows of one of these models, and on Store.
        grouping: returns the groups of the rows of one of these models.
    """
    for model, aggregates in LISTENING_AGGREGATES.items():
        rows = select(model.id).select_from(model).join(Store, Store.id == model.store_id).where(*criteria(model))
        if model is FollowUp:
            rows = rows.where(of_counted_concern(FollowUp.concern_id))
        yield from count_figures(session, rows, grouping(model), aggregates)
    counted = select(Concern.store_id, Concern.business_date).join(Concern.store)
    days = counted.where(*criteria(Concern), IS_COUNTED_CONCERN).distinct().subquery()
    is_log = and_(DailyLog.store_id == days.c.store_id, DailyLog.business_date == days.c.business_date)
    rows = select(days.c.store_id).join(Store, Store.id == days.c.store_id).outerjoin(DailyLog, is_log)
    yield from count_figures(session, rows, grouping(days.c), DAY_AGGREGATES)


@cache
def figure_columns(rollup: type[Rollup]) -> Sequence[str]:
    """Return the names of a rollup's figures, with `cost`."""
    return [name for name, column in inspect(rollup).columns.items() if column.type.python_type is int]


def sum_rollups(
    session: Session, rollup: type[Rollup], *criteria: ColumnElement[bool], grouping: Grouping
) -> KeyedTotals:
    """Yield the totals of rollups by group, in one statement. The criteria are on the rollup and on Store."""
    names = figure_columns(rollup)
    sums = [func.sum(getattr(rollup, name)) for name in names]
    no_separator = literal(b"", LargeBinary)
    sketches = [func.string_agg(getattr(rollup, name), no_separator, type_=LargeBinary) for name in DURATIONS]
    keys = (*grouping.keys, rollup.currency)
    rows = select(rollup.id).select_from(rollup).join(Store, Store.id == rollup.store_id).where(*criteria)
    stmt = grouping.add_joins(rows).with_only_columns(*keys, *sums, *sketches)
    for key, (currency, *values) in grouping.fetch(session, stmt, rollup.currency):
        figures = Counter({name: int(value) for name, value in zip(names, values, strict=False)})
        packed = zip(DURATIONS, values[len(names) :], strict=True)
        cost, recovered_in = Counter({currency: figures.pop("cost")}), Counter({currency: figures["recovered"]})
        yield key, Totals(figures, cost, defaultdict(list, {name: [sketch] for name, sketch in packed}), recovered_in)
