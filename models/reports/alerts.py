"""Alerts report: whether calling for help works. Counts alerts, their outcome and the phones they reached."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Select, Subquery, extract, func, or_, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.grouping import GroupBy, Grouping, Key, Label
from models.reports.rollups.aggregates import TAKEN_AFTER_UNANSWERED, TAKEN_IN_TIME
from models.reports.stats.ddsketch import RELATIVE_ERROR, pack_values, percentiles_of_sketch, unpack
from models.reports.stats.percentiles import Percentiles
from models.reports.stats.rate import Rate
from models.reports.totals import (
    KeyedTotals,
    Totals,
    TotalsByGroup,
    count_figures,
    count_where,
    group_totals,
    sum_where,
)

_RANG: Final = Alert.rang.is_(True)
_ALERT_AGGREGATES: Final = {
    "alerts": count_where(),
    "rang": count_where(_RANG),
    "taken": count_where(_RANG, Concern.taken_at.is_not(None)),
    "taken_in_time": count_where(TAKEN_IN_TIME),
    "taken_after_unanswered": count_where(TAKEN_AFTER_UNANSWERED),
    "unanswered": count_where(_RANG, Alert.unanswered_at.is_not(None)),
}
_OPENED: Final = Notification.opened_at.is_not(None)
_PHONE_FIGURES: Final = {
    "phones_told": Notification.accepted_at.is_not(None),
    "phones_received": or_(Notification.received_at.is_not(None), Notification.shown_at.is_not(None), _OPENED),
    "phones_opened": _OPENED,
}
_SECONDS_TO_SHOW: Final = "seconds_to_show"


@dataclass(frozen=True)
class AlertsRow:
    """Alerts of the concerns of one group.

    `rang` leaves out the alerts of concerns that were logged too late to ring for. The figures after it are of the
    alerts that rang. `taken` counts those whose concern was ever taken: `taken_in_time` before the alert went
    unanswered, `taken_after_unanswered` once it had. `unanswered` are those nobody answered in time, whoever came
    later. Phones count once for each alert: `phones_told` accepted by the push service, `phones_received` confirmed
    by the phone, `phones_opened` opened by a person. `minutes_to_show` is the time from the alert to the first
    phone that showed it, from whole seconds of the two clocks.
    """

    group: dict[str, Label]
    alerts: int
    rang: int
    taken: int
    taken_in_time: int
    taken_after_unanswered: int
    unanswered: int
    phones_told: int
    phones_received: int
    phones_opened: int
    minutes_to_show: Percentiles

    @property
    def unanswered_share(self) -> Rate:
        return Rate(self.unanswered, self.rang)

    @property
    def received_share(self) -> Rate:
        return Rate(self.phones_received, self.phones_told)


def alerts_report(session: Session, query: ReportQuery) -> Report[AlertsRow]:
    """Report on the alerts of the concerns of these days."""

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        grouping = query.grouping(group_by)
        alerts = query.select_concerns().join(Alert, Alert.concern_id == Concern.id)
        reached = _alerts_that_reached_phones(alerts.where(_RANG), grouping)
        return group_totals(
            count_figures(session, alerts, grouping, _ALERT_AGGREGATES),
            _count_phones(session, reached, grouping),
            _seconds_to_show(session, reached, grouping),
        )

    return build_report(session, query, count, _make_row, relative_error=RELATIVE_ERROR)


def _alerts_that_reached_phones(alerts: Select[Any], grouping: Grouping) -> Subquery:
    """Return a row for each alert sent to a phone: its group, its phones, and when the first one showed it.

    Figures are added up from this subquery alone. Joined with the alerts again, a database might expect few of them
    and look up each one.
    """

    def count_phones(name: str, criterion: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(Notification.device_id.distinct()).filter(criterion).label(name)

    keys = [key.label(f"key_{number}") for number, key in enumerate(grouping.keys)]
    rings = alerts.join(Notification, Notification.alert_id == Alert.id).where(
        Notification.kind == NotificationKind.RING
    )
    phones = (count_phones(name, criterion) for name, criterion in _PHONE_FIGURES.items())
    first_shown_at = func.min(Notification.shown_at).label("shown_at")
    return (
        grouping.add_joins(rings)
        .with_only_columns(*keys, *phones, first_shown_at, Alert.raised_at)
        .group_by(*grouping.keys, Alert.id, Alert.raised_at)
        .subquery("rings")
    )


def _count_phones(session: Session, reached: Subquery, grouping: Grouping) -> KeyedTotals:
    keys = _group_keys(reached, grouping)
    stmt = select(*keys, *(sum_where(reached.c[name]) for name in _PHONE_FIGURES)).group_by(*keys)
    for key, values in grouping.split_keys(session.execute(stmt)):
        yield key, Totals(Counter(dict(zip(_PHONE_FIGURES, map(int, values), strict=True))))


def _seconds_to_show(session: Session, reached: Subquery, grouping: Grouping) -> KeyedTotals:
    seconds = _epoch_seconds(reached.c.shown_at) - _epoch_seconds(reached.c.raised_at)
    keys = (*_group_keys(reached, grouping), seconds)
    stmt = select(*keys, func.count()).where(reached.c.shown_at.is_not(None)).group_by(*keys)
    counts: defaultdict[Key, Counter[int]] = defaultdict(Counter)
    for key, (duration, times) in grouping.split_keys(session.execute(stmt)):
        counts[key][max(int(duration), 0)] += times  # negative in old receipts, of phones with a slow clock
    for key, times_by_seconds in counts.items():
        values = np.repeat(np.fromiter(times_by_seconds, np.int64), np.fromiter(times_by_seconds.values(), np.int64))
        yield key, Totals(sketches=defaultdict(list, {_SECONDS_TO_SHOW: [pack_values(values)]}))


def _group_keys(reached: Subquery, grouping: Grouping) -> list[ColumnElement[Any]]:
    return [reached.c[f"key_{number}"] for number in range(len(grouping.keys))]


def _epoch_seconds(at: Any) -> ColumnElement[int]:
    """Return whole seconds since 1970; SQLite knows no fractions."""
    return func.floor(extract("epoch", at))


def _make_row(totals: Totals, group: dict[str, Label]) -> AlertsRow:
    figures = {name: totals.figures[name] for name in (*_ALERT_AGGREGATES, *_PHONE_FIGURES)}
    minutes_to_show = percentiles_of_sketch(unpack(totals.sketch(_SECONDS_TO_SHOW)))
    return AlertsRow(group=group, **figures, minutes_to_show=minutes_to_show)
