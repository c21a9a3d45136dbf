"""Changing people over HTTP: who may change whom, and what follows."""

from typing import Any

import pytest
from sqlalchemy import select

from models.db.session import ALL_TENANTS
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device, Platform
from models.staff.shift import Shift
from models.staff.staff import DailyLogSubscription, StaffStore
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.factories.organizations import Shop
from tests.support.factories.people import change_person, hire_person, read_person
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

# Who changes whom, and the answer: floor staff of the first store, of both, of the second; managers and others.
CHANGING: dict[str, dict[str, int]] = {
    "floor": dict.fromkeys(("colleague", "manager", "both", "elsewhere", "regional", "hq", "admin"), 403),
    "hq": dict.fromkeys(("colleague", "manager", "both", "elsewhere", "regional", "hq", "admin"), 403),
    "manager": {
        "colleague": 200,
        "both": 403,
        "elsewhere": 404,
        "manager": 403,
        "regional": 403,
        "hq": 404,
        "admin": 404,
    },
    "regional": {
        "colleague": 200,
        "both": 403,
        "elsewhere": 404,
        "manager": 403,
        "regional": 403,
        "hq": 404,
        "admin": 404,
    },
    "admin": dict.fromkeys(("colleague", "manager", "both", "elsewhere", "regional", "hq", "admin"), 200),
    "key": {
        "colleague": 200,
        "both": 200,
        "elsewhere": 200,
        "manager": 200,
        "regional": 403,
        "hq": 403,
        "admin": 403,
    },
    "reports-key": dict.fromkeys(("colleague", "manager"), 403),
}


@pytest.mark.parametrize("by", CHANGING)
def test_who_changes_whom(app: App, shop: Shop, by: str) -> None:
    both = hire_person(app, shop, "admin", login="both", store_ids=[shop.store_id, shop.other_store_id])
    shop.staff["both"] = both.json["id"]
    for person, status in CHANGING[by].items():
        answer = change_person(app, shop, person, by, name="Somebody Else")
        assert answer.status_code == status, (by, person, answer.text)
        if status == 200:
            assert answer.json["name"] == "Somebody Else"
        else:
            assert_problem(answer, status, "forbidden" if status == 403 else "not-found")


def test_everything_about_a_person_can_be_changed(app: App, shop: Shop) -> None:
    changes = {
        "name": "Ana Alves",
        "login": "ana",
        "role": "manager",
        "store_ids": sorted([str(shop.store_id), str(shop.other_store_id)]),
        "email": "ana@acme.example",
        "employee_number": "A-17",
    }
    answer = change_person(app, shop, "floor", "admin", version='"1"', **changes)
    assert (answer.status_code, etag_version(answer)) == (200, 2)
    assert answer.json.items() >= {**changes, "version": 2}.items()
    removed = change_person(app, shop, "floor", "admin", version='"2"', email=None, employee_number=None)
    assert (removed.json["email"], removed.json["employee_number"]) == (None, None)
    assert len([link for link in rows(app, StaffStore) if link.staff_id == shop.staff["floor"]]) == 2


def test_a_change_names_the_version_it_is_about(app: App, shop: Shop) -> None:
    assert change_person(app, shop, "floor", version='"1"', name="One").status_code == 200
    assert_problem(change_person(app, shop, "floor", version='"1"', name="Two"), 412, "stale-version")
    unnamed = app.request("PATCH", f"/v1/staff/{shop.staff['floor']}", (shop, "manager"), json={"name": "Two"})
    assert_problem(unnamed, 428, "version-required")


def test_of_two_changes_at_once_one_wins(app: App, shop: Shop) -> None:
    def change(name: str) -> Any:
        return change_person(app, shop, "floor", "admin", version='"1"', name=name)

    answers = at_once([lambda: change("One"), lambda: change("Two")])
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_nobody_gives_more_than_they_have_by_a_change(app: App, shop: Shop) -> None:
    there = [str(shop.other_store_id)]
    assert_problem(change_person(app, shop, "floor", role="manager"), 403, "forbidden")
    assert_invalid_value(change_person(app, shop, "floor", store_ids=there), "body", "/store_ids/0")
    assert_problem(change_person(app, shop, "manager", "key", role="admin"), 403, "forbidden")
    assert change_person(app, shop, "floor", "key", role="manager").status_code == 200


