"""The page behind a feedback link: every answer is a page, in the language of the customer."""

from uuid import uuid4

import pytest

from models.recovery.public_token import new_token
from tests.support.app import App
from tests.support.factories.feedback import (
    KNOWN_CUSTOMER,
    answer_feedback,
    feedback_path,
    read_concern,
    resolved_concern,
)
from tests.support.factories.organizations import Shop


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"rating": "0"},
        {"rating": "6"},
        {"rating": "x"},
        {"rating": "3", "recommend": "11"},
        {"rating": "3", "words": "a" * 2001},
        {"rating": "3", "words": "a\x00b"},
    ],
    ids=lambda answers: "+".join(f"{name}={value[:9]!r}" for name, value in answers.items()) or "nothing",
)
def test_what_cannot_be_read_is_shown_again_with_what_was_written(
    app: App, shop: Shop, answers: dict[str, str]
) -> None:
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    page = answer_feedback(app, path, **answers)
    assert (page.status_code, 'role="alert"' in page.text) == (422, True)
    assert read_concern(app, shop, concern)["rating"] is None


def test_what_a_customer_writes_is_shown_as_text_and_never_as_a_page(app: App, shop: Shop) -> None:
    path = feedback_path(app, shop, resolved_concern(app, shop))
    page = answer_feedback(app, path, words='</textarea><script>alert("x")</script>')
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_an_address_that_leads_nowhere_is_404_on_a_page(app: App, shop: Shop) -> None:
    for token in (new_token(shop.organization_id), new_token(uuid4()), "x", "a" * 38, "é" * 38, "=" * 38):
        for page in (app.request("GET", f"/f/{token}"), answer_feedback(app, f"/f/{token}", rating="1")):
            assert (page.status_code, page.mimetype) == (404, "text/html")


def test_a_page_keeps_its_address_to_itself(app: App, shop: Shop) -> None:
    page = app.request("GET", feedback_path(app, shop, resolved_concern(app, shop)))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in page.headers
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("query", "browser", "profile", "lang"),
    [
        ("", "", None, "en"),
        ("", "pt-BR,en;q=0.8", None, "pt"),
        ("", "tlh, es;q=0.5", None, "es"),
        ("", "", ["pt-PT"], "pt"),
        ("", "en-GB", ["pt-PT"], "en"),
        ("?lang=es", "pt", ["pt-PT"], "es"),
        ("?lang=tlh", "", None, "en"),
    ],
)
def test_a_page_speaks_the_customers_language(
    app: App, shop: Shop, query: str, browser: str, profile: list[str] | None, lang: str
) -> None:
    concern = resolved_concern(app, shop, **(KNOWN_CUSTOMER if profile else {}))
    if profile:
        path = f"/v1/customers/{concern['customer_id']}"
        headers = {"If-Match": "*"}
        app.request("PATCH", path, (shop, "floor"), json={"languages": profile}, headers=headers)
    headers = {"Accept-Language": browser} if browser else {}
    page = app.request("GET", feedback_path(app, shop, concern) + query, headers=headers)
    assert f'<html lang="{lang}">' in page.text
    assert page.headers["Content-Language"] == lang
    headline = {"en": "How was it, in the end?", "pt": "Afinal, como correu?", "es": "¿Cómo fue, al final?"}
    assert headline[lang] in page.text


def test_a_body_that_is_too_large_is_refused_on_a_page(app: App, shop: Shop) -> None:
    page = answer_feedback(app, feedback_path(app, shop, resolved_concern(app, shop)), rating="1", words="a" * 300_000)
    assert (page.status_code, page.mimetype) == (413, "text/html")
