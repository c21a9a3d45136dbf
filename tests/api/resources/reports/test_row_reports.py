"""The reports that read rows, over HTTP: who sees what, which formats, and who reads the names of items."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from models.concerns.enums import Outcome
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import add_concern, log_concern
from tests.support.factories.organizations import Shop, make_shop

DAYS = {"from": "2026-03-01", "to": "2026-03-31"}
NAMES = ("remedies", "causes", "items", "follow-ups", "listening", "alerts")


def report(
    app: App, shop: Shop, name: str, by: str = "admin", *, accept: str = "application/json", **query: Any
) -> TestResponse:
    headers = {"Accept": accept}
    return app.request("GET", f"/v1/reports/{name}", (shop, by), query_string={**DAYS, **query}, headers=headers)


@pytest.mark.parametrize("name", NAMES)
def test_everybody_sees_the_figures_of_the_stores_within_reach(app: App, shop: Shop, name: str) -> None:
    make_shop(app.back_office, "stranger")
    dish = {"items": [{"name": "Soup"}], "recovery_actions": [{"remedy": "apology"}]}
    for by, store_id in (("floor", shop.store_id), ("elsewhere", shop.other_store_id)):
        concern = log_concern(app, shop, by, store_id=str(store_id), mood=1, **dish)
        promise = {"what": "We call.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
        app.request("POST", f"/v1/concerns/{concern['id']}/follow-ups", (shop, by), json=promise)
    for login, stores in {"manager": ["first"], "hq": ["first", "second"], "reports-key": ["first", "second"]}.items():
        answer = report(app, shop, name, login, group_by="store").json
        assert [row["group"]["store"]["slug"] for row in answer["rows"]] == stores, login
        elsewhere = report(app, shop, name, login, store_id=shop.other_store_id)
        if "second" in stores:
            assert next(iter(elsewhere.json["totals"].values())), login
        else:
            assert_invalid_value(elsewhere, "query", "/store_id")
    assert report(app, shop, name, "floor").status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_a_report_of_nothing_has_zeros(app: App, shop: Shop, name: str) -> None:
    answer = report(app, shop, name).json
    assert len(answer["rows"]) == (0 if name in ("remedies", "causes", "items") else 1)
    assert next(iter(answer["totals"].values())) == 0


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_ranked(app: App, shop: Shop, name: str) -> None:
    for person in ("staff", "reported_by", "acted_by", "taken_by", "owner", "customer"):
        answer = report(app, shop, name, group_by=person)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/group_by"), person


def test_a_remedy_given_twice_helps_once(app: App, shop: Shop) -> None:
    for _ in range(10):
        add_concern(app, shop, outcome=Outcome.RECOVERED, mood_after=5, cost=250)
    twice = {"recovery_actions": [{"remedy": "apology"}, {"remedy": "apology"}]}
    log_concern(app, shop, mood=1, handling="mine", outcome="lost", mood_after=2, **twice)
    apology, voucher = report(app, shop, "remedies").json["rows"]
    assert apology == {
        "group": {"remedy": apology["group"]["remedy"]},
        "times": 2,
        "concerns": 1,
        "recovered_share": {"value": None, "numerator": 0, "denominator": 1},
        "mood_lift": {"mean": 1.0, "n": 1},
        "cost": [],
    }
    assert voucher["group"]["remedy"]["slug"] == "voucher"
    assert voucher["recovered_share"] == {"value": 1.0, "numerator": 10, "denominator": 10}
    assert voucher["cost"] == [{"amount": 2500, "currency": "EUR"}]


def test_a_cause_that_was_fixed_says_since_when_and_who_raised_it_nevertheless(app: App, shop: Shop) -> None:
    cold = {"mood": 2, "category": "food", "cause": "cold"}
    log_concern(app, shop, **cold)
    app.clock.move(minutes=10)
    fix = {"category": "food", "cause": "cold", "what": "New lamps.", "store_id": str(shop.store_id)}
    key = {"Idempotency-Key": "fix"}
    assert app.request("POST", "/v1/fixes", (shop, "manager"), json=fix, headers=key).status_code == 201
    app.clock.move(minutes=10)
    for _ in range(2):
        log_concern(app, shop, **cold)
    add_concern(app, shop, store="second")
    cold_row, without = report(app, shop, "causes", group_by="store").json["rows"]
    assert (cold_row["fixed_at"], cold_row["raised_since_fixed"]) == ("2026-03-03T12:10:00Z", 2)
    assert (without["fixed_at"], without["raised_since_fixed"]) == (None, 0)
    assert without["group"]["cause"] is without["group"]["category"] is None


def test_only_who_reads_the_catalogue_reads_the_names_of_unconfirmed_items(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=1, items=[{"name": "Soup"}, {"name": "My wife is ill"}])
    log_concern(app, shop, mood=1, items=[{"name": "Soup"}, {"name": "He shouts"}, {"name": "Bread"}])
    log_concern(app, shop, mood=1, items=[{"name": "A man in red"}, {"name": "Bread"}], sensitive=True)
    items = {item["name"]: item for item in app.request("GET", "/v1/items", (shop, "manager")).json["items"]}
    changes = {"Soup": {"confirmed": True}, "He shouts": {"name": "Fish"}, "A man in red": {"confirmed": True}}
    for name, body in changes.items():
        path, key = f"/v1/items/{items[name]['id']}", {"If-Match": "*"}
        assert app.request("PATCH", path, (shop, "manager"), json=body, headers=key).json["confirmed"]
    everything = {("Soup", 1, 2), ("My wife is ill", 1, 1), ("Fish", 1, 1), ("Bread", 1, 2), ("A man in red", 1, 1)}
    confirmed = {("Soup", 1, 2), ("Fish", 1, 1), ("unconfirmed", 3, 3)}
    shown = {
        "manager": everything,
        "admin": everything,
        "key": (everything - {("A man in red", 1, 1)}) | {("unconfirmed", 1, 1)},
        "hq": confirmed,
        "reports-key": confirmed,
    }
    for login, expected in shown.items():
        answer = report(app, shop, "items", login).json
        rows = [(row["group"]["item"]["name"], row["items"], row["concerns"]) for row in answer["rows"]]
        assert set(rows) == expected, login
        assert len(rows) == len(expected)
        assert (answer["totals"]["items"], answer["totals"]["concerns"]) == (5, 3)
    path, languages = "/v1/reports/items", {"Accept-Language": "pt"}
    answer = app.request("GET", path, (shop, "hq"), query_string=DAYS, headers=languages)
    assert answer.json["rows"][-1]["group"]["item"] == {"id": None, "slug": None, "name": "por confirmar"}
    for accept in ("application/json", "text/csv"):
        whole = report(app, shop, "items", "hq", accept=accept).text
        assert [word for word in ("ill", "wife", "shouts", "he-shouts", "red") if word in whole] == []
