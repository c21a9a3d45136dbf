"""HTTP in, JSON out: the application is put together here and nowhere else."""

import importlib.resources
from typing import Any

import orjson
from flask import Flask, redirect, send_from_directory
from flask.json.provider import JSONProvider
from flask.typing import ResponseReturnValue
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from api import cli
from api.pages import feedback as feedback_pages
from api.pages import qr_code as standing_qr_pages
from api.resources import (
    alert_rules,
    alerts,
    concerns,
    customers,
    escalation_policies,
    exports,
    feedback,
    fixes,
    follow_ups,
    guidance,
    health,
    items,
    me,
    organization,
    questions,
    recovery_actions,
    recovery_logs,
    remedies,
    reports,
    sessions,
)
from api.resources import checks as listening
from api.resources import store_groups as groups
from api.resources import store_hours as hours
from api.web import problems as errors
from api.web import request_context as requests
from api.web.blueprint import Api
from config import Config
from models.db.session import Database, DatabaseRole

BLUEPRINTS = (
    sessions,
    me,
    organization,
    groups,
    questions,
    hours,
    customers,
    concerns,
    recovery_actions,
    follow_ups,
    feedback,
    fixes,
    listening,
    remedies,
    items,
    guidance,
    alerts,
    alert_rules,
    escalation_policies,
    recovery_logs,
    reports,
    exports,
)
DESCRIPTION = "Log a customer's concern in seconds, ring the right phones, record what put it right."


class Orjson(JSONProvider):
    """The fastest JSON there is for Python; dates and UUIDs included."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


def create_app(config: Config, database: Database | None = None) -> Flask:
    """The web application. Engines are made, but nothing connects before the first request."""
    app = Flask("api", static_folder=None)
    app.json = Orjson(app)
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=256 * 1024,
        PUBLIC_URL=config.public_url,
        API_TITLE="Amends",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_SWAGGER_UI_PATH="/docs",
        OPENAPI_SWAGGER_UI_URL="/_swagger/",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "security": [{"bearer": []}],
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        },
    )
    app.extensions["database"] = database or Database(config.database_url, DatabaseRole.APP, pool=config.web_threads)
    app.extensions["limiter"] = MovingWindowRateLimiter(storage_from_string(config.ratelimit_storage_url))
    requests.register(app)
    errors.register(app)
    api = Api(app)
    for module in BLUEPRINTS:
        api.register_blueprint(module.blp)
    for pages in (feedback_pages, standing_qr_pages, health):
        app.register_blueprint(pages.blp)
    app.add_url_rule("/", "home", lambda: redirect("/docs"))
    app.add_url_rule("/_swagger/<path:name>", "swagger", _swagger)
    cli.register(app)
    return app


def _swagger(name: str) -> ResponseReturnValue:
    """The files of the docs page, from an installed package: no request leaves the machine."""
    return send_from_directory(str(importlib.resources.files("flask_swagger_ui") / "dist"), name)
