"""Import of stores: what is created and changed, from when it holds, and what refuses a line."""

from typing import Any

import pytest
import sqlalchemy as sa

from models.daily_log.day_end import DayEndSchedule
from models.operations.imports import stores as stores_module
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.imports import counts, csv_text, faults, import_csv, verdicts
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import words

COLUMNS = ("region", "slug", "name", "kind", "time_zone", "country", "currency", "day_starts_at", "hours")
HARBOUR = {
    "region": "here",
    "slug": "harbour",
    "name": "Harbour",
    "kind": "restaurant",
    "time_zone": "Europe/Lisbon",
    "country": "PT",
    "currency": "EUR",
    "day_starts_at": "05:00",
    "hours": "mon-fri 09:00-18:00; sat 18:00-02:00",
}
FIRST = {**HARBOUR, "slug": "first", "name": "First", "day_starts_at": "", "hours": "always"}


def send(app: App, shop: Shop, *rows: dict[str, str], **options: Any) -> Any:
    return import_csv(app, shop, "stores", csv_text(COLUMNS, rows), **options)


def read(app: App, shop: Shop, slug: str) -> Any:
    items = app.request("GET", "/v1/stores", (shop, "admin")).json["items"]
    return next((item for item in items if item["slug"] == slug), None)


def weekly(app: App, shop: Shop, slug: str) -> Any:
    path = f"/v1/stores/{read(app, shop, slug)['id']}/hours"
    return app.request("GET", path, (shop, "admin")).json["weekly"]


def test_new_stores_are_created_with_all_that_the_file_says(app: App, shop: Shop) -> None:
    answer = send(app, shop, HARBOUR, {**HARBOUR, "slug": "market", "kind": "Retail", "hours": "always"})
    assert counts(answer) == {"created": 2}
    assert [item["reference"] for item in answer.json["items"]] == ["harbour", "market"]
    harbour, market = read(app, shop, "harbour"), read(app, shop, "market")
    assert {name: harbour[name] for name in COLUMNS if name in harbour} == {
        **{name: value for name, value in HARBOUR.items() if name not in ("region", "hours")},
        "day_starts_at": "05:00:00",
    }
    assert (harbour["region_id"], harbour["version"], harbour["terms_from"]) == (str(shop.region_id), 1, None)
    assert market["kind"] == "retail"
    assert weekly(app, shop, "market") is None
    days = [(period["weekday"], period["opens_at"], period["closes_at"]) for period in weekly(app, shop, "harbour")]
    assert days[0] == ("monday", "09:00", "18:00")
    assert days[-1] == ("saturday", "18:00", "02:00")
    assert len(days) == 6


def test_the_first_store_of_a_currency_brings_the_limits_of_it(app: App, shop: Shop) -> None:
    in_dollars = {**HARBOUR, "currency": "USD"}
    for dry_run, expected in ((True, {"EUR"}), (False, {"EUR", "USD"})):
        assert counts(send(app, shop, in_dollars, dry_run=dry_run)) == {"created": 1}
        limits = words(app, shop, "remedies")["voucher"]["limits"]
        assert {limit["per_customer"]["currency"] for limit in limits} == expected


def test_the_same_file_twice_leaves_everything_as_it_is(app: App, shop: Shop) -> None:
    send(app, shop, HARBOUR, FIRST)
    before = read(app, shop, "harbour"), read(app, shop, "first")
    other_order = {**HARBOUR, "hours": "SAT 18:00-02:00; mon-wed 09:00-18:00; thu - fri 09:00 - 18:00"}
    assert counts(send(app, shop, other_order, FIRST)) == {"unchanged": 2}
    assert (read(app, shop, "harbour"), read(app, shop, "first")) == before


def test_a_store_with_the_slug_is_changed_and_a_blank_day_start_stays(app: App, shop: Shop) -> None:
    changed = {**FIRST, "region": "there", "name": "The First", "kind": "retail", "country": "ES"}
    assert verdicts(send(app, shop, {**changed, "hours": "mon-sun 10:00-20:00"})) == ["updated"]
    first = read(app, shop, "first")
    assert (first["id"], first["name"], first["kind"]) == (str(shop.store_id), "The First", "retail")
    assert (first["country"], first["day_starts_at"], first["version"]) == ("ES", "04:00:00", 2)
    assert first["region_id"] != str(shop.region_id)
    assert len(weekly(app, shop, "first")) == 7
    assert len(first["places"]) == 2


