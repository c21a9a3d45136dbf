"""What all public pages share: language, headers that keep the link secret, error pages."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from babel import Locale
from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup
from marshmallow import EXCLUDE, ValidationError
from werkzeug.routing import BaseConverter

from api.schemas.base import Schema
from api.schemas.reader_language import reader_language
from api.web.problems import problem_of
from models.db.session import Database
from models.errors import NotFound
from models.organizations.names import closest_language
from models.recovery.public_token import organization_id_of
from notifications.messages.translations import ENGLISH, load_catalogues

CATALOGUES = load_catalogues(Path(__file__).parent / "locales")
LANGUAGES = {tag: (Locale.parse(tag).display_name or tag).capitalize() for tag in ("en", *CATALOGUES)}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address is a secret
    "X-Robots-Tag": "noindex",
}

_AFTER_TOKEN = re.compile(r"[^A-Za-z0-9_-]+$")

Translate = Callable[[str], str]


@dataclass(frozen=True)
class InlineStyle:
    """A style sheet within its page, and the headers of that page.

    For pages that need a sign-in: a reader with a token cannot open a second address, and a saved page still prints.
    """

    sheet: Markup
    headers: dict[str, str]

    @classmethod
    def load(cls, name: str) -> "InlineStyle":
        text = (Path(__file__).parent / "static" / name).read_text(encoding="utf-8")
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        policy = HEADERS["Content-Security-Policy"].replace("style-src 'self'", f"style-src 'sha256-{digest}'")
        return cls(Markup(text), {"Content-Security-Policy": policy})  # noqa: S704 - our own file


class TokenConverter(BaseConverter):
    """Converter of tokens in addresses, without what stood behind the link: a full stop, a bracket, a slash."""

    regex = "[^/]+(?:/[^A-Za-z0-9_/-]*)?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return _AFTER_TOKEN.sub("", value)


def blueprint(name: str) -> Blueprint:
    """Return a blueprint of pages whose errors are pages as well."""
    blp = Blueprint(name, __name__, template_folder="templates", static_folder="static", static_url_path="/pages")
    blp.register_error_handler(Exception, _error_page)
    return blp


def organization_behind(token: str) -> UUID:
    """Return the organization of a page's token. Raises NotFound for a malformed token."""
    organization_id = organization_id_of(token)
    if organization_id is None:
        raise NotFound("There is no such page.")
    return organization_id


def database() -> Database:
    extension: Database = current_app.extensions["database"]
    return extension


def language(customer_languages: Sequence[str] = ()) -> str:
    """Return the language of the address, else of the browser, else of the customer's profile, else English."""
    if chosen := closest_language(request.args.get("lang"), LANGUAGES):
        return chosen
    return reader_language(LANGUAGES, customer_languages)


def read_form(form: type[Schema]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the form and the errors by field. Blank fields count as absent."""
    filled = {name: value for name, value in request.form.items() if value.strip()}
    try:
        return form().load(filled, unknown=EXCLUDE), {}
    except ValidationError as error:
        return filled, error.normalized_messages()


def render_page(
    template: str,
    *,
    status: int = 200,
    customer_languages: Sequence[str] = (),
    fixed_language: str | None = None,
    **context: Any,
) -> Response:
    """Render a page in the customer's language, or in the closest one to `fixed_language` whoever reads it."""
    tag = (closest_language(fixed_language, LANGUAGES) or "en") if fixed_language else language(customer_languages)
    translate: Translate = CATALOGUES.get(tag, ENGLISH).gettext
    html = render_template(template, _=translate, language=tag, languages=LANGUAGES, **context)
    page = Response(html, status=status, mimetype="text/html", headers=HEADERS)
    page.content_language.add(tag)
    return page


def _error_page(error: Exception) -> Response:
    """Render the problem that the API would answer, in words for a customer."""
    problem = problem_of(error)
    page = render_page("error.html", status=problem.status_code, code=problem.status_code)
    if "Retry-After" in problem.headers:
        page.headers["Retry-After"] = problem.headers["Retry-After"]
    return page
