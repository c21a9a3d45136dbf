"""Is the process up, is the house well: for load balancers and people on call."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, Response, current_app, g, jsonify
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from api.web import metrics
from models.db.session import ALL_TENANTS, Database
from models.outbox.heartbeat import SILENT_AFTER, Heartbeat
from models.outbox.watchdog_run import WatchdogRun

blp = Blueprint("health", __name__)

WAITS_TOO_LONG = 30.0  # seconds for which a row is due and nobody does it
SHOWN_OF_MISSING = 5
SOON = {"Retry-After": "1"}
UNAUDITED_AFTER = timedelta(minutes=3)


@blp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@blp.get("/readyz")
def readyz() -> tuple[Response, int] | tuple[Response, int, dict[str, str]]:
    """Answer 503 only without the database or its migrations; everything else is a field of a 200."""
    database: Database = current_app.extensions["database"]
    try:
        if missing := database.missing_from_schema(at=g.now):
            return jsonify(status="unavailable", database="not migrated", missing=missing[:SHOWN_OF_MISSING]), 503, SOON
        with database.reading(ALL_TENANTS) as session:
            beats = session.scalars(select(Heartbeat).where(Heartbeat.at > g.now - SILENT_AFTER)).all()
            audit = session.scalars(select(WatchdogRun)).one_or_none()
    except SQLAlchemyError:
        return jsonify(status="unavailable", database="unreachable"), 503, SOON
    return jsonify(
        status="ok",
        database="ok",
        worker=_said(bool(beats)),
        escalation=_said(bool(beats) and not any(beat.overdue_steps for beat in beats)),
        push=_said(bool(beats) and all(beat.push == "ok" for beat in beats)),
        channels=_channels(beats),
        queue=_said(bool(beats) and not any(_waits(beat) for beat in beats)),
        audit=_said(audit is not None and audit.clean and g.now - audit.at < UNAUDITED_AFTER),
    ), 200


@blp.get("/metrics")
def measured() -> Response:
    """For Prometheus. No label says anything of an organization or a person."""
    database: Database = current_app.extensions["database"]
    return Response(metrics.render_metrics(database, at=g.now), content_type=CONTENT_TYPE_LATEST)


def _channels(beats: Sequence[Heartbeat]) -> dict[str, str]:
    """Each way out of the house; degraded when a worker keeps letters back."""
    names = sorted({name for beat in beats for name in beat.channels})
    return {name: _said(all(beat.channels.get(name) != "open" for beat in beats)) for name in names}


def _waits(beat: Heartbeat) -> bool:
    told = beat.figures
    return told.get("oldest_due_seconds", 0) > WAITS_TOO_LONG or told.get("dead_lettered", 0) > 0


def _said(well: bool) -> str:  # noqa: FBT001 the one thing it takes
    return "ok" if well else "degraded"
