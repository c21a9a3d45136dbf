"""Phones over HTTP: who lists which, and what happens to a lost one."""

from functools import partial
from typing import Any
from uuid import UUID

from models.access import Role
from models.alerts.notification import NotificationKind, NotificationState
from models.outbox.message import OutboxKind
from models.policy_defaults import MAX_PERSONAL_PHONES
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.factories.shared_phones import enrol, make_code, redeem, set_pins
from tests.support.factories.staff import hire
from tests.support.rows import notifications, pending_messages, rows
from tests.support.threads import at_once

MANAGERS = ("manager", "regional", "admin")


def register(app: App, shop: Shop, login: str, installation: str = "", address: str = "") -> Any:
    installation = installation or f"phone of {login}"
    body = {"platform": "android", "address": address or f"address of {installation}", "address_kind": "log"}
    return app.request("PUT", f"/v1/me/devices/{installation}", (shop, login), json=body)


def registered(app: App, shop: Shop, login: str, installation: str = "", address: str = "") -> str:
    answer = register(app, shop, login, installation, address)
    assert answer.status_code == 200, answer.text
    return str(answer.json["id"])


def listed(app: App, shop: Shop, login: str, **query: str) -> list[Any]:
    answer = app.request("GET", "/v1/devices", (shop, login), query_string=query)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json["items"]
    return items


def names(items: list[Any]) -> set[str]:
    return {item["name"] or item["person"]["name"].split()[0].lower() for item in items}


def revoke(app: App, shop: Shop, login: str, device_id: str | UUID, **headers: str) -> Any:
    return app.request("POST", f"/v1/devices/{device_id}/revoke", (shop, login), headers=headers)


def told(app: App) -> list[Any]:
    messages = pending_messages(app, OutboxKind.FIND_READERS)
    return [row.staff_id for row in messages if row.notification_kind is NotificationKind.PHONE_TAKEN]


def device(app: App, device_id: str | UUID) -> Device:
    (found,) = (row for row in rows(app, Device) if str(row.id) == str(device_id))
    return found


def test_a_manager_sees_the_phones_of_the_store_and_its_people(app: App, shop: Shop) -> None:
    for login in ("floor", "manager", "regional", "admin", "hq", "elsewhere"):
        registered(app, shop, login)
    enrol(app, shop)
    enrol(app, shop, "there", by="admin", store_id=shop.other_store_id, name="there")
    seen = {login: names(listed(app, shop, login)) for login in MANAGERS}
    assert seen["manager"] == {"floor", "manager", "bar"}
    assert seen["regional"] == {"floor", "manager", "bar", "regional"}
    assert seen["admin"] == {"floor", "manager", "regional", "admin", "hq", "elsewhere", "bar", "there"}
    for store_id, expected in ((shop.store_id, {"floor", "manager", "bar"}), (shop.other_store_id, set())):
        assert names(listed(app, shop, "manager", store_id=str(store_id))) == expected
    assert names(listed(app, shop, "admin", store_id=str(shop.other_store_id))) == {"elsewhere", "there"}
    for login in ("floor", "hq", "key"):
        assert_problem(app.request("GET", "/v1/devices", (shop, login)), 403, "forbidden")


def test_a_phone_is_listed_without_its_address(app: App, shop: Shop) -> None:
    id_ = registered(app, shop, "floor", address="a secret address")
    app.clock.move(minutes=3)
    app.request("GET", "/v1/me", (shop, "floor"))
    answer = app.request("GET", "/v1/devices", (shop, "manager"))
    assert "secret address" not in answer.text
    assert answer.json["items"] == [
        {
            "id": id_,
            "person": {"id": str(shop.staff["floor"]), "name": "Floor of acme"},
            "store_id": None,
            "name": None,
            "platform": "android",
            "app_version": None,
            "registered_at": "2026-03-03T12:00:00Z",
            "last_seen_at": "2026-03-03T12:03:00Z",
            "retired_at": None,
            "retired_reason": None,
            "needs_manager": False,
        }
    ]


