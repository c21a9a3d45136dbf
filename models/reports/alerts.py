"""Does calling for help work? Alerts, what became of them, and what phones made of them. Read from the rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Select, Subquery, extract, func, or_, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.reports.engine import (
    Report,
    ReportQuery,
    Tallies,
    Tally,
    build_report,
    chain_counts,
    count_figures,
    count_where,
    sum_where,
)
from models.reports.grouping import GroupBy, Grouping, Label
from models.reports.stats.ddsketch import RELATIVE_ERROR, pack_values, percentiles_of_sketch, unpack
from models.reports.stats.percentiles import Percentiles
from models.reports.stats.rate import Rate

RANG: Final = Alert.state != AlertState.LATE
FIGURES: Final = {
    "alerts": count_where(),
    "rang": count_where(RANG),
    "taken": count_where(RANG, Concern.taken_at.is_not(None)),
    "unanswered": count_where(RANG, Alert.unanswered_at.is_not(None)),
}
OPENED: Final = Notification.opened_at.is_not(None)
PHONES: Final = {
    "phones_told": Notification.accepted_at.is_not(None),
    "phones_received": or_(Notification.received_at.is_not(None), Notification.shown_at.is_not(None), OPENED),
    "phones_opened": OPENED,
}


@dataclass(frozen=True)
class AlertsRow:
    """Alerts of the concerns of these days: all `alerts`, and those that `rang`, which were not told too late to.

    Of each that rang, phones are counted once: those whose push service took it (`phones_told`), those that said that
    they have it (`phones_received`), and those on which somebody opened it. `taken`: somebody ever took the concern;
    `unanswered`: at some time nobody had come, whoever came later. `minutes_to_show`: from the call to the first phone
    on which it was shown, in whole seconds of the two clocks.
    """

    group: dict[str, Label]
    alerts: int
    rang: int
    taken: int
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


def alerts_report(session: Session, asked: ReportQuery) -> Report[AlertsRow]:
    """Over the alerts of the concerns of these days."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        grouping = asked.grouping(group_by)
        called = asked.concerns().join(Alert, Alert.concern_id == Concern.id)
        rings = _ringing_alerts(called.where(RANG), grouping)
        return chain_counts(
            count_figures(session, called, grouping, FIGURES),
            _phone_counts(session, rings, grouping),
            _seconds_to_show(session, rings, grouping),
        )

    return build_report(session, asked, count, _row, relative_error=RELATIVE_ERROR)


def _ringing_alerts(called: Select[Any], grouping: Grouping) -> Subquery:
    """A row for each alert that reached a phone: its group, its phones, and when one showed it first.

    Whoever wants sums adds them up from here: joined with the alerts once more, a database might reckon with few of
    them and ask for each one anew.
    """

    def phones(which: ColumnElement[bool], name: str) -> ColumnElement[int]:
        return func.count(Notification.device_id.distinct()).filter(which).label(name)

    keys = [key.label(f"key_{number}") for number, key in enumerate(grouping.keys)]
    rung = called.join(Notification, Notification.alert_id == Alert.id).where(
        Notification.kind == NotificationKind.RING
    )
    counts = (phones(which, name) for name, which in PHONES.items())
    first = func.min(Notification.shown_at).label("shown_at")
    return (
        grouping.join(rung)
        .with_only_columns(*keys, *counts, first, Alert.raised_at)
        .group_by(*grouping.keys, Alert.id, Alert.raised_at)
        .subquery("rings")
    )


def _phone_counts(session: Session, rings: Subquery, grouping: Grouping) -> Tallies:
    keys = _group_keys(rings, grouping)
    stmt = select(*keys, *(sum_where(rings.c[name]) for name in PHONES)).group_by(*keys)
    for key, values in grouping.each(session.execute(stmt)):
        yield key, Tally(Counter(dict(zip(PHONES, map(int, values), strict=True))))


def _seconds_to_show(session: Session, rings: Subquery, grouping: Grouping) -> Tallies:
    seconds = _epoch_seconds(rings.c.shown_at) - _epoch_seconds(rings.c.raised_at)
    keys = (*_group_keys(rings, grouping), seconds)
    stmt = select(*keys, func.count()).where(rings.c.shown_at.is_not(None)).group_by(*keys)
    for key, (took, times) in grouping.each(session.execute(stmt)):
        yield key, Tally(seconds=Counter({max(int(took), 0): times}))  # a phone's clock may be slow


def _group_keys(rings: Subquery, grouping: Grouping) -> list[ColumnElement[Any]]:
    return [rings.c[f"key_{number}"] for number in range(len(grouping.keys))]


def _epoch_seconds(at: Any) -> ColumnElement[int]:
    """Whole seconds on the clock; SQLite has no others."""
    return func.floor(extract("epoch", at))


def _row(tally: Tally, group: dict[str, Label]) -> AlertsRow:
    plain = {name: tally.figures[name] for name in (*FIGURES, *PHONES)}
    seconds = np.repeat(np.fromiter(tally.seconds, np.int64), np.fromiter(tally.seconds.values(), np.int64))
    took = percentiles_of_sketch(unpack(pack_values(seconds)))
    return AlertsRow(group=group, **plain, minutes_to_show=took)