def test_nobody_changes_their_own_role_or_stores(app: App, shop: Shop) -> None:
    hire_person(app, shop, "admin", login="second-admin", role="admin")
    assert change_person(app, shop, "admin", "admin", name="Boss", role="admin", store_ids=[]).status_code == 200
    assert_problem(change_person(app, shop, "admin", "admin", role="head_office"), 403, "forbidden")
    assert_problem(change_person(app, shop, "admin", "admin", store_ids=[str(shop.store_id)]), 403, "forbidden")


def test_login_and_employee_number_stay_unique(app: App, shop: Shop) -> None:
    change_person(app, shop, "floor", employee_number="A-17")
    taken = change_person(app, shop, "colleague", login="floor")
    assert assert_problem(taken, 409, "already-exists")["pointer"] == "/login"
    taken = change_person(app, shop, "colleague", employee_number="A-17")
    assert assert_problem(taken, 409, "already-exists")["pointer"] == "/employee_number"
    assert change_person(app, shop, "floor", login="floor", employee_number="A-17").status_code == 200


def test_who_changes_stores_sees_the_new_one_with_the_next_request(app: App, shop: Shop) -> None:
    def seen() -> set[str]:
        return {store["id"] for store in app.request("GET", "/v1/stores", (shop, "floor")).json["items"]}

    assert seen() == {str(shop.store_id)}
    change_person(app, shop, "floor", "admin", store_ids=[str(shop.other_store_id)])
    assert seen() == {str(shop.other_store_id)}
    assert_problem(read_person(app, shop, "floor"), 404, "not-found")


def test_what_somebody_had_in_a_former_store_ends(app: App, shop: Shop) -> None:
    """The shift, the sign-in on a shared phone and the mails of the daily log; those of the stores they keep stay."""
    floor, at = shop.staff["floor"], app.clock()
    with app.back_office.writing(shop.organization_id) as session:
        for store_id in (shop.store_id, shop.other_store_id):
            phone = Device(
                store_id=store_id,
                installation_id=str(store_id),
                platform=Platform.ANDROID,
                registered_at=at,
                seen_at=at,
            )
            session.add(phone)
            session.flush()
            sign_in = {"digest": store_id.bytes, "created_at": at, "expires_at": at, "seen_at": at, "tapped_at": at}
            session.add(StaffSession(staff_id=floor, device_id=phone.id, **sign_in))
            session.add(DailyLogSubscription(staff_id=floor, store_id=store_id))
    change_person(app, shop, "floor", "admin", store_ids=[str(shop.store_id), str(shop.other_store_id)])
    assert [shift.ended_at for shift in rows(app, Shift)] == [None]
    app.clock.move(minutes=1)
    assert change_person(app, shop, "floor", "admin", store_ids=[str(shop.other_store_id)]).status_code == 200
    assert [shift.ended_at for shift in rows(app, Shift)] == [app.clock()]
    assert [row.store_id for row in rows(app, DailyLogSubscription)] == [shop.other_store_id]
    with app.back_office.reading(ALL_TENANTS) as session:
        of_shared = select(Device.store_id).join(StaffSession, StaffSession.device_id == Device.id)
        assert session.scalars(of_shared).all() == [shop.other_store_id]
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200  # on their own phone they stay signed in


def test_a_role_above_floor_is_given_or_taken_only_after_a_recent_sign_in(app: App, shop: Shop) -> None:
    app.clock.move(minutes=10, seconds=1)
    assert_problem(change_person(app, shop, "floor", "admin", role="manager"), 403, "sign-in-again")
    assert_problem(change_person(app, shop, "manager", "admin", role="floor"), 403, "sign-in-again")
    assert change_person(app, shop, "manager", "admin", name="Another", role="manager").status_code == 200
    sign_in_again(app, shop)
    assert change_person(app, shop, "floor", "admin", role="manager").status_code == 200
