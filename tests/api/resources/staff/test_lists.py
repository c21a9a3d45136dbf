"""Lists of people: what those who manage somebody see beyond what colleagues see."""

from typing import Any

from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.organizations import Shop
from tests.support.factories.people import change_person

SEEN_BY_COLLEAGUES = {"id", "version", "name", "role", "store_ids", "region_ids"}


def listed(app: App, shop: Shop, by: str, **query: Any) -> dict[str, Any]:
    answer = app.request("GET", "/v1/staff", (shop, by), query_string=query)
    assert answer.status_code == 200, answer.text
    logins = {str(id_): login for login, id_ in shop.staff.items()}
    return {logins[item["id"]]: item for item in answer.json["items"]}


def leave(app: App, shop: Shop, login: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff[login])).left_at = app.clock()


def test_login_mail_and_number_are_for_those_who_manage_the_person(app: App, shop: Shop) -> None:
    change_person(app, shop, "colleague", email="c@acme.example", employee_number="A-1")
    for by, managed in {
        "colleague": set(),
        "manager": {"floor", "colleague"},
        "regional": {"floor", "colleague"},
        "admin": set(shop.staff),
        "key": {"floor", "colleague", "elsewhere", "manager"},
    }.items():
        shown = listed(app, shop, by)
        assert {login for login, item in shown.items() if set(item) > SEEN_BY_COLLEAGUES} == managed, by
        assert all(set(item) == SEEN_BY_COLLEAGUES for login, item in shown.items() if login not in managed)
    colleague = listed(app, shop, "manager")["colleague"]
    assert (
        colleague.items()
        >= {
            "login": "colleague",
            "email": "c@acme.example",
            "employee_number": "A-1",
            "has_password": True,
            "has_pin": False,
            "left_at": None,
            "leaves_at": None,
        }.items()
    )


def test_who_has_left_is_listed_on_request_for_those_who_managed_them(app: App, shop: Shop) -> None:
    leave(app, shop, "colleague")
    assert "colleague" not in listed(app, shop, "manager")
    for by in ("manager", "regional", "admin", "key"):
        assert set(listed(app, shop, by, left=True)) == {"colleague"}, by
    assert listed(app, shop, "floor", left=True) == {}
    assert listed(app, shop, "manager", left=True)["colleague"]["left_at"] == "2026-03-03T12:00:00Z"


def test_a_person_is_found_by_employee_number_by_those_who_manage_them(app: App, shop: Shop) -> None:
    change_person(app, shop, "colleague", employee_number="A-1")
    for by, found in {"key": {"colleague"}, "manager": {"colleague"}, "floor": set()}.items():
        assert set(listed(app, shop, by, employee_number="A-1")) == found, by
    assert listed(app, shop, "key", employee_number="A-2") == {}


def test_an_employee_number_that_nobody_can_have_is_refused(app: App, shop: Shop) -> None:
    for number in ("\x00", "1" * 61):
        answer = app.request("GET", "/v1/staff", (shop, "admin"), query_string={"employee_number": number})
        assert_invalid_value(answer, "query", "/employee_number")
