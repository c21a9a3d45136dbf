"""What all pages share: the customer's language, headers that keep a link to themselves, a kind word when it fails."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from babel import Locale
from flask import Blueprint, Response, current_app, render_template, request
from marshmallow import EXCLUDE, ValidationError

from api.schemas.base import Schema
from api.web.problems import problem_of
from models.db.session import Database
from models.errors import NotFound
from models.recovery.public_token import organization_id_of
from notifications.messages.translations import ENGLISH, closest_language, load_catalogues

CATALOGUES = load_catalogues(Path(__file__).parent / "locales")
LANGUAGES = {tag: (Locale.parse(tag).display_name or tag).capitalize() for tag in ("en", *CATALOGUES)}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Robots-Tag": "noindex",
}

Translate = Callable[[str], str]


def blueprint(name: str) -> Blueprint:
    """A room of pages whose refusals are pages as well."""
    blp = Blueprint(name, __name__, template_folder="templates", static_folder="static", static_url_path="/pages")
    blp.register_error_handler(Exception, _error_page)
    return blp


def organization_behind(token: str) -> UUID:
    """Whose page it is; NotFound for an address that cannot be one of ours."""
    organization_id = organization_id_of(token)
    if organization_id is None:
        raise NotFound("There is no such page.")
    return organization_id


def database() -> Database:
    found: Database = current_app.extensions["database"]
    return found


def language(spoken: Sequence[str] = ()) -> str:
    """Asked for in the address, else what the browser takes, else what the customer speaks, else English."""
    wanted = (request.args.get("lang"), *request.accept_languages.values(), *spoken)
    return next((tag for one in wanted if (tag := closest_language(one, LANGUAGES))), "en")


def read_form(form: type[Schema]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was filled in, and what is wrong with it by field; what was left blank was not said."""
    filled = {name: value for name, value in request.form.items() if value.strip()}
    try:
        return form().load(filled, unknown=EXCLUDE), {}
    except ValidationError as error:
        return filled, error.normalized_messages()


def render_page(template: str, *, status: int = 200, spoken: Sequence[str] = (), **shown: Any) -> Response:
    """One page, in the customer's language."""
    tag = language(spoken)
    say: Translate = CATALOGUES.get(tag, ENGLISH).gettext
    html = render_template(template, say=say, language=tag, languages=LANGUAGES, **shown)
    return Response(html, status=status, mimetype="text/html", headers=HEADERS)


def _error_page(error: Exception) -> Response:
    """The refusal that the API would give, told to a customer."""
    problem = problem_of(error)
    page = render_page("sorry.html", status=problem.status_code, code=problem.status_code)
    if "Retry-After" in problem.headers:
        page.headers["Retry-After"] = problem.headers["Retry-After"]
    return page
