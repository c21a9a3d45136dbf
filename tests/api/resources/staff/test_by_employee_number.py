"""A personnel system puts people by their employee number, one by one."""

from typing import Any

from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import Shop
from tests.support.factories.people import change_person
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

ANA = {"name": "Ana Alves", "login": "ana", "role": "floor"}


def put(app: App, shop: Shop, number: str = "1", by: str = "key", **fields: Any) -> Any:
    body = {**ANA, "store_ids": [str(shop.store_id)], **fields}
    return app.request("PUT", f"/v1/staff/by-employee-number/{number}", (shop, by), json=body)


def test_it_hires_and_then_changes_and_a_repeat_changes_nothing(app: App, shop: Shop) -> None:
    hired = put(app, shop)
    assert (hired.status_code, hired.json["employee_number"], hired.json["invitation"]) == (201, "1", None)
    again = put(app, shop)
    assert (again.status_code, again.json) == (200, {**hired.json})
    stores = [str(shop.other_store_id), str(shop.store_id)]
    changed = put(app, shop, login="ana.alves", role="manager", store_ids=stores, email="ana@example.com")
    assert (changed.status_code, changed.json["id"], changed.json["version"]) == (200, hired.json["id"], 2)
    assert (changed.json["login"], changed.json["role"]) == ("ana.alves", "manager")
    assert put(app, shop, login="ana.alves", role="manager", store_ids=stores[::-1]).json["version"] == 2


def test_the_one_with_the_login_and_no_number_gets_the_number(app: App, shop: Shop) -> None:
    answer = put(app, shop, login="floor")
    assert (answer.status_code, answer.json["id"]) == (200, str(shop.staff["floor"]))
    assert_problem(put(app, shop, number="2", login="floor"), 409, "already-exists")


def test_of_two_at_once_one_hires(app: App, shop: Shop) -> None:
    answers = at_once([lambda: put(app, shop)] * 4)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert [answer.status_code for answer in answers].count(201) == 1
    assert sum(staff.login == "ana" for staff in rows(app, Staff)) == 1


def test_rights_are_those_of_hiring_and_changing(app: App, shop: Shop) -> None:
    assert_problem(put(app, shop, role="admin"), 403, "forbidden")
    there = [str(shop.other_store_id)]
    assert_invalid_value(put(app, shop, by="manager", store_ids=there), "body", "/store_ids/0")
    assert put(app, shop, number="7", login="there", store_ids=there).status_code == 201
    refused = assert_problem(put(app, shop, number="7", login="there", by="manager"), 409, "already-exists")
    assert "Ana" not in refused["detail"]
    assert put(app, shop, by="manager").json["invitation"] is not None
    assert change_person(app, shop, "manager", "admin", employee_number="5").status_code == 200
    assert_problem(put(app, shop, number="5", login="manager", by="manager"), 403, "forbidden")
    assert_problem(put(app, shop, number="5", login="manager", by="regional"), 403, "forbidden")


def test_a_role_above_floor_needs_a_recent_sign_in(app: App, shop: Shop) -> None:
    app.clock.move(minutes=10, seconds=1)
    assert_problem(put(app, shop, by="admin", role="manager"), 403, "sign-in-again")
    assert put(app, shop, by="admin").status_code == 201
    sign_in_again(app, shop)
    assert put(app, shop, by="admin", role="manager").status_code == 200


def test_whoever_has_left_is_named_and_not_changed(app: App, shop: Shop) -> None:
    id_ = put(app, shop).json["id"]
    assert app.request("POST", f"/v1/staff/{id_}/leave", (shop, "key"), json={}).status_code == 200
    assert assert_problem(put(app, shop, name="Changed"), 409, "not-now")["id"] == id_


def test_a_number_that_cannot_be_one_is_refused(app: App, shop: Shop) -> None:
    for number in ("x" * 61, "%00"):
        assert_invalid_value(put(app, shop, number=number), "path", "/employee_number")