def test_a_lost_phone_is_signed_out_at_once(app: App, shop: Shop) -> None:
    id_ = registered(app, shop, "floor")
    app.request("POST", "/v1/me/test-push", (shop, "floor"))
    body = {"organization": shop.slug, "login": "floor", "password": PASSWORD}
    other_phone = app.request("POST", "/v1/sessions", json=body).json["token"]
    answer = revoke(app, shop, "manager", id_)
    assert answer.status_code == 200, answer.text
    assert (answer.json["retired_at"], answer.json["retired_reason"]) == ("2026-03-03T12:00:00Z", "revoked")
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 401
    shop.tokens["other phone"] = other_phone
    assert app.request("GET", "/v1/me", (shop, "other phone")).status_code == 200
    assert device(app, id_).address is None
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "phone-retired")
    assert pending_messages(app, OutboxKind.DELIVER_INFO) == []
    app.clock.move(minutes=1)
    again = revoke(app, shop, "manager", id_)
    assert (again.status_code, again.json["retired_at"]) == (200, "2026-03-03T12:00:00Z")


def test_a_lost_shared_phone_lets_nobody_in(app: App, shop: Shop) -> None:
    phone, terrace = enrol(app, shop), enrol(app, shop, "terrace phone")
    set_pins(app, shop, "floor")
    tokens = []
    for each in (phone, terrace):
        body = {"device_secret": each.secret, "staff_id": str(shop.staff["floor"]), "pin": "408357"}
        tokens.append(app.request("POST", "/v1/sessions", json=body).json["token"])
    assert revoke(app, shop, "regional", phone.id).status_code == 200
    shop.tokens |= {"bar": tokens[0], "terrace": tokens[1]}
    assert [app.request("GET", "/v1/me", (shop, login)).status_code for login in ("bar", "terrace")] == [401, 200]
    body = {"device_secret": phone.secret, "staff_id": str(shop.staff["floor"]), "pin": "408357"}
    assert_problem(app.request("POST", "/v1/sessions", json=body), 401, "unknown-phone")
    assert phone.ask("GET", "/v1/enrolments/current/staff").status_code == 401
    assert (device(app, phone.id).address, device(app, phone.id).name) == (None, "bar")
    assert names([item for item in listed(app, shop, "manager") if item["retired_at"]]) == {"bar"}
    assert redeem(app, make_code(app, shop), phone.installation_id).status_code == 201


