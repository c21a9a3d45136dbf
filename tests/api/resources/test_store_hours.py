"""The opening hours of a store over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from models.db.change_feed import Change
from models.organizations.store import Store
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import Shop
from tests.support.rows import rows

MONDAY = {"weekday": "monday", "opens_at": "18:00", "closes_at": "02:00"}
CHRISTMAS = {"date": "2026-12-25", "name": "Christmas", "periods": []}


def put(app: App, shop: Shop, by: str = "admin", **hours: Any) -> Any:
    return app.request("PUT", path(shop), (shop, by), json=hours)


def path(shop: Shop) -> str:
    return f"/v1/stores/{shop.store_id}/hours"


def test_a_store_without_opening_hours_is_always_open(app: App, shop: Shop) -> None:
    hours = {"weekly": None, "always": True, "exceptions": []}
    assert app.request("GET", path(shop), (shop, "floor")).json == hours


@pytest.mark.parametrize("writer", ["admin", "manager", "regional"])
def test_hours_are_read_by_everybody_as_those_who_run_the_store_wrote_them(app: App, shop: Shop, writer: str) -> None:
    written = {"weekly": [MONDAY], "exceptions": [CHRISTMAS]}
    shown = {**written, "always": False}
    assert put(app, shop, writer, **written).json == shown
    for login in ("floor", "hq", "key"):
        assert app.request("GET", path(shop), (shop, login)).json == shown
        assert_problem(put(app, shop, login, **written), 403, "forbidden")


def test_a_store_is_always_open_when_that_is_said(app: App, shop: Shop) -> None:
    for always in ({"always": True}, {"weekly": None}, {"weekly": None, "always": True}):
        assert put(app, shop, weekly=[MONDAY], always=False).json["weekly"] == [MONDAY]
        assert put(app, shop, **always).json == {"weekly": None, "always": True, "exceptions": []}
    for neither_or_both in ({}, {"always": False}, {"weekly": None, "always": False}, {"weekly": [], "always": True}):
        assert_invalid_value(put(app, shop, **neither_or_both), "body", "/weekly")


def test_new_hours_count_at_once_and_are_in_the_change_feed(app: App, shop: Shop) -> None:
    assert put(app, shop, weekly=[MONDAY], exceptions=[{**CHRISTMAS, "date": "2026-03-09"}]).status_code == 200
    (store,) = (store for store in rows(app, Store) if store.id == shop.store_id)
    assert store.is_open(datetime(2026, 3, 3, 1, 59, tzinfo=UTC))  # Monday at night, in the winter of Lisbon
    assert not store.is_open(datetime(2026, 3, 3, 2, tzinfo=UTC))
    assert not store.is_open(datetime(2026, 3, 9, 19, tzinfo=UTC))
    with app.back_office.reading(shop.organization_id) as session:
        assert (store.id, 2) in {(row.object_id, row.version) for row in session.scalars(select(Change))}


def test_a_store_may_be_always_open_but_for_a_holiday(app: App, shop: Shop) -> None:
    assert put(app, shop, weekly=None, exceptions=[CHRISTMAS]).status_code == 200
    (store,) = (store for store in rows(app, Store) if store.id == shop.store_id)
    assert store.is_open(datetime(2026, 12, 24, 3, tzinfo=UTC))
    assert not store.is_open(datetime(2026, 12, 25, 3, tzinfo=UTC))
    assert store.is_open(datetime(2026, 12, 26, tzinfo=UTC))


def test_openings_may_follow_each_other_and_go_all_round_the_week(app: App, shop: Shop) -> None:
    lunch = {"weekday": "tuesday", "opens_at": "02:00", "closes_at": "00:00"}
    late_sunday = {"weekday": "sunday", "opens_at": "00:00", "closes_at": "00:00"}
    assert put(app, shop, weekly=[lunch, MONDAY, late_sunday]).status_code == 200
    assert put(app, shop, weekly=[late_sunday]).status_code == 200


@pytest.mark.parametrize(
    ("weekly", "pointer"),
    [
        ([MONDAY, MONDAY], "/weekly/1"),
        ([MONDAY, {"weekday": "monday", "opens_at": "12:00", "closes_at": "18:01"}], "/weekly/1"),
        ([{"weekday": "tuesday", "opens_at": "01:59", "closes_at": "05:00"}, MONDAY], "/weekly/1"),
        (
            [
                {"weekday": "monday", "opens_at": "00:00", "closes_at": "09:00"},
                {"weekday": "sunday", "opens_at": "20:00", "closes_at": "00:01"},
            ],
            "/weekly/1",
        ),
    ],
)
def test_openings_of_a_week_do_not_overlap(app: App, shop: Shop, weekly: list[Any], pointer: str) -> None:
    assert_invalid_value(put(app, shop, weekly=weekly), "body", pointer)
    assert app.request("GET", path(shop), (shop, "floor")).json["weekly"] is None


def test_a_date_is_different_in_one_way_only(app: App, shop: Shop) -> None:
    assert_invalid_value(put(app, shop, weekly=None, exceptions=[CHRISTMAS, CHRISTMAS]), "body", "/exceptions/1/date")
    twice = [{"opens_at": "10:00", "closes_at": "12:00"}, {"opens_at": "11:00", "closes_at": "13:00"}]
    answer = put(app, shop, weekly=None, exceptions=[{**CHRISTMAS, "periods": twice}])
    assert_invalid_value(answer, "body", "/exceptions/0/periods/1")


@pytest.mark.parametrize("clock", ["24:00", "8:00", "08:00:00", "08:60", "08:00\n", ""])
def test_a_time_of_day_is_written_in_one_way_only(app: App, shop: Shop, clock: str) -> None:
    answer = put(app, shop, weekly=[{**MONDAY, "opens_at": clock}])
    assert {error["pointer"] for error in assert_problem(answer, 422, "invalid")["errors"]} == {"/weekly/0/opens_at"}