def test_changed_terms_hold_from_the_next_business_date_and_the_day_ends_by_them(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.bulk_insert_or_ignore(
            DayEndSchedule,
            [DayEndSchedule.first_row(store, at=app.clock()) for store in DayEndSchedule.new_stores(session)],
        )
    before = due_at(app, shop)
    assert verdicts(send(app, shop, {**FIRST, "time_zone": "Asia/Tokyo", "currency": "JPY"})) == ["updated"]
    first = read(app, shop, "first")
    assert (first["time_zone"], first["currency"]) == ("Asia/Tokyo", "JPY")
    assert first["terms_from"] == "2026-03-04"
    assert [earlier["time_zone"] for earlier in first["earlier_terms"]] == ["Europe/Lisbon"]
    assert due_at(app, shop) != before
    assert verdicts(send(app, shop, {**FIRST, "time_zone": "Asia/Tokyo", "currency": "JPY"})) == ["unchanged"]


def due_at(app: App, shop: Shop) -> Any:
    with app.back_office.reading(shop.organization_id) as session:
        return session.scalars(sa.select(DayEndSchedule.due_at).where(DayEndSchedule.store_id == shop.store_id)).one()


def test_holidays_stay_when_the_week_changes(app: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}/hours"
    holiday = {"date": "2026-12-25", "name": "Christmas", "periods": []}
    body = {"always": True, "exceptions": [holiday]}
    assert app.request("PUT", path, (shop, "admin"), json=body).status_code == 200
    assert verdicts(send(app, shop, FIRST)) == ["unchanged"]
    assert verdicts(send(app, shop, {**FIRST, "hours": "mon 09:00-18:00"})) == ["updated"]
    hours = app.request("GET", path, (shop, "admin")).json
    assert (hours["exceptions"], len(hours["weekly"])) == ([holiday], 1)


def test_two_lines_of_one_store_are_refused(app: App, shop: Shop) -> None:
    answer = send(app, shop, HARBOUR, FIRST, {**HARBOUR, "name": "Harbour 2"})
    assert faults(answer) == [("4/slug", "duplicate-line")]
    assert answer.json["errors"][0]["detail"] == "Lines 2 and 4 have the same slug."


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"region": ""}, ("2/region", "missing-value")),
        ({"region": "nowhere"}, ("2/region", "unknown")),
        ({"region": "No Where"}, ("2/region", "invalid")),
        ({"slug": ""}, ("2/slug", "missing-value")),
        ({"slug": "Harbour"}, ("2/slug", "invalid")),
        ({"slug": "h" * 61}, ("2/slug", "too-long")),
        ({"name": ""}, ("2/name", "missing-value")),
        ({"name": "h" * 201}, ("2/name", "too-long")),
        ({"kind": "bakery"}, ("2/kind", "unknown")),
        ({"time_zone": "Lisbon"}, ("2/time_zone", "unknown")),
        ({"time_zone": "x" * 61}, ("2/time_zone", "too-long")),
        ({"country": "Portugal"}, ("2/country", "unknown")),
        ({"country": "XX"}, ("2/country", "unknown")),
        ({"currency": "euro"}, ("2/currency", "unknown")),
        ({"day_starts_at": "4"}, ("2/day_starts_at", "invalid")),
        ({"day_starts_at": "24:00"}, ("2/day_starts_at", "invalid")),
        ({"hours": ""}, ("2/hours", "missing-value")),
        ({"hours": "9 to 5"}, ("2/hours", "invalid")),
        ({"hours": "mon-fri 09:00-18:00; fri 17:00-20:00"}, ("2/hours", "invalid")),
    ],
)
def test_a_cell_that_cannot_be_is_named(app: App, shop: Shop, cells: dict[str, str], expected: tuple[str, str]) -> None:
    answer = send(app, shop, {**HARBOUR, **cells}, FIRST, dry_run=True)
    assert faults(answer) == [expected]
    assert verdicts(answer) == ["refused", "unchanged"]


def test_every_fault_of_a_line_is_named(app: App, shop: Shop) -> None:
    nothing_right = {**dict.fromkeys(COLUMNS, "?"), "name": "\x00"}
    assert [place for place, _ in faults(send(app, shop, nothing_right))] == [f"2/{column}" for column in COLUMNS]


def test_an_organization_has_so_many_stores_at_most(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores_module, "MAX_STORES", 3)
    answer = send(app, shop, FIRST, HARBOUR, {**HARBOUR, "slug": "market"})
    assert faults(answer) == [("4", "too-many")]
    assert counts(send(app, shop, FIRST, HARBOUR)) == {"created": 1, "unchanged": 1}


def test_only_administrators_import_stores(app: App, shop: Shop) -> None:
    for login in ("manager", "regional", "hq", "key"):
        assert_problem(send(app, shop, HARBOUR, login=login), 403, "forbidden")