def test_a_revoked_shared_phone_can_become_the_phone_of_a_person(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    assert_problem(register(app, shop, "floor", phone.installation_id), 409, "shared-phone")
    revoke(app, shop, "manager", phone.id)
    assert register(app, shop, "floor", phone.installation_id).status_code == 200
    assert (device(app, phone.id).staff_id, device(app, phone.id).store_id) == (shop.staff["floor"], None)


def test_everybody_signs_their_own_phone_out_and_nobody_that_of_a_colleague(app: App, shop: Shop) -> None:
    make_shop(app.back_office, "other")
    phones = {login: registered(app, shop, login) for login in ("floor", "colleague", "manager", "regional", "hq")}
    phones["elsewhere"] = registered(app, shop, "elsewhere")
    phones["bar"] = str(enrol(app, shop).id)
    for by, whose in (
        ("floor", "colleague"),
        ("floor", "bar"),
        ("hq", "floor"),
        ("hq", "bar"),
        ("manager", "elsewhere"),
        ("manager", "regional"),
        ("regional", "elsewhere"),
        ("elsewhere", "bar"),
    ):
        assert_problem(revoke(app, shop, by, phones[whose]), 404, "not-found")
    assert not [row for row in rows(app, Device) if row.retired_at]
    assert_problem(revoke(app, shop, "key", phones["floor"]), 403, "forbidden")
    for by, whose in (("floor", "floor"), ("hq", "hq"), ("manager", "colleague"), ("admin", "elsewhere")):
        assert revoke(app, shop, by, phones[whose]).status_code == 200, (by, whose)


def test_a_person_with_a_second_phone_signs_the_lost_one_out(app: App, shop: Shop) -> None:
    lost = registered(app, shop, "floor")
    body = {"organization": shop.slug, "login": "floor", "password": PASSWORD}
    shop.tokens["second"] = app.request("POST", "/v1/sessions", json=body).json["token"]
    assert revoke(app, shop, "second", lost).status_code == 200
    assert [app.request("GET", "/v1/me", (shop, login)).status_code for login in ("floor", "second")] == [401, 200]


def test_who_loses_a_phone_or_an_address_to_somebody_else_is_told(app: App, shop: Shop) -> None:
    registered(app, shop, "floor", "one", "address")
    registered(app, shop, "floor", "one", "address")
    registered(app, shop, "floor", "two", "address")  # to another phone of their own
    assert told(app) == []
    registered(app, shop, "colleague", "three", "address")
    assert told(app) == [shop.staff["floor"]]
    registered(app, shop, "manager", "three", "address")
    assert told(app) == [shop.staff["floor"], shop.staff["colleague"]]
    bound = {row.staff_id: row.device_id for row in rows(app, StaffSession) if row.device_id}
    assert {device(app, id_).installation_id for id_ in bound.values() if id_} == {"two", "three"}
    assert shop.staff["colleague"] not in bound


def test_a_shared_phone_cannot_be_silenced_by_a_personal_sign_in(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    for installation, address in ((phone.installation_id, "mine"), ("mine", f"address of {phone.installation_id}")):
        assert_problem(register(app, shop, "floor", installation, address), 409, "shared-phone")
    assert device(app, phone.id).address == f"address of {phone.installation_id}"


def test_the_eleventh_phone_of_a_person_is_refused_with_the_list(app: App, shop: Shop) -> None:
    first = registered(app, shop, "floor", "phone 0")
    for number in range(1, MAX_PERSONAL_PHONES):
        registered(app, shop, "floor", f"phone {number}")
    refused = register(app, shop, "floor", "one more")
    problem = assert_problem(refused, 409, "too-many-devices")
    assert len(problem["devices"]) == MAX_PERSONAL_PHONES == 10
    assert problem["devices"][0] == {
        "id": first,
        "installation_id": "phone 0",
        "platform": "android",
        "last_seen_at": "2026-03-03T12:00:00Z",
    }
    assert register(app, shop, "floor", "phone 3").status_code == 200  # one that is there
    assert register(app, shop, "colleague", "one more").status_code == 200
    assert app.request("DELETE", "/v1/me/devices/phone 0", (shop, "floor")).status_code == 204
    assert register(app, shop, "floor", "another").status_code == 200


def test_of_two_phones_at_once_one_is_the_eleventh(app: App, shop: Shop) -> None:
    for number in range(1, MAX_PERSONAL_PHONES):
        registered(app, shop, "floor", f"phone {number}")
    answers = at_once([partial(register, app, shop, "floor", f"new {number}") for number in range(3)])
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


def test_a_phone_that_was_not_used_for_thirty_days_retires(app: App, shop: Shop) -> None:
    unseen, seen = registered(app, shop, "floor"), registered(app, shop, "colleague")
    shared = enrol(app, shop)
    app.clock.move(days=29)
    app.request("GET", "/v1/me", (shop, "colleague"))
    app.clock.move(days=1, seconds=1)
    with app.back_office.writing(shop.organization_id) as session:
        Device.retire_unseen(session, at=app.clock())
    assert (device(app, unseen).address, device(app, unseen).retired_reason) == (None, "unseen")
    assert device(app, seen).address is not None
    assert device(app, shared.id).address is not None


def test_signing_out_retires_the_phone_also_when_somebody_signed_in_twice_on_it(app: App, shop: Shop) -> None:
    id_ = registered(app, shop, "floor")
    body = {"organization": shop.slug, "login": "floor", "password": PASSWORD}
    shop.tokens["again"] = app.request("POST", "/v1/sessions", json=body).json["token"]
    registered(app, shop, "again", "phone of floor")
    assert app.request("DELETE", "/v1/sessions/current", (shop, "again")).status_code == 204
    assert (device(app, id_).address, device(app, id_).retired_reason) == (None, "signed-out")
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 401


def test_a_manager_of_another_store_sees_no_phone_of_this_one(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second-manager", role=Role.MANAGER, at=app.clock())
    stranger = make_shop(app.back_office, "other")
    id_ = registered(app, shop, "floor")
    assert listed(app, stranger, "admin") == []
    assert_problem(revoke(app, stranger, "admin", id_), 404, "not-found")
    assert names(listed(app, shop, "second-manager")) == {"floor"}
