"""What Prometheus reads: requests of the web processes, and what the workers left in the database of theirs."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.db.session import ALL_TENANTS, Database
from models.outbox.heartbeat import SILENT_AFTER, Heartbeat
from models.outbox.metric_counter import MetricCounter
from models.outbox.watchdog_run import WatchdogRun
from notifications.channels.base import DeliveryOutcome

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # the library's own switch, set by gunicorn.conf.py
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OUTBOX_STATES = ("due", "later", "leased", "dead_lettered")

_process = CollectorRegistry()
_requests = Counter("amends_requests", "Requests answered.", ["method", "route", "status"], registry=_process)
_seconds = Histogram(
    "amends_request_seconds",
    "Seconds it took to answer a request.",
    ["method", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=_process,
)


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """One more. What a stranger can make up (methods, paths) is no label: there would be no end of them."""
    known = method if method in METHODS else "other"
    _requests.labels(known, route or "none", status).inc()
    _seconds.labels(known, route or "none").observe(seconds)


def render_metrics(database: Database, *, at: datetime) -> bytes:
    """Everything in Prometheus' text format; without the database, what can be told without it."""
    web = CollectorRegistry()
    if MULTIPROCESS_VARIABLE in os.environ:
        MultiProcessCollector(web)
    else:
        web.register(_process)
    house = CollectorRegistry()
    house.register(_DatabaseCollector(list(_database_metrics(database, at))))
    return generate_latest(web) + generate_latest(house)


class _DatabaseCollector(Collector):
    def __init__(self, told: list[Metric]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        return self._told


def _database_metrics(database: Database, at: datetime) -> Iterator[Metric]:
    told: list[Metric] = []
    try:
        with database.reading(ALL_TENANTS) as session:
            told = [*_worker_metrics(session, at), *_watchdog_metrics(session, at), _send_metrics(session)]
    except SQLAlchemyError:
        pass  # which is what the first line says
    yield GaugeMetricFamily("amends_database_up", "1 when the database answers.", value=float(bool(told)))
    yield from told


def _worker_metrics(session: Session, at: datetime) -> Iterator[Metric]:
    beats = session.scalars(select(Heartbeat).order_by(Heartbeat.at.desc())).all()
    alive = [beat for beat in beats if beat.at > at - SILENT_AFTER]
    yield GaugeMetricFamily("amends_workers", "Workers that gave a sign of life within 30 s.", value=len(alive))
    if beats:
        age = max(0.0, (at - beats[0].at).total_seconds())
        yield GaugeMetricFamily(
            "amends_worker_heartbeat_age_seconds", "Seconds since the last sign of life.", value=age
        )
    if not alive:
        return  # nobody has measured what follows
    figures = alive[0].figures
    rows = GaugeMetricFamily("amends_outbox_rows", "What is not done, by state.", labels=["state"])
    for state in OUTBOX_STATES:
        rows.add_metric([state], figures.get(state, 0))
    yield rows
    for name, figure, says in (
        (
            "amends_outbox_oldest_due_seconds",
            "oldest_due_seconds",
            "Seconds for which the oldest due row has been due.",
        ),
        ("amends_step_lateness_seconds", "lateness_seconds", "Seconds by which the latest step of an alert is late."),
    ):
        yield GaugeMetricFamily(name, says, value=figures.get(figure, 0))
    overdue = max(beat.overdue_steps for beat in alive)
    yield GaugeMetricFamily("amends_steps_overdue", "Alerts more than 30 s late for a step.", value=overdue)
    breakers = GaugeMetricFamily("amends_breaker_open", "1 when a worker keeps letters back.", labels=["channel"])
    for channel in sorted({name for beat in alive for name in beat.channels}):
        breakers.add_metric([channel], float(any(beat.channels.get(channel) == "open" for beat in alive)))
    yield breakers


def _watchdog_metrics(session: Session, at: datetime) -> Iterator[Metric]:
    for last in session.scalars(select(WatchdogRun)):
        age = max(0.0, (at - last.at).total_seconds())
        yield GaugeMetricFamily("amends_audit_age_seconds", "Seconds since the auditor looked last.", value=age)
        found = GaugeMetricFamily("amends_audit_last_found", "What its last look found stuck.", labels=["kind"])
        for kind, count in last.findings.items():
            found.add_metric([kind], count)
        yield found
        ever = CounterMetricFamily("amends_audit_found", "What the auditor found stuck, ever.", labels=["kind"])
        tallied = session.scalars(select(MetricCounter).where(MetricCounter.metric == "found"))
        for kind, count in (dict.fromkeys(last.findings, 0) | {tally.label: tally.count for tally in tallied}).items():
            ever.add_metric([kind], count)
        yield ever


def _send_metrics(session: Session) -> Metric:
    """From nought on, as the rest: what first appears at one has not increased in the eyes of Prometheus."""
    sends = CounterMetricFamily(
        "amends_sends", "Attempts to send a letter, by what became of it.", labels=["channel", "outcome"]
    )
    channels = {channel for beat in session.scalars(select(Heartbeat)) for channel in beat.channels}
    counts = {(channel, outcome.value): 0 for channel in sorted(channels) for outcome in DeliveryOutcome}
    for tally in session.scalars(select(MetricCounter).where(MetricCounter.metric == "send")):
        counts[tally.label, tally.outcome] = tally.count
    for (channel, outcome), count in counts.items():
        sends.add_metric([channel, outcome], count)
    return sends
