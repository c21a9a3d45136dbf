"""The sheet of QR codes that a manager prints, and how the codes come to be."""

import re
from base64 import b64decode
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from models.recovery import qr_code
from models.recovery.qr_code import QrCode
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop
from tests.support.qr_reader import read_qr_code
from tests.support.rows import rows
from tests.support.threads import at_once

HTML = {"Accept": "text/html"}
ANY = {"If-Match": "*"}


def address(shop: Shop, rest: str) -> str:
    return f"/v1/stores/{shop.store_id}/{rest}"


def sheet(app: App, shop: Shop, by: str = "manager", **headers: str) -> TestResponse:
    return app.request("GET", address(shop, "qr-sheet"), (shop, by), headers={**HTML, **headers})


def make_missing(app: App, shop: Shop, by: str = "manager", **options: Any) -> Any:
    return app.request("POST", address(shop, "standing-qrs/missing"), (shop, by), **options)


def put_places(app: App, shop: Shop, *names: str) -> list[dict[str, Any]]:
    body = {"items": [{"name": name} for name in names]}
    items: list[dict[str, Any]] = app.request("PUT", address(shop, "places"), (shop, "manager"), json=body).json[
        "items"
    ]
    return items


def cards(page: TestResponse) -> list[tuple[str, str]]:
    """Return what is under each code, and where the code leads."""
    matches = re.findall(
        r'<img src="data:image/svg\+xml;base64,([^"]+)".*?<strong[^>]*>(.*?)</strong>', page.text, re.DOTALL
    )
    return [(unescape(name), read_qr_code(b64decode(picture).decode())) for picture, name in matches]


def test_forty_tables_and_their_codes_are_two_calls_and_one_sheet(app: App, shop: Shop) -> None:
    names = [f"Table {number}" for number in range(1, 41)]
    put_places(app, shop, *names)
    made = make_missing(app, shop)
    assert made.status_code == 200, made.text
    codes = made.json["items"]
    assert [code["place"] for code in codes] == [f"table-{number}" for number in range(1, 41)]
    page = sheet(app, shop)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert cards(page) == [(name, code["link"]) for name, code in zip(names, codes, strict=True)]
    assert "Tell us while you are here" in page.text


def test_only_what_is_missing_is_made(app: App, shop: Shop) -> None:
    own = app.request("POST", address(shop, "standing-qrs"), (shop, "manager"), json={"place": "table-12"}).json
    receipts = app.request("POST", address(shop, "standing-qrs"), (shop, "manager"), json={}).json
    first, again = make_missing(app, shop), make_missing(app, shop)
    assert [code["place"] for code in first.json["items"]] == ["table-1", "table-12"]
    assert first.json["items"][1] == own
    assert again.json == first.json
    assert receipts["link"] not in sheet(app, shop).text
    assert app.request("DELETE", f"/v1/standing-qrs/{own['id']}", (shop, "manager")).status_code == 204
    third = make_missing(app, shop).json["items"]
    assert (third[0], third[1]["place"]) == (first.json["items"][0], "table-12")
    assert third[1]["link"] != own["link"]


def test_the_same_request_twice_is_answered_twice(app: App, shop: Shop) -> None:
    first, again = (make_missing(app, shop, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")


@only_on_postgresql
def test_of_those_who_make_them_at_once_one_does(app: App, shop: Shop) -> None:
    answers = at_once([lambda: make_missing(app, shop)] * 6)
    assert [answer.json for answer in answers] == [answers[0].json] * 6
    assert len(rows(app, QrCode)) == 2


def test_a_retired_place_is_not_on_the_sheet_and_its_code_still_takes_concerns(app: App, shop: Shop) -> None:
    first, _ = make_missing(app, shop).json["items"]
    (place, *_) = app.request("GET", address(shop, "places"), (shop, "manager")).json["items"]
    assert app.request("DELETE", address(shop, f"places/{place['id']}"), (shop, "manager")).status_code == 204
    assert [name for name, _ in cards(sheet(app, shop))] == ["table 12"]
    assert [code["place"] for code in make_missing(app, shop).json["items"]] == ["table-12"]
    form = str(first["link"]).partition(app.flask.config["PUBLIC_URL"])[2]
    assert "table 1" in app.request("GET", form).text
    answer = app.request("POST", form, data={"id": "01a2057b-741c-7631-8cca-22605be163db", "mood": "1"})
    assert answer.status_code == 303
    (concern,) = app.request("GET", "/v1/concerns", (shop, "manager")).json["items"]
    assert (concern["place"], concern["source"]) == ("table-1", "customer")


def test_the_sheet_speaks_the_first_language_of_the_organization(app: App, shop: Shop) -> None:
    make_missing(app, shop)
    for languages, expected in ((["pt-BR", "en"], "Diga-nos enquanto aqui"), (["fi", "pt"], "Tell us while you are")):
        answer = app.request("PATCH", "/v1/organization", (shop, "admin"), json={"languages": languages}, headers=ANY)
        assert answer.status_code == 200
        page = sheet(app, shop, **{"Accept-Language": "es"})
        assert expected in page.text
        assert f'<strong lang="{languages[0]}">' in page.text


def test_what_people_typed_is_shown_and_never_run(app: App, shop: Shop) -> None:
    nasty = '<script>alert("x")</script>{{ 7 * 7 }}&'
    put_places(app, shop, nasty)
    make_missing(app, shop)
    page = sheet(app, shop)
    assert [name for name, _ in cards(page)] == [nasty]
    assert "<script" not in page.text
    assert f'alt="QR code of {nasty}"' in unescape(page.text)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert 'style="' not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_without_a_code_the_page_says_so(app: App, shop: Shop) -> None:
    assert "No place has a QR code." in sheet(app, shop).text


def test_it_is_a_page_and_nothing_else(app: App, shop: Shop) -> None:
    assert app.request("GET", address(shop, "qr-sheet"), (shop, "manager")).mimetype == "text/html"
    assert_problem(sheet(app, shop, Accept="application/json"), 406, "not-acceptable")


def test_managers_make_and_print_the_codes_of_their_own_stores(app: App, shop: Shop) -> None:
    for login in ("floor", "hq", "key"):
        assert_problem(sheet(app, shop, login), 403, "forbidden")
        assert_problem(make_missing(app, shop, login), 403, "forbidden")
    for login in ("manager", "regional", "admin"):
        assert sheet(app, shop, login).status_code == 200
        assert make_missing(app, shop, login).status_code == 200
    there = f"/v1/stores/{shop.other_store_id}"
    assert_problem(app.request("GET", f"{there}/qr-sheet", (shop, "manager"), headers=HTML), 404, "not-found")
    assert_problem(app.request("POST", f"{there}/standing-qrs/missing", (shop, "manager")), 404, "not-found")


def test_a_store_has_as_many_codes_as_it_may(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qr_code, "MAX_QR_CODES", 2)
    one = app.request("POST", address(shop, "standing-qrs"), (shop, "manager"), json={}).json
    assert_problem(make_missing(app, shop), 409, "too-many")
    assert app.request("DELETE", f"/v1/standing-qrs/{one['id']}", (shop, "manager")).status_code == 204
    assert make_missing(app, shop).status_code == 200
    refused = app.request("POST", address(shop, "standing-qrs"), (shop, "manager"), json={})
    assert_problem(refused, 409, "too-many")
