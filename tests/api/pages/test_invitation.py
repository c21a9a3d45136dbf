"""The page behind a one-time code: it sets a password or PIN, and keeps its address to itself."""

from typing import Any

import pytest

from models.staff.credentials.token import Token
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code, sign_in

NEW, PIN = "a new and long one", "902715"


@pytest.fixture
def path(app: App, shop: Shop) -> str:
    return "/i/" + str(make_code(app, shop, "colleague").json["code"])


def fill_in(app: App, path: str, **values: str) -> Any:
    return app.request("POST", path, data=values)


def test_a_person_sets_a_password_and_a_pin(app: App, shop: Shop, path: str) -> None:
    form = app.request("GET", path)
    assert (form.status_code, form.text.count('type="password"')) == (200, 3)
    page = fill_in(app, path, password=NEW, password_again=NEW, pin=PIN)
    assert page.status_code == 200
    assert "Sign in as colleague at acme." in page.text
    assert sign_in(app, shop, "colleague", NEW).status_code == 201
    for gone in (app.request("GET", path), fill_in(app, path, pin=PIN)):
        assert (gone.status_code, "This link is not valid" in gone.text) == (410, True)


@pytest.mark.parametrize("behind", [".", ")", "/", ").", "/)", "%E2%80%9D", ",", "%20"])
def test_what_stood_behind_the_link_in_a_text_does_no_harm(app: App, path: str, behind: str) -> None:
    assert app.request("GET", path + behind).status_code == 200
    assert fill_in(app, path + behind, pin=PIN).status_code == 200
    assert app.request("GET", path).status_code == 410


@pytest.mark.parametrize(
    ("accepted", "heading"),
    [
        ("pt", 'lang="pt"'),
        ("pt;q=0", 'lang="en"'),
        ("pt;q=0, *", 'lang="en"'),
        ("pt-BR, pt;q=0, en;q=0.5", 'lang="en"'),
        ("en;q=0.1, pt;q=0.0", 'lang="en"'),
    ],
)
def test_a_language_that_the_browser_refuses_is_not_used(app: App, path: str, accepted: str, heading: str) -> None:
    page = app.request("GET", path, headers={"Accept-Language": accepted})
    assert f"<html {heading}" in page.text
    assert '<html lang="pt"' in app.request("GET", f"{path}?lang=pt", headers={"Accept-Language": accepted}).text


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ({}, "Please fill in a password"),
        ({"password": " "}, "Please fill in a password"),
        ({"password": NEW}, "The two passwords are not the same"),
        ({"password": NEW, "password_again": NEW + "!"}, "The two passwords are not the same"),
        ({"password": "short", "password_again": "short"}, "Please choose a longer password"),
        ({"pin": "123456"}, "A PIN has six digits"),
        ({"pin": "12345"}, "A PIN has six digits"),
    ],
)
def test_what_cannot_be_set_is_said_and_never_shown(
    app: App, shop: Shop, path: str, values: dict[str, str], remark: str
) -> None:
    page = fill_in(app, path, **values)
    assert (page.status_code, remark in page.text) == (422, True)
    assert not any(f'value="{value}"' in page.text for value in values.values())
    assert fill_in(app, path, pin=PIN).status_code == 200  # the code is still valid


def test_an_address_that_leads_nowhere_says_the_same(app: App, shop: Shop, path: str) -> None:
    for code in ("x", "é" * 38, shop.tokens["floor"], Token.new("i", shop.organization_id).text):
        page = app.request("GET", f"/i/{code}")
        assert (page.status_code, "This link is not valid" in page.text) == (410, True)


def test_the_page_keeps_its_address_to_itself(app: App, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = app.request("GET", path)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in page.headers
    assert "<script" not in page.text
    log = capsys.readouterr().out
    assert "route=/i/<token:code>" in log
    assert path not in log


def test_the_page_speaks_the_language_of_the_browser(app: App, path: str) -> None:
    for language, headline in {"pt": "Defina a sua palavra-passe", "es": "Defina su contraseña"}.items():
        page = app.request("GET", path, headers={"Accept-Language": language})
        assert headline in page.text
        assert f'<html lang="{language}">' in page.text


def test_an_address_is_tried_twenty_times_a_minute_at_most(app: App, shop: Shop) -> None:
    pages = [app.request("GET", "/i/x") for _ in range(21)]
    assert [page.status_code for page in pages] == [*[410] * 20, 429]
    assert "Please try again in a moment" in pages[-1].text
