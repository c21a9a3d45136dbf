"""Text in requests: one type of field for what people write, and patterns that hold for the whole text."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from api.schemas.base import ClockTime, CostSchema, LanguageTag, Password, Pattern, SignInName, Text, Words
from api.schemas.organization import AppVersion, EditOrganizationSchema
from api.schemas.sessions import SignInSchema
from api.web.resource import METHODS
from api.web.smorest_internals import body_schema
from models.staff.credentials.password import hash_password, matching_spelling
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.organizations import PASSWORD, Shop

NOTHING_VISIBLE = ["", " ", "\t\n", "\u00a0", "\u200b", " \u200d\ufeff ", "\u2028"]


def test_words_are_composed_trimmed_and_count_a_line_break_once() -> None:
    assert Words(4).deserialize("  cafe\u0301\n") == "café"
    assert Words(3).deserialize("a\r\nb") == "a\nb"
    assert Words(3).deserialize("a\rb") == "a\nb"


@pytest.mark.parametrize("nothing", NOTHING_VISIBLE, ids=ascii)
def test_what_is_required_has_something_to_see(nothing: str) -> None:
    assert Words(10).deserialize(nothing) == ""
    with pytest.raises(ValidationError):
        Words(10, least=1).deserialize(nothing)


@pytest.mark.parametrize("character", ["\x00", "\ud800"], ids=ascii)
def test_what_no_database_stores_is_refused(character: str) -> None:
    for field in (Words(10), Text(10), Password()):
        with pytest.raises(ValidationError):
            field.deserialize(f"a{character}b")


def test_a_password_is_taken_as_it_was_typed_in_either_spelling() -> None:
    assert Password().deserialize(" café  au lait ") == " café  au lait "
    stored = hash_password(" cafe\u0301 au lait ")
    assert matching_spelling(stored, " caf\u00e9 au lait ")
    assert matching_spelling(hash_password(" caf\u00e9 au lait "), " cafe\u0301 au lait ")
    assert not matching_spelling(stored, "caf\u00e9 au lait")


def test_logins_are_compared_in_lower_case() -> None:
    assert SignInName().deserialize(" Maria.Lopes ") == "maria.lopes"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (LanguageTag(), "pt"),
        (ClockTime(), "18:00"),
        (AppVersion(), "1.2.3"),
        (CostSchema().fields["currency"], "EUR"),
        (EditOrganizationSchema().fields["phone_region"], "PT"),
        (SignInSchema().fields["pin"], "123456"),
    ],
    ids=str,
)
def test_no_line_break_follows_what_fits_a_pattern(field: fields.Field[Any], value: str) -> None:
    assert field.deserialize(value) == value
    with pytest.raises(ValidationError):
        field.deserialize(f"{value}\n")


def test_every_text_of_a_body_has_a_type_that_says_what_it_may_hold(app: App) -> None:
    """No plain fields.String: it takes NUL, ends of any length, and nothing but spaces."""
    rules = app.flask.url_map.iter_rules()
    classes = {getattr(app.flask.view_functions[rule.endpoint], "view_class", None) for rule in rules} - {None}
    schemas = [
        body_schema(getattr(each, name.lower())) for each in classes for name in METHODS if hasattr(each, name.lower())
    ]
    taken = set(chain.from_iterable(texts(schema) for schema in schemas if schema is not None))
    assert len(taken) > 100
    loose = [name for name, field in taken if not isinstance(field, Text) and not checked(field)]
    assert loose == []


def texts(schema: Schema) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, field in schema.load_fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from texts(inner.schema)
        elif type(inner) is fields.String or isinstance(inner, Text):
            yield f"{type(schema).__name__}.{name}", inner


def checked(field: fields.Field[Any]) -> bool:
    return any(isinstance(check, validate.OneOf | Pattern) for check in field.validators)


@pytest.mark.parametrize(
    ("path", "by", "body", "pointer"),
    [
        ("/concerns/{id}/follow-ups", "floor", {"what": " ", "kind": "action"}, "/what"),
        ("/fixes", "manager", {"what": "\u200b", "cause": "cold"}, "/what"),
        ("/regions", "admin", {"slug": "new", "name": "\u200b"}, "/name"),
        ("/regions", "admin", {"slug": "new\n", "name": "New"}, "/slug"),
    ],
    ids=ascii,
)
def test_blanks_are_no_answer(
    unchanged: UnchangedOrganization, path: str, by: str, body: dict[str, Any], pointer: str
) -> None:
    answer = unchanged.ask("POST", f"/v1{path}".format(id=unchanged.concern["id"]), by, json=body)
    assert pointer in [error["pointer"] for error in answer.json["errors"]], answer.text


def test_a_heading_has_a_slug_without_a_line_break(unchanged: UnchangedOrganization) -> None:
    headings = [{"slug": "weather", "name": "Weather"}, {"slug": "a\n", "name": "A"}]
    answer = unchanged.ask("PUT", "/v1/log-policy", "admin", json={"headings": headings})
    assert_invalid_value(answer, "body", "/headings/1/slug")


def test_people_sign_in_in_capitals(app: App, shop: Shop) -> None:
    body = {"organization": shop.slug.upper(), "login": "FLOOR", "password": PASSWORD}
    assert app.request("POST", "/v1/sessions", json=body).status_code == 201
