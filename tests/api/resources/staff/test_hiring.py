"""Hiring people over HTTP: who may give which role and stores."""

from typing import Any
from uuid import uuid4

import pytest

from models.staff import staff as staff_module
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.people import ANA, hire_person, read_person
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again


def test_a_manager_hires_floor_staff_for_their_store(app: App, shop: Shop) -> None:
    answer = hire_person(app, shop, email="ana@acme.example", employee_number="A-17")
    assert (answer.status_code, etag_version(answer)) == (201, 1)
    person = {name: value for name, value in answer.json.items() if name != "invitation"}
    assert person == {
        **ANA,
        "id": answer.json["id"],
        "version": 1,
        "store_ids": [str(shop.store_id)],
        "region_ids": [],
        "email": "ana@acme.example",
        "employee_number": "A-17",
        "left_at": None,
        "leaves_at": None,
        "has_password": False,
        "has_pin": False,
    }
    assert read_person(app, shop, answer.json["id"]).json == person
    signing_in = {"organization": "acme", "login": "ana", "password": "nothing was set yet"}
    assert_problem(app.request("POST", "/v1/sessions", json=signing_in), 401, "wrong-sign-in")


HIRING: list[tuple[str, str, str, int, Any]] = [
    # who hires, which role, for which store, and the answer
    ("admin", "floor", "first", 201, None),
    ("admin", "manager", "second", 201, None),
    ("admin", "admin", "first", 201, None),
    ("admin", "head_office", "first", 201, None),
    ("manager", "floor", "first", 201, None),
    ("manager", "floor", "second", 422, "/store_ids/0"),
    ("manager", "manager", "first", 403, "forbidden"),
    ("manager", "admin", "first", 403, "forbidden"),
    ("regional", "floor", "first", 201, None),
    ("regional", "floor", "second", 422, "/store_ids/0"),
    ("regional", "manager", "first", 403, "forbidden"),
    ("regional", "regional", "first", 403, "forbidden"),
    ("key", "floor", "first", 201, None),
    ("key", "manager", "second", 201, None),
    ("key", "regional", "first", 403, "forbidden"),
    ("key", "admin", "first", 403, "forbidden"),
    ("key", "head_office", "first", 403, "forbidden"),
    ("reports-key", "floor", "first", 403, "forbidden"),
    ("floor", "floor", "first", 403, "forbidden"),
    ("hq", "floor", "first", 403, "forbidden"),
]


@pytest.mark.parametrize(("by", "role", "store", "status", "refusal"), HIRING)
def test_nobody_gives_a_role_or_a_store_beyond_the_own(
    app: App, shop: Shop, by: str, role: str, store: str, status: int, refusal: Any
) -> None:
    store_id = shop.store_id if store == "first" else shop.other_store_id
    answer = hire_person(app, shop, by, role=role, store_ids=[store_id])
    if status == 422:
        assert_invalid_value(answer, "body", refusal)
    elif status == 403:
        assert_problem(answer, 403, refusal)
    else:
        assert (answer.status_code, answer.json["role"]) == (201, role)
    assert ("ana" in {staff.login for staff in rows(app, Staff)}) is (status == 201)


def test_a_region_is_given_by_administrators_only(app: App, shop: Shop) -> None:
    region = {"role": "regional", "store_ids": [], "region_ids": [str(shop.region_id)]}
    assert hire_person(app, shop, "admin", **region).json["region_ids"] == [str(shop.region_id)]
    floor = {"login": "bo", "region_ids": [str(shop.region_id)]}
    assert_invalid_value(hire_person(app, shop, "regional", **floor), "body", "/region_ids/0")
    assert_invalid_value(hire_person(app, shop, "admin", **floor), "body", "/region_ids")


def test_what_cannot_be_a_person_is_refused(app: App, shop: Shop) -> None:
    for fields, pointer in (
        ({"login": "Ana Alves"}, "/login"),
        ({"name": ""}, "/name"),
        ({"role": "cook"}, "/role"),
        ({"email": "ana"}, "/email"),
        ({"email": "aña@acme.example"}, "/email"),
        ({"store_ids": []}, "/store_ids"),
        ({"store_ids": [uuid4()]}, "/store_ids/0"),
        ({"employee_number": ""}, "/employee_number"),
    ):
        assert_invalid_value(hire_person(app, shop, **fields), "body", pointer)
    assert_invalid_value(hire_person(app, shop, password="no"), "body", "/password", "unknown-field")


def test_a_store_of_another_organization_is_refused_like_one_that_does_not_exist(app: App, shop: Shop) -> None:
    elsewhere, nowhere = make_shop(app.back_office, "other").store_id, uuid4()
    answers = [hire_person(app, shop, "admin", store_ids=[store_id]) for store_id in (elsewhere, nowhere)]
    details = {
        answer.json["detail"].replace(str(store_id), "")
        for answer, store_id in zip(answers, (elsewhere, nowhere), strict=True)
    }
    assert len(details) == 1


def test_login_and_employee_number_are_used_once(app: App, shop: Shop) -> None:
    hire_person(app, shop, employee_number="A-17")
    assert assert_problem(hire_person(app, shop), 409, "already-exists")["pointer"] == "/login"
    again = hire_person(app, shop, login="ana2", employee_number="A-17")
    assert assert_problem(again, 409, "already-exists")["pointer"] == "/employee_number"
    assert hire_person(app, make_shop(app.back_office, "other"), employee_number="A-17").status_code == 201


def test_the_same_request_twice_hires_one_person(app: App, shop: Shop) -> None:
    body = {"id": str(uuid4())}
    first, again = hire_person(app, shop, **body), hire_person(app, shop, **body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == {**first.json, "invitation": None}
    assert_problem(hire_person(app, shop, **body, name="Other"), 409, "already-exists")
    key = {"Idempotency-Key": "once"}
    first, again = (hire_person(app, shop, login="bo", headers=key) for _ in range(2))
    assert (first.json["id"], again.headers["Idempotent-Replayed"]) == (again.json["id"], "true")


def test_an_organization_has_as_many_people_as_it_may(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_module, "MAX_STAFF", len(shop.staff) + 1)
    assert hire_person(app, shop).status_code == 201
    assert_problem(hire_person(app, shop, login="bo"), 409, "too-many")


def test_what_is_absent_may_be_null(app: App, shop: Shop) -> None:
    assert hire_person(app, shop, email=None, employee_number=None, region_ids=None).status_code == 201


def test_a_role_above_floor_is_given_only_after_a_recent_sign_in(app: App, shop: Shop) -> None:
    app.clock.move(minutes=10, seconds=1)
    assert hire_person(app, shop, "manager").status_code == 201
    manager = {"login": "mia", "role": "manager"}
    assert_problem(hire_person(app, shop, "admin", **manager), 403, "sign-in-again")
    assert hire_person(app, shop, "admin", login="bo").status_code == 201
    assert hire_person(app, shop, "key", **manager).status_code == 201
    sign_in_again(app, shop)
    assert hire_person(app, shop, "admin", login="max", role="manager").status_code == 201
