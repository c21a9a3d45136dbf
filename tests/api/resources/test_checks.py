"""Checks ("all well" taps), and the number of guests per day."""

from typing import Any

import pytest
from sqlalchemy import select

from models.concerns.check import WellbeingCheck
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.rows import rows

DAY = "2026-03-03"
TOLD = {"covers": 140, "transactions": 61, "sales": {"amount": 412_000, "currency": "EUR"}}


def tap(app: App, shop: Shop, by: str = "floor", **said: Any) -> Any:
    return app.request("POST", "/v1/checks", (shop, by), json=said)


def tell(app: App, shop: Shop, by: str = "manager", *, day: str = DAY, **figures: Any) -> Any:
    return app.request("PUT", f"/v1/stores/{shop.store_id}/days/{day}", (shop, by), json={**TOLD, **figures})


def figures(app: App, shop: Shop, day: str = DAY) -> dict[str, Any]:
    figures_of_day: dict[str, Any] = app.request(
        "GET", f"/v1/stores/{shop.store_id}/recovery-logs/{day}", (shop, "manager")
    ).json["figures"]
    return figures_of_day


def test_one_tap_says_that_all_is_well(app: App, shop: Shop) -> None:
    answer = tap(app, shop)
    assert answer.status_code == 201, answer.text
    assert {**answer.json, "id": None} == {
        "id": None,
        "store_id": str(shop.store_id),
        "count": 1,
        "at": "2026-03-03T12:00:00Z",
        "business_date": DAY,
    }
    (row,) = rows(app, WellbeingCheck)
    assert (row.checked_by_id, row.count) == (shop.staff["floor"], 1)


def test_a_tap_that_is_sent_twice_counts_once(app: App, shop: Shop) -> None:
    body = {"id": "01a2057b-741c-7631-8cca-22605be163db", "count": 12}
    first, second = tap(app, shop, **body), tap(app, shop, **body)
    assert (first.status_code, second.status_code, second.json) == (201, 200, first.json)
    assert figures(app, shop)["checks"] == 12


def test_who_is_on_no_shift_names_the_store(app: App, shop: Shop) -> None:
    assert tap(app, shop, "colleague").json["store_id"] == str(shop.store_id)  # the only one they belong to
    assert_invalid_value(tap(app, shop, "key"), "body", "/store_id")
    for by in ("colleague", "manager", "regional", "key"):
        assert tap(app, shop, by, store_id=str(shop.store_id)).status_code == 201
    elsewhere = tap(app, shop, "colleague", store_id=str(shop.other_store_id))
    assert_invalid_value(elsewhere, "body", "/store_id", "not-found")
    for by in ("hq", "admin"):
        assert_problem(tap(app, shop, by, store_id=str(shop.store_id)), 403, "forbidden")


@pytest.mark.parametrize("count", [0, -1, 501, "2", True])
def test_a_number_nobody_asks_is_refused(app: App, shop: Shop, count: Any) -> None:
    assert_invalid_value(tap(app, shop, count=count), "body", "/count")


def test_a_tap_at_one_in_the_morning_belongs_to_the_day_before(app: App, shop: Shop) -> None:
    app.clock.move(hours=13)
    assert tap(app, shop, count=100).json["business_date"] == DAY
    assert figures(app, shop)["checks"] == 100
    tap(app, shop, count=19)
    path = f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}"
    odd = app.request("GET", path, (shop, "manager")).json["odd_checks"]
    assert [(check["count"], check["at"]) for check in odd] == [(100, "2026-03-04T01:00:00Z")]


def test_the_day_is_entered_by_those_who_may_and_the_last_entry_counts(app: App, shop: Shop) -> None:
    for by in ("regional", "admin", "key", "manager"):
        answer = tell(app, shop, by, covers=None)
        assert answer.status_code == 200, answer.text
    expected = {"store_id": str(shop.store_id), "business_date": DAY, **TOLD, "covers": None}
    path = f"/v1/stores/{shop.store_id}/days/{DAY}"
    assert answer.json == app.request("GET", path, (shop, "manager")).json == expected
    (row,) = rows(app, StoreDay)
    assert row.version == 4
    for by in ("floor", "hq", "reports-key"):
        assert_problem(tell(app, shop, by), 403, "forbidden")


def test_a_day_nobody_entered_is_empty(app: App, shop: Shop) -> None:
    shown = app.request("GET", f"/v1/stores/{shop.store_id}/days/{DAY}", (shop, "manager")).json
    assert [shown[name] for name in TOLD] == [None, None, None]
    assert rows(app, StoreDay) == []


def test_a_store_counts_in_one_currency(app: App, shop: Shop) -> None:
    assert_invalid_value(tell(app, shop, sales={"amount": 1, "currency": "USD"}), "body", "/sales/currency")


@pytest.mark.parametrize(("name", "value"), [("covers", -1), ("covers", 1.5), ("transactions", 1_000_001)])
def test_a_figure_no_store_has_is_refused(app: App, shop: Shop, name: str, value: float) -> None:
    assert_invalid_value(tell(app, shop, **{name: value}), "body", f"/{name}")


def test_all_figures_are_sent_or_said_to_be_none(app: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}/days/{DAY}"
    assert_invalid_value(
        app.request("PUT", path, (shop, "manager"), json={"covers": 1, "sales": None}),
        "body",
        "/transactions",
        "required",
    )


def test_the_ask_rate_is_of_receipts_and_else_of_guests(app: App, shop: Shop) -> None:
    tap(app, shop, count=5)
    log_concern(app, shop, mood=3)
    log_concern(app, shop, mood=5, kind="praise")
    assert figures(app, shop)["ask_rate"] == {"value": None, "numerator": 6, "denominator": 0}
    tell(app, shop, covers=24, transactions=12)
    assert figures(app, shop)["ask_rate"] == {"value": 0.5, "numerator": 6, "denominator": 12}
    tell(app, shop, covers=24, transactions=None)
    shown = figures(app, shop)
    assert (shown["ask_rate"]["value"], shown["covers"], shown["transactions"]) == (0.25, 24, None)
    tell(app, shop, covers=9, transactions=None)
    assert figures(app, shop)["ask_rate"] == {"value": None, "numerator": 6, "denominator": 9}


@only_on_postgresql
def test_a_tap_waits_for_no_concern_in_flight_in_the_store(app: App, shop: Shop) -> None:
    """Each row of a store holds a lock of its store until it is committed."""
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(select(Store.id).where(Store.id == shop.store_id).with_for_update(read=True, key_share=True))
        assert tap(app, shop).status_code == 201
