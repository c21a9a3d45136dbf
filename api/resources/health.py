"""Health checks for load balancers and people on call, and metrics for Prometheus."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, Response, current_app, g, jsonify
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from api.web import metrics
from api.web.password_queue import password_queues
from api.web.rate_limits import rate_limiter
from models.db.session import ALL_TENANTS, Database
from models.outbox.heartbeat import SILENT_AFTER, Heartbeat
from models.outbox.watchdog_run import WatchdogRun

blp = Blueprint("health", __name__)

MAX_QUEUE_DELAY_SECONDS = 30.0
MAX_MISSING_SHOWN = 5
RETRY_SOON = {"Retry-After": "1"}
WATCHDOG_SILENT_AFTER = timedelta(minutes=3)


@blp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@blp.get("/readyz")
def readyz() -> tuple[Response, int] | tuple[Response, int, dict[str, str]]:
    """Answer 503 only without the database or its migrations, or while it is damaged; the rest is told with 200."""
    database: Database = current_app.extensions["database"]
    if database.is_damaged(at=g.now):
        return jsonify(status="unavailable", database="damaged"), 503, RETRY_SOON
    try:
        if missing := database.missing_from_schema(at=g.now):
            shown = missing[:MAX_MISSING_SHOWN]
            return jsonify(status="unavailable", database="not migrated", missing=shown), 503, RETRY_SOON
        with database.reading(ALL_TENANTS) as session:
            heartbeats = session.scalars(select(Heartbeat).where(Heartbeat.at > g.now - SILENT_AFTER)).all()
            watchdog_run = session.scalars(select(WatchdogRun)).one_or_none()
    except SQLAlchemyError:
        return jsonify(status="unavailable", database="unreachable"), 503, RETRY_SOON
    return jsonify(
        status="ok",
        database="ok",
        worker=_status(bool(heartbeats)),
        escalation=_status(bool(heartbeats) and not any(beat.overdue_steps for beat in heartbeats)),
        push=_status(bool(heartbeats) and all(beat.push == "ok" for beat in heartbeats)),
        channels=_channels(heartbeats),
        queue=_status(bool(heartbeats) and not any(_queue_is_stuck(beat) for beat in heartbeats)),
        rate_limits=_status(not rate_limiter().is_away()),
        passwords=_status(not any(queue.process.is_away for queue in password_queues())),
        audit=_status(
            watchdog_run is not None and watchdog_run.clean and g.now - watchdog_run.at < WATCHDOG_SILENT_AFTER
        ),
    ), 200


@blp.get("/metrics")
def prometheus_metrics() -> Response:
    """Answer metrics for Prometheus. No label names an organization or a person."""
    database: Database = current_app.extensions["database"]
    return Response(metrics.render_metrics(database, at=g.now), content_type=CONTENT_TYPE_LATEST)


def _channels(heartbeats: Sequence[Heartbeat]) -> dict[str, str]:
    """Return the status of each channel: degraded while a worker's circuit breaker holds its messages back."""
    names = sorted({name for beat in heartbeats for name in beat.channels})
    return {name: _status(all(beat.channels.get(name) != "open" for beat in heartbeats)) for name in names}


def _queue_is_stuck(beat: Heartbeat) -> bool:
    figures = beat.figures
    return figures.get("oldest_due_seconds", 0) > MAX_QUEUE_DELAY_SECONDS or figures.get("dead_lettered", 0) > 0


def _status(ok: bool) -> str:  # noqa: FBT001 - its only argument
    return "ok" if ok else "degraded"
