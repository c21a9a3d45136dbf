"""The settings of the organization over HTTP, and what they change."""

from datetime import timedelta
from typing import Any

import pytest

from models.staff.credentials.staff_session import StaffSession
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

PATH = "/v1/organization"
DEFAULTS = {
    "version": 1,
    "slug": "acme",
    "name": "Acme",
    "languages": ["en"],
    "phone_region": None,
    "session_days": 30,
    "session_idle_days": None,
    "password_min_length": 10,
    "app_addresses": {"android": None, "ios": None, "web": None},
    "minimum_app_versions": {"android": None, "ios": None, "web": None},
}


def read(app: App, shop: Shop, by: str = "floor") -> Any:
    answer = app.request("GET", PATH, (shop, by))
    assert answer.status_code == 200, answer.text
    return answer.json


def edit(app: App, shop: Shop, by: str = "admin", version: str = "*", **changes: Any) -> Any:
    return app.request("PATCH", PATH, (shop, by), json=changes, headers={"If-Match": version})


def sign_in(app: App, shop: Shop, login: str = "floor") -> Any:
    body = {"organization": shop.slug, "login": login, "password": PASSWORD}
    answer = app.request("POST", "/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def lasts(app: App, shop: Shop) -> timedelta:
    """For how long somebody who signs in now is signed in."""
    sign_in(app, shop)
    return rows(app, StaffSession)[-1].expires_at - app.clock()


def ask(app: App, token: str) -> int:
    return app.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_everybody_reads_the_settings(app: App, shop: Shop) -> None:
    for login in ("floor", "manager", "hq", "admin", "key", "reports-key"):
        assert read(app, shop, login) == {"id": str(shop.organization_id), **DEFAULTS}
    assert_problem(app.request("GET", PATH), 401, "unauthorized")


def test_the_administrator_changes_them_by_the_version_they_read(app: App, shop: Shop) -> None:
    theirs = make_shop(app.back_office, "other")
    changes = {
        "name": "Acme Bistros",
        "languages": ["pt", "en", "zh-Hant"],
        "phone_region": "PT",
        "session_days": 7,
        "session_idle_days": 2,
        "password_min_length": 12,
        "app_addresses": {"android": None, "ios": None, "web": None},
        "minimum_app_versions": {"android": "1.2.3", "ios": None, "web": "0.10.0"},
    }
    etag = app.request("GET", PATH, (shop, "admin")).headers["ETag"]
    changed = edit(app, shop, version=etag, **changes)
    assert (changed.status_code, etag_version(changed)) == (200, 2)
    assert changed.json == {"id": str(shop.organization_id), **DEFAULTS, **changes, "version": 2} == read(app, shop)
    assert_problem(edit(app, shop, version=etag, name="No"), 412, "stale-version")
    assert_problem(app.request("PATCH", PATH, (shop, "admin"), json={}), 428, "version-required")
    merged = edit(app, shop, minimum_app_versions={"ios": "2.0.0", "web": None}, session_idle_days=None).json
    assert merged["minimum_app_versions"] == {"android": "1.2.3", "ios": "2.0.0", "web": None}
    assert (merged["session_idle_days"], merged["session_days"]) == (None, 7)
    assert read(app, theirs) == {**DEFAULTS, "id": str(theirs.organization_id), "slug": "other", "name": "Other"}


def test_nobody_else_changes_them(app: App, shop: Shop) -> None:
    for login in ("floor", "manager", "regional", "hq", "key"):
        assert_problem(edit(app, shop, login, name="No"), 403, "forbidden")
    assert read(app, shop)["version"] == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"languages": []}, "/languages"),
        ({"languages": [f"a{char}" for char in "abcdefghijklmnopqrstu"]}, "/languages"),
        ({"languages": ["pt", "pt_BR"]}, "/languages/1"),
        ({"languages": ["pt\n"]}, "/languages/0"),
        ({"languages": ["pt", "PT"]}, "/languages/1"),
        ({"phone_region": "XX"}, "/phone_region"),
        ({"phone_region": "pt"}, "/phone_region"),
        ({"session_days": 0}, "/session_days"),
        ({"session_days": 91}, "/session_days"),
        ({"session_days": None}, "/session_days"),
        ({"session_idle_days": 0}, "/session_idle_days"),
        ({"password_min_length": 9}, "/password_min_length"),
        ({"password_min_length": 65}, "/password_min_length"),
        ({"minimum_app_versions": {"ios": "1.2"}}, "/minimum_app_versions/ios"),
        ({"minimum_app_versions": {"ios": "01.2.3"}}, "/minimum_app_versions/ios"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(app: App, shop: Shop, changes: dict[str, Any], pointer: str) -> None:
    assert_invalid_value(edit(app, shop, **changes), "body", pointer)
    for unknown in ({"slug": "new"}, {"minimum_app_versions": {"symbian": "1.2.3"}}):
        assert_problem(edit(app, shop, **unknown), 422, "invalid")
    assert read(app, shop)["version"] == 1


@only_on_postgresql
def test_of_two_changes_at_once_one_is_told_to_read_again(app: App, shop: Shop) -> None:
    answers = at_once([lambda days=days: edit(app, shop, version='"1"', session_days=days) for days in (3, 4, 5)])  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    (won,) = (answer.json for answer in answers if answer.status_code == 200)
    assert read(app, shop) == won


# ------------------------------------------------------------------------------------------------------------ effects


def test_a_sign_in_lasts_for_the_days_of_the_organization(app: App, shop: Shop) -> None:
    assert lasts(app, shop) == timedelta(days=30)
    edit(app, shop, session_days=3)
    assert lasts(app, shop) == timedelta(days=3)
    edit(app, shop, session_idle_days=2)
    assert lasts(app, shop) == timedelta(days=2)
    edit(app, shop, session_idle_days=90)
    assert lasts(app, shop) == timedelta(days=3)
    assert lasts(app, make_shop(app.back_office, "other")) == timedelta(days=30)


def test_a_sign_in_that_is_used_goes_on_until_its_last_day(app: App, shop: Shop) -> None:
    edit(app, shop, session_days=5, session_idle_days=2)
    token = sign_in(app, shop)["token"]
    for _ in range(4):
        app.clock.move(hours=29)
        assert ask(app, token) == 200
    assert rows(app, StaffSession)[-1].seen_at == app.clock.at
    app.clock.move(hours=4)  # that was five days
    assert ask(app, token) == 401


def test_a_sign_in_that_is_not_used_ends(app: App, shop: Shop) -> None:
    edit(app, shop, session_idle_days=2)
    used, unused = (sign_in(app, shop, login)["token"] for login in ("floor", "manager"))
    app.clock.move(days=1)
    assert ask(app, used) == 200
    app.clock.move(days=1)
    assert (ask(app, used), ask(app, unused)) == (200, 401)


def test_a_running_sign_in_follows_the_settings_when_it_is_used_next(app: App, shop: Shop) -> None:
    token = sign_in(app, shop)["token"]
    app.clock.move(days=10)
    sign_in_again(app, shop)
    edit(app, shop, session_days=5)
    assert ask(app, token) == 200  # seen, and found to be too old
    assert ask(app, token) == 401
    edit(app, shop, session_days=30)
    later = sign_in(app, shop)["token"]
    edit(app, shop, session_days=60)
    app.clock.move(days=29)
    assert ask(app, later) == 200
    app.clock.move(days=29)
    assert ask(app, later) == 200


def test_a_request_asks_nothing_more_for_it_and_the_minute_s_record_one_statement(app: App, shop: Shop) -> None:
    token = sign_in(app, shop)["token"]
    counts = []
    for seconds in (0, 61, 0):
        app.clock.move(seconds=seconds)
        with app.counting() as statements:
            assert ask(app, token) == 200
        counts.append(sum(not statement.startswith("SELECT set_config") for statement in statements))
    assert counts == [6, 9, 6]  # the sign-in, the organization, what is written


def test_a_national_number_is_read_with_the_region_where_no_store_tells_the_country(app: App, shop: Shop) -> None:
    def create(phone: str) -> Any:
        return app.request("POST", "/v1/customers", (shop, "key"), json={"phone": phone})

    assert_invalid_value(create("912 345 678"), "body", "/phone")
    edit(app, shop, phone_region="PT")
    made = create("912 345 678")
    assert (made.status_code, made.json["phone"]) == (201, "+351912345678")
    matches = app.request("POST", "/v1/customers/search", (shop, "key"), json={"phone": "912345678"})
    assert [customer["id"] for customer in matches.json["items"]] == [made.json["id"]]
    changes, headers = {"phone": "912 345 679"}, {"If-Match": "*"}
    path = f"/v1/customers/{made.json['id']}"
    changed = app.request("PATCH", path, (shop, "key"), json=changes, headers=headers)
    assert changed.json["phone"] == "+351912345679"


def test_a_store_tells_the_country_before_the_organization_does(app: App, shop: Shop) -> None:
    edit(app, shop, phone_region="US")
    made = app.request("POST", "/v1/customers", (shop, "floor"), json={"phone": "912 345 678"})
    assert made.json["phone"] == "+351912345678"
