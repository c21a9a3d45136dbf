"""Application factory: `create_app` puts the web application together."""

import importlib.resources
import tomllib
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from flask import Flask, Response, redirect, send_from_directory
from flask.json.provider import JSONProvider
from flask.typing import ResponseReturnValue
from flask_cors import CORS

from api import cli
from api.pages import feedback, invitation, problem, qr_code
from api.pages.page import TokenConverter
from api.resources import BLUEPRINTS, health
from api.web import problems, request_context
from api.web.blueprint import Api
from api.web.openapi import HEADERS
from api.web.openapi_answers import complete_answers
from api.web.openapi_enums import name_enums
from api.web.openapi_parameters import share_parameters
from api.web.openapi_properties import describe_properties
from api.web.password_queue import PasswordQueues
from api.web.rate_limits import make_rate_limiter
from api.web.trusted_proxies import TrustedProxies
from config import Config
from models.db.session import Database, DatabaseRole

DESCRIPTION = """Log a customer's concern in seconds, ring the right phones, record what put it right.

**Text** is composed (NFC) and trimmed, a line break counts once, and where a text is required it has something to see
in it. Slugs, codes and passwords are taken as they are sent; logins and the slugs of organizations in lower case.

**Times** are RFC 3339, also with small letters and second 60. A query parameter that takes several values takes them
with commas or one by one; any other is given once.

**Refusals** are problems (RFC 9457). 404 is for what the address names; an id or slug in a body or filter that names
nothing within reach is 422 with its `pointer`. What is 503 passes by itself: ask again after `Retry-After`. 500 is a
fault of ours, and asking again does not help.

**Versions:** a change names the version that was read in `If-Match`: `"4"`, `W/"4"` and `"4.abc"` are the same.

**Examples** of bodies work as they stand in the demo (`flask --app wsgi demo seed`), whose regions, stores and people
have the same ids wherever it is seeded. Put in yourself: times near now, codes that you got, and the ids `into`,
`customer_id` and `notification_id`.

A secret that the API makes, such as the `token` of an API key, is shown once: a repeat of the request, by its
`Idempotency-Key` or by the `id` of the client, has no second effect and answers null in its place. Whoever lost the
first answer makes a new one.
"""
BEARER = """The `token` that `POST /v1/sessions` answers to organization, login and password: try it below, and paste
the token here. A system uses the `token` of an API key, which an administrator makes with `POST /v1/api-keys`."""
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Names of flask-smorest.
OPENAPI_SETTINGS: Final = {
    "API_TITLE": "Amends",
    "API_VERSION": PROJECT["version"],
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_SWAGGER_UI_PATH": "/docs",
    "OPENAPI_SWAGGER_UI_URL": "/_swagger/",
    "OPENAPI_SWAGGER_UI_CONFIG": {"deepLinking": True, "filter": True, "persistAuthorization": True},
    "API_SPEC_OPTIONS": {
        "info": {
            "description": DESCRIPTION,
            "contact": {"name": "The people who build Amends"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The instance that serves this document"}],
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": BEARER}}},
    },
}
# Names of flask-cors. An app sends a bearer, so that no cookie has to be let through.
CORS_SETTINGS: Final[dict[str, Any]] = {
    "allow_headers": [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "X-App-Version",
        "X-Request-Id",
    ],
    "expose_headers": sorted({*HEADERS, "Content-Disposition", "Date"}),
    "always_send": False,  # to whom names no origin
    "max_age": timedelta(hours=1),
}
MAX_BODY_BYTES = 256 * 1024


class OrjsonProvider(JSONProvider):
    """JSON by orjson, which is fast and writes dates and UUIDs."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


def create_app(config: Config, database: Database | None = None) -> Flask:
    """Return the web application. It makes its engines, but connects only with the first request."""
    app = Flask("api", static_folder=None)
    app.json = OrjsonProvider(app)
    app.url_map.merge_slashes = False  # an address with // is unknown, not another spelling
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PUBLIC_URL=config.public_url,
        SECOND_FACTOR_REQUIRED=config.serves_others,
        **deepcopy(OPENAPI_SETTINGS),  # apispec writes the document into them
    )
    app.extensions["database"] = database or Database(config.database_url, DatabaseRole.APP, pool=config.web_threads)
    app.extensions["password_queues"] = PasswordQueues.of(config.web_threads)
    app.extensions["limiter"] = make_rate_limiter(config.ratelimit_storage_url, config.database_url)
    if config.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, config.trusted_proxies)  # type: ignore[method-assign]
    request_context.register(app)
    problems.register(app)
    if config.cors_origins:
        CORS(app, resources=r"/v1/.*", origins=config.cors_origins, **CORS_SETTINGS)
        app.after_request(_vary_by_origin)
    api = Api(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    del api.spec.components.schemas["PaginationMetadata"]  # flask-smorest's: pages of ours have a cursor
    complete_answers(api.spec)
    describe_properties(api.spec)
    name_enums(api.spec)
    share_parameters(api.spec)
    app.url_map.converters["token"] = TokenConverter
    for pages in (feedback, qr_code, invitation, problem, health):
        app.register_blueprint(pages.blp)
    app.add_url_rule("/", "home", lambda: redirect("/docs"))
    app.add_url_rule("/_swagger/<path:name>", "swagger", _swagger)
    cli.register(app)
    return app


def _vary_by_origin(response: Response) -> Response:
    """Say that an answer is another one for another origin, also where it names none."""
    response.vary.add("Origin")
    return response


def _swagger(name: str) -> ResponseReturnValue:
    """Serve a file of the docs page from an installed package, so that no request leaves the machine."""
    return send_from_directory(str(importlib.resources.files("flask_swagger_ui") / "dist"), name)
