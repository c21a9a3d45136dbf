"""Is the process up, is the house well: for load balancers and people on call."""

from flask import Blueprint, Response, current_app, g, jsonify
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from models.heartbeat import SILENT_AFTER, Heartbeat
from models.session import EVERYTHING, Database

blp = Blueprint("health", __name__)


@blp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@blp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """503 only without the database or its migrations; the rest is told, not refused."""
    database: Database = current_app.extensions["database"]
    try:
        with database.reading(EVERYTHING) as session:
            at = session.scalars(text("SELECT version_num FROM alembic_version")).one_or_none()
            beats = session.scalars(select(Heartbeat).where(Heartbeat.at > g.now - SILENT_AFTER)).all()
    except SQLAlchemyError:
        return jsonify(status="unavailable", database="unreachable"), 503
    if at != current_app.config["MIGRATION_HEAD"]:
        return jsonify(status="unavailable", database="not migrated"), 503
    return jsonify(
        status="ok",
        database="ok",
        worker=_said(bool(beats)),
        escalation=_said(bool(beats) and not any(beat.overdue_steps for beat in beats)),
        push=_said(bool(beats) and all(beat.push == "ok" for beat in beats)),
    ), 200


def _said(well: bool) -> str:  # noqa: FBT001 the one thing it takes
    return "ok" if well else "degraded"
