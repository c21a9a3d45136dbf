"""Stores over HTTP: made, changed, moved to another region, closed and reopened."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from models.customers.customer import Customer
from models.daily_log.day_end import DayEndSchedule
from models.organizations import store as store_module
from models.organizations.organization import Region
from models.organizations.store import Store
from models.policy_defaults import DAY_END_DELAY, MAX_PLACES
from models.staff.shift import Shift
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.export_reader import follow, page
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again

MONDAY = {"weekday": "monday", "opens_at": "18:00", "closes_at": "02:00"}
RIVERSIDE = {
    "slug": "riverside",
    "name": "Riverside",
    "kind": "restaurant",
    "time_zone": "Europe/Lisbon",
    "country": "PT",
    "currency": "EUR",
    "hours": {"always": True},
}


def ask(app: App, shop: Shop, method: str, path: str, by: str = "admin", **options: Any) -> Any:
    return app.request(method, f"/v1{path}", (shop, by), **options)


def create(app: App, shop: Shop, by: str = "admin", **fields: Any) -> Any:
    body = {**RIVERSIDE, "region_id": str(shop.region_id), **fields}
    return ask(app, shop, "POST", "/stores", by, json={name: value for name, value in body.items() if value != "-"})


def edit(app: App, shop: Shop, **changes: Any) -> Any:
    return ask(app, shop, "PATCH", f"/stores/{shop.store_id}", json=changes, headers={"If-Match": "*"})


def close(app: App, shop: Shop, step: str = "close", by: str = "admin", **options: Any) -> Any:
    return ask(app, shop, "POST", f"/stores/{shop.store_id}/{step}", by, **options)


def read(app: App, shop: Shop, by: str = "admin") -> Any:
    answer = ask(app, shop, "GET", f"/stores/{shop.store_id}", by)
    assert answer.status_code == 200, answer.text
    return answer.json


def other_region(app: App, shop: Shop) -> str:
    with app.back_office.reading(shop.organization_id) as session:
        return str(session.scalars(select(Region.id).where(Region.slug == "there")).one())


# --------------------------------------------------------------------------------------------------------- a new store


def test_an_admin_adds_a_store_with_its_places_and_hours(app: App, shop: Shop) -> None:
    hours = {"weekly": [MONDAY], "exceptions": [{"date": "2026-12-25", "periods": []}]}
    made = create(app, shop, places=["Table 1", "Bar"], day_starts_at="05:30", hours=hours)
    assert made.status_code == 201, made.text
    assert made.json == {
        **{name: value for name, value in RIVERSIDE.items() if name != "hours"},
        "id": made.json["id"],
        "version": 1,
        "region_id": str(shop.region_id),
        "day_starts_at": "05:30:00",
        "terms_from": None,
        "earlier_terms": [],
        "closed_at": None,
        "above_limit": "ask_first",
        "limits": made.json["limits"],
        "longest_pause_minutes": 5,
        "shifts_end_daily": True,
        "places": made.json["places"],
    }
    assert [(place["slug"], place["name"]) for place in made.json["places"]] == [("table-1", "Table 1"), ("bar", "Bar")]
    path = f"/stores/{made.json['id']}"
    assert ask(app, shop, "GET", path).json == made.json
    assert ask(app, shop, "GET", f"{path}/hours").json["weekly"] == [MONDAY]
    assert "Riverside" in ask(app, shop, "GET", "/stores", "regional").text  # who looks after the region sees it


def test_the_same_request_twice_makes_one_store(app: App, shop: Shop) -> None:
    id_ = str(uuid4())
    first, again = (create(app, shop, id=id_) for _ in range(2))
    assert (first.status_code, again.status_code, first.json["id"]) == (201, 200, id_)
    assert again.json == first.json
    assert len(rows(app, Store)) == 3


@pytest.mark.parametrize(
    ("hours", "pointer"),
    [
        ("-", "/hours"),
        ({}, "/hours/weekly"),
        ({"weekly": None}, "/hours/weekly"),
        ({"always": False}, "/hours/weekly"),
        ({"always": True, "weekly": [MONDAY]}, "/hours/weekly"),
        ({"weekly": [MONDAY, MONDAY]}, "/hours/weekly/1"),
    ],
)
def test_a_new_store_says_when_it_is_open(app: App, shop: Shop, hours: Any, pointer: str) -> None:
    code = "required" if hours == "-" else "invalid"
    assert_invalid_value(create(app, shop, hours=hours), "body", pointer, code)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"slug": "Not a slug"}, "/slug"),
        ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
        ({"country": "XX"}, "/country"),
        ({"currency": "eur"}, "/currency"),
        ({"day_starts_at": "04:00:00Z"}, "/day_starts_at"),
        ({"day_starts_at": "04:00\n"}, "/day_starts_at"),
        ({"day_starts_at": 4}, "/day_starts_at"),
        ({"places": ["Bar", "bar"]}, "/places"),
        ({"places": ["Bar", "?"]}, "/places/1"),
        ({"places": ["Bar"] * (MAX_PLACES + 1)}, "/places"),
        ({"name": ""}, "/name"),
    ],
)
def test_what_cannot_be_a_store_is_refused(app: App, shop: Shop, fields: dict[str, Any], pointer: str) -> None:
    assert_invalid_value(create(app, shop, **fields), "body", pointer)
    assert len(rows(app, Store)) == 2


def test_a_slug_and_a_region_are_of_the_organization(app: App, shop: Shop) -> None:
    stranger = make_shop(app.back_office, "stranger")
    assert assert_problem(create(app, shop, slug="first"), 409, "already-exists")["pointer"] == "/slug"
    for region_id in (str(uuid4()), str(stranger.region_id)):
        assert_invalid_value(create(app, shop, region_id=region_id), "body", "/region_id", "not-found")
        assert_invalid_value(edit(app, shop, region_id=region_id), "body", "/region_id", "not-found")


def test_an_organization_has_so_many_stores_and_no_more(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shop(app.back_office, "stranger")  # whose stores do not count
    monkeypatch.setattr(store_module, "MAX_STORES", 3)
    assert create(app, shop).status_code == 201
    assert "At most 3 stores" in assert_problem(create(app, shop, slug="more"), 409, "too-many")["detail"]


@pytest.mark.parametrize("login", ["floor", "manager", "regional", "hq", "key"])
def test_only_the_admin_makes_changes_and_closes_stores(app: App, shop: Shop, login: str) -> None:
    assert_problem(create(app, shop, login), 403, "forbidden")
    path, headers = f"/stores/{shop.store_id}", {"If-Match": "*"}
    assert_problem(ask(app, shop, "PATCH", path, login, json={"name": "N"}, headers=headers), 403, "forbidden")
    for step in ("close", "reopen"):
        assert_problem(close(app, shop, step, login), 403, "forbidden")


# ---------------------------------------------------------------------------------------------------------- the changes


def test_name_kind_country_and_settings_change_at_once(app: App, shop: Shop) -> None:
    before = read(app, shop)
    changes = {"name": "Quay", "kind": "retail", "country": "ES", "above_limit": "act_first"}
    changed = edit(app, shop, **changes, longest_pause_minutes=9)
    assert changed.status_code == 200, changed.text
    assert changed.json == {**before, **changes, "longest_pause_minutes": 9, "version": 2}
    path = f"/stores/{shop.store_id}"
    assert_problem(ask(app, shop, "PATCH", path, json={"name": "N"}), 428, "version-required")
    stale = {"If-Match": '"1"'}
    assert_problem(ask(app, shop, "PATCH", path, json={"name": "N"}, headers=stale), 412, "stale-version")


def test_zone_day_start_and_currency_are_kept_with_the_date_from_which_they_hold(app: App, shop: Shop) -> None:
    first = edit(app, shop, time_zone="America/New_York", day_starts_at="06:00", currency="USD").json
    lisbon = {"time_zone": "Europe/Lisbon", "day_starts_at": "04:00:00", "currency": "EUR"}
    assert first["terms_from"] == "2026-03-04"
    assert first["earlier_terms"] == [{"until": "2026-03-04", **lisbon}]
    assert (first["time_zone"], first["day_starts_at"], first["currency"]) == ("America/New_York", "06:00:00", "USD")
    app.clock.move(days=20)
    sign_in_again(app, shop)
    second = edit(app, shop, currency="EUR").json
    new_york = {"time_zone": "America/New_York", "day_starts_at": "06:00:00", "currency": "USD"}
    assert second["terms_from"] == "2026-03-24"
    assert second["earlier_terms"] == [*first["earlier_terms"], {"until": "2026-03-24", **new_york}]
    assert read(app, shop, "floor") == second


def test_a_concern_is_dated_by_what_held_when_it_occurred(app: App, shop: Shop) -> None:
    edit(app, shop, time_zone="America/New_York")  # from the 4th on, which begins at 09:00 UTC
    app.clock.at = datetime(2026, 3, 4, 8, 59, tzinfo=UTC)
    assert log_concern(app, shop)["business_date"] == "2026-03-03"
    app.clock.move(minutes=1)
    assert log_concern(app, shop)["business_date"] == "2026-03-04"
    assert log_concern(app, shop, occurred_at="2026-03-03T03:59:00Z")["business_date"] == "2026-03-02"
    assert log_concern(app, shop, occurred_at="2026-03-03T04:00:00Z")["business_date"] == "2026-03-03"


def test_the_end_of_the_day_follows_a_change(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        schedules = [DayEndSchedule.first_row(store, at=app.clock()) for store in DayEndSchedule.new_stores(session)]
        session.bulk_insert_or_ignore(DayEndSchedule, schedules)
    for zone, ends_at in (
        ("Asia/Tokyo", datetime(2026, 3, 3, 19, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 4, 9, tzinfo=UTC)),
    ):
        edit(app, shop, time_zone=zone)
        (schedule,) = (row for row in rows(app, DayEndSchedule) if row.store_id == shop.store_id)
        assert schedule.due_at == ends_at + DAY_END_DELAY


def test_another_country_leaves_the_phone_numbers_as_they_are(app: App, shop: Shop) -> None:
    customer = ask(app, shop, "POST", "/customers", "floor", json={"name": "Rita", "phone": "912 345 678"}).json
    edit(app, shop, country="ES")
    assert ask(app, shop, "GET", f"/customers/{customer['id']}", "floor").json["phone"] == "+351912345678"
    (row,) = rows(app, Customer)
    assert (row.phone, row.version) == ("+351912345678", customer["version"])
    again = ask(app, shop, "POST", "/customers", "floor", json={"name": "Ana", "phone": "612 345 678"}).json
    assert again["phone"] == "+34612345678"


def test_a_store_that_moves_is_seen_by_whoever_looks_after_its_new_region(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    path = f"/concerns/{concern['id']}"
    assert ask(app, shop, "GET", path, "regional").status_code == 200
    moved = edit(app, shop, region_id=other_region(app, shop))
    assert moved.json["region_id"] == other_region(app, shop)
    for address in (path, f"/stores/{shop.store_id}"):
        assert_problem(ask(app, shop, "GET", address, "regional"), 404, "not-found")
    assert ask(app, shop, "GET", "/stores", "regional").json["items"] == []
    edit(app, shop, region_id=str(shop.region_id))
    assert ask(app, shop, "GET", path, "regional").status_code == 200


def test_reports_by_region_count_all_days_of_a_store_in_its_present_region(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    edit(app, shop, region_id=other_region(app, shop))
    log_concern(app, shop)
    query = {"from": "2026-03-01", "to": "2026-03-31", "group_by": "region"}
    (row,) = ask(app, shop, "GET", "/reports/recovery", query_string=query).json["rows"]
    assert (row["group"]["region"]["slug"], row["concerns"]) == ("there", 2)


def test_the_change_feed_tells_of_a_move_and_of_terms(app: App, shop: Shop) -> None:
    *_, cursor = follow(app, shop)
    edit(app, shop, region_id=other_region(app, shop), currency="USD")
    (change,) = (item for item in page(app, shop, cursor=cursor)["items"] if item["kind"] == "store")
    object_ = change["object"]
    assert object_["region_id"] == other_region(app, shop)
    assert (object_["currency"], object_["terms_from"]) == ("USD", "2026-03-04")


# ----------------------------------------------------------------------------------------------------- what is recorded


def test_the_sales_of_a_day_are_in_the_currency_of_that_day(app: App, shop: Shop) -> None:
    edit(app, shop, currency="USD")
    for day, currency, other in (("2026-03-03", "EUR", "USD"), ("2026-03-04", "USD", "EUR")):
        path = f"/stores/{shop.store_id}/days/{day}"
        figures = {"covers": None, "transactions": 9, "sales": {"amount": 100, "currency": other}}
        assert_invalid_value(ask(app, shop, "PUT", path, "manager", json=figures), "body", "/sales/currency")
        figures["sales"] = {"amount": 100, "currency": currency}
        assert ask(app, shop, "PUT", path, "manager", json=figures).status_code == 200


def test_an_action_costs_what_the_store_counts_in_on_that_day(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    edit(app, shop, currency="USD")
    assert_problem(act(app, shop, concern, "USD"), 422, "invalid")
    assert act(app, shop, concern, "EUR").status_code == 201
    app.clock.move(days=1)
    assert_problem(act(app, shop, concern, "EUR"), 422, "invalid")
    assert act(app, shop, concern, "USD").status_code == 201
    usual = ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", "floor", json={"remedy": "remake"})
    assert usual.json["cost"] is None  # what it usually costs is said in euros


def test_a_budget_is_that_of_the_currency_of_the_day(app: App, shop: Shop) -> None:
    limits = [
        {"role": "floor", "per_customer": {"amount": amount, "currency": currency}}
        for currency, amount in (("EUR", 1000), ("USD", 3000))
    ]
    set_voucher_limits(app, shop, limits)
    concern = log_concern(app, shop)
    edit(app, shop, currency="USD")
    assert left(app, shop) == {"amount": 1000, "currency": "EUR"}
    app.clock.move(days=1, minutes=2)
    assert left(app, shop) == {"amount": 3000, "currency": "USD"}
    assert act(app, shop, concern, "USD", 3000).json["status"] == "done"
    assert act(app, shop, concern, "USD", 1).json["status"] == "pending"


def test_what_was_asked_for_before_a_change_is_approved_in_its_own_currency(app: App, shop: Shop) -> None:
    limits = [
        {"role": role, "per_customer": {"amount": amount, "currency": currency}}
        for role, amount, currency in (("floor", 100, "EUR"), ("manager", 900, "EUR"), ("manager", 1, "USD"))
    ]
    set_voucher_limits(app, shop, limits)
    edit(app, shop, currency="USD")
    app.clock.at = datetime(2026, 3, 4, 3, 55, tzinfo=UTC)
    action = act(app, shop, log_concern(app, shop), "EUR").json
    assert action["status"] == "pending"
    app.clock.move(minutes=6)
    approved = ask(app, shop, "POST", f"/recovery-actions/{action['id']}/approve", "manager", json={})
    assert approved.status_code == 200, approved.text
    assert (approved.json["status"], approved.json["cost"]) == ("done", {"amount": 500, "currency": "EUR"})


def set_voucher_limits(app: App, shop: Shop, limits: list[dict[str, Any]]) -> None:
    remedies = ask(app, shop, "GET", "/remedies").json["items"]
    path = next(f"/remedies/{remedy['id']}" for remedy in remedies if remedy["slug"] == "voucher")
    answer = ask(app, shop, "PATCH", path, json={"limits": limits}, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


def act(app: App, shop: Shop, concern: dict[str, Any], currency: str, amount: int = 500) -> Any:
    cost = {"amount": amount, "currency": currency}
    body = {"remedy": "voucher", "cost": cost}
    return ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", "floor", json=body)


def left(app: App, shop: Shop) -> Any:
    query = {"store_id": str(shop.store_id)}
    offers = ask(app, shop, "GET", "/guidance", "floor", query_string=query).json["offers"]
    return next(offer["left"] for offer in offers if offer["remedy"] == "voucher")


def test_a_log_shows_times_in_the_zone_of_its_day(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    edit(app, shop, time_zone="Asia/Tokyo")
    app.clock.move(days=2)
    log_concern(app, shop)
    for day, zone, clock in (("2026-03-03", "Europe/Lisbon", "12:00"), ("2026-03-05", "Asia/Tokyo", "21:00")):
        path = f"/stores/{shop.store_id}/recovery-logs/{day}"
        assert ask(app, shop, "GET", path, "manager").json["store"]["time_zone"] == zone
        as_csv = ask(app, shop, "GET", path, "manager", headers={"Accept": "text/csv"})
        assert f"{clock} logged" in as_csv.text
        printed = ask(app, shop, "GET", path, "manager", headers={"Accept": "text/html"})
        assert f"Times of {zone}" in printed.text
        assert clock in printed.text


def test_the_log_of_a_date_without_an_instant_is_empty_and_prints(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(Store).values(time_zone="Pacific/Pago_Pago"))
    app.clock.at = datetime(2026, 3, 3, 16, tzinfo=UTC)
    sign_in_again(app, shop)
    assert edit(app, shop, time_zone="Pacific/Kiritimati").json["terms_from"] == "2026-03-05"
    path = f"/stores/{shop.store_id}/recovery-logs/2026-03-04"
    log = ask(app, shop, "GET", path, "manager").json
    assert (log["opens_at"], log["figures"]["concerns"]) == (log["closes_at"], 0)
    printed = ask(app, shop, "GET", path, "manager", headers={"Accept": "text/html"})
    assert printed.status_code == 200, printed.text


# ------------------------------------------------------------------------------------------------------------- closing


def test_a_closed_store_ends_its_shifts_and_lets_nobody_check_in(app: App, shop: Shop) -> None:
    closed = close(app, shop)
    assert closed.status_code == 200, closed.text
    assert (closed.json["closed_at"], closed.json["version"]) == ("2026-03-03T12:00:00Z", 2)
    assert [shift.ended_at for shift in rows(app, Shift)] == [app.clock()]
    shift = {"store_id": str(shop.store_id), "lead": False}
    problem = assert_problem(ask(app, shop, "PUT", "/me/shift", "floor", json=shift), 409, "not-now")
    assert problem["state"] == "closed"
    assert read(app, shop, "floor") == closed.json
    assert len(ask(app, shop, "GET", "/stores").json["items"]) == 2
    assert close(app, shop, "reopen").json["closed_at"] is None
    assert ask(app, shop, "PUT", "/me/shift", "floor", json=shift).status_code == 200


def test_a_store_is_closed_and_reopened_once(app: App, shop: Shop) -> None:
    assert_problem(close(app, shop, "reopen"), 409, "not-now")
    key = {"headers": {"Idempotency-Key": "closing"}}
    first = close(app, shop, **key)
    app.clock.move(minutes=1)
    again = close(app, shop, **key)
    assert (again.status_code, again.json) == (200, first.json)
    assert_problem(close(app, shop), 409, "not-now")
    assert read(app, shop)["version"] == 2
    for expected in (200, 409):
        assert close(app, shop, "reopen").status_code == expected


def test_shifts_of_other_stores_go_on(app: App, shop: Shop) -> None:
    there = {"store_id": str(shop.other_store_id), "lead": False}
    assert ask(app, shop, "PUT", "/me/shift", "elsewhere", json=there).status_code == 200
    close(app, shop)
    assert {shift.store_id for shift in rows(app, Shift) if shift.ended_at is None} == {shop.other_store_id}
