"""Prometheus metrics: requests, counted in the web processes, and figures that workers leave in the database."""

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
    """Count an answered request. Unknown methods and paths share one label, so that a client cannot invent labels."""
    known = method if method in METHODS else "other"
    _requests.labels(known, route or "none", status).inc()
    _seconds.labels(known, route or "none").observe(seconds)


def render_metrics(database: Database, *, at: datetime) -> bytes:
    """Return all metrics in Prometheus' text format; without the database, those of the web processes only."""
    web = CollectorRegistry()
    if MULTIPROCESS_VARIABLE in os.environ:
        MultiProcessCollector(web)
    else:
        web.register(_process)
    workers = CollectorRegistry()
    workers.register(_FixedCollector(list(_database_metrics(database, at))))
    return generate_latest(web) + generate_latest(workers)


class _FixedCollector(Collector):
    """Collector of metrics that were measured before."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _database_metrics(database: Database, at: datetime) -> Iterator[Metric]:
    metrics: list[Metric] = []
    try:
        with database.reading(ALL_TENANTS) as session:
            metrics = [*_worker_metrics(session, at), *_watchdog_metrics(session, at), _delivery_metrics(session)]
    except SQLAlchemyError:
        pass  # amends_database_up reports it
    yield GaugeMetricFamily("amends_database_up", "1 when the database answers.", value=float(bool(metrics)))
    yield from metrics


def _worker_metrics(session: Session, at: datetime) -> Iterator[Metric]:
    beats = session.scalars(select(Heartbeat).order_by(Heartbeat.at.desc())).all()
    alive = [beat for beat in beats if beat.at > at - SILENT_AFTER]
    yield GaugeMetricFamily("amends_workers", "Workers with a heartbeat within 30 s.", value=len(alive))
    if beats:
        age = max(0.0, (at - beats[0].at).total_seconds())
        yield GaugeMetricFamily("amends_worker_heartbeat_age_seconds", "Seconds since the last heartbeat.", value=age)
    if not alive:
        return  # the figures that follow are measured by workers
    figures = alive[0].figures
    rows = GaugeMetricFamily("amends_outbox_rows", "Outbox rows that are not done, by state.", labels=["state"])
    for state in OUTBOX_STATES:
        rows.add_metric([state], figures.get(state, 0))
    yield rows
    for name, figure, description in (
        (
            "amends_outbox_oldest_due_seconds",
            "oldest_due_seconds",
            "Seconds for which the oldest due row has been due.",
        ),
        ("amends_step_lateness_seconds", "lateness_seconds", "Seconds by which the latest step of an alert is late."),
    ):
        yield GaugeMetricFamily(name, description, value=figures.get(figure, 0))
    overdue = max(beat.overdue_steps for beat in alive)
    yield GaugeMetricFamily("amends_steps_overdue", "Alerts more than 30 s late for a step.", value=overdue)
    circuits = GaugeMetricFamily("amends_circuit_open", "1 when a worker holds messages back.", labels=["service"])
    for service in sorted({name for beat in alive for name in beat.channels}):
        circuits.add_metric([service], float(any(beat.channels.get(service) == "open" for beat in alive)))
    yield circuits


def _watchdog_metrics(session: Session, at: datetime) -> Iterator[Metric]:
    for run in session.scalars(select(WatchdogRun)):
        age = max(0.0, (at - run.at).total_seconds())
        yield GaugeMetricFamily("amends_watchdog_age_seconds", "Seconds since the last watchdog run.", value=age)
        last = GaugeMetricFamily("amends_watchdog_last_found", "Stuck rows in the last run.", labels=["kind"])
        for kind, count in run.findings.items():
            last.add_metric([kind], count)
        yield last
        total = CounterMetricFamily("amends_watchdog_found", "Stuck rows in all runs.", labels=["kind"])
        counters = session.scalars(select(MetricCounter).where(MetricCounter.metric == "found"))
        counts = dict.fromkeys(run.findings, 0) | {counter.label: counter.count for counter in counters}
        for kind, count in counts.items():
            total.add_metric([kind], count)
        yield total


def _delivery_metrics(session: Session) -> Metric:
    """Return the delivery counters. Each starts at 0: Prometheus sees no increase in one that first appears at 1."""
    deliveries = CounterMetricFamily(
        "amends_deliveries", "Attempts to deliver a message, by outcome.", labels=["service", "outcome"]
    )
    services = {service for beat in session.scalars(select(Heartbeat)) for service in beat.channels}
    counts = {(service, outcome.value): 0 for service in sorted(services) for outcome in DeliveryOutcome}
    for counter in session.scalars(select(MetricCounter).where(MetricCounter.metric == "send")):
        counts[counter.label, counter.outcome] = counter.count
    for labels, count in counts.items():
        deliveries.add_metric(labels, count)
    return deliveries
