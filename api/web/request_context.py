"""Context of a request: `g.request_id`, `g.now`, `g.actor`; afterwards headers, metrics and one log line."""

import re
import time

import structlog
from flask import Flask, Response, current_app, g, request
from uuid_utils.compat import uuid7

from api.web.compression import compress
from api.web.etags import complete_etag
from api.web.metrics import count_request
from api.web.resource import Resource
from models.db.session import Database

log = structlog.get_logger("request")
HEALTH_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})
VARY = ("Authorization", "Accept", "Accept-Language", "Accept-Encoding")
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{8,64}")


def register(app: Flask) -> None:
    app.before_request(_start_request)
    # Flask runs the last one first.
    app.after_request(_finish_request)
    app.after_request(compress)
    app.after_request(complete_etag)


def _start_request() -> None:
    database: Database = current_app.extensions["database"]
    client_id = request.headers.get("X-Request-Id", "")
    g.request_id = client_id if REQUEST_ID_PATTERN.fullmatch(client_id) else uuid7().hex
    g.now = database.clock()
    g.started = time.perf_counter()
    g.actor = None
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish_request(response: Response) -> Response:
    """Say what may be stored and on what the answer depends, and write the log line: ids, never a query or a body."""
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.status_code == 204:
        del response.headers["Content-Type"]  # of nothing
    if request.path.startswith("/v1"):
        response.headers["Cache-Control"] = "private, no-cache" if _may_be_stored(response) else "no-store"
    response.vary.update(VARY)
    actor = g.actor
    route = request.url_rule.rule if request.url_rule else None
    seconds = time.perf_counter() - g.started
    count_request(request.method, route, response.status_code, seconds)
    # Health checks come every few seconds; only failed ones are worth a line.
    write = log.debug if route in HEALTH_ROUTES and response.status_code < 400 else log.info
    write(
        "answered",
        method=request.method,
        route=route,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        staff=str(actor.staff_id) if actor and actor.staff_id else None,
        device=str(actor.device_id) if actor and actor.device_id else None,
        api_key=str(actor.api_key_id) if actor and actor.api_key_id else None,
    )
    return response


def _may_be_stored(response: Response) -> bool:
    """Return whether the app that asked may keep the answer: it has an ETag to ask by again, and holds no secret."""
    view = current_app.view_functions.get(request.endpoint or "")
    return "ETag" in response.headers and not getattr(view, "view_class", Resource).never_stored
