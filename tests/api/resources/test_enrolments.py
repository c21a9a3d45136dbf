"""Shared phones over HTTP: enrolled with a code of a manager, and what they may do by themselves."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from models.alerts.notification import NotificationKind, NotificationState
from models.outbox.message import OutboxKind
from models.policy_defaults import MAX_SHARED_PHONES
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.enrolment import Enrolment
from models.staff.shift import Shift
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.people import change_person, let_go
from tests.support.factories.shared_phones import enrol, make_code, redeem, set_pins
from tests.support.rows import notifications, pending_messages, rows
from tests.support.threads import at_once

MINUTE = timedelta(minutes=1)


def told(app: App) -> list[Any]:
    """Return who is to be told that a phone of theirs changed hands."""
    messages = pending_messages(app, OutboxKind.FIND_READERS)
    return [row.staff_id for row in messages if row.notification_kind is NotificationKind.PHONE_TAKEN]


def test_a_manager_makes_a_code_that_is_shown_once(app: App, shop: Shop) -> None:
    path, headers = f"/v1/stores/{shop.store_id}/enrolments", {"Idempotency-Key": "once"}
    first = app.request("POST", path, (shop, "manager"), json={"name": "bar"}, headers=headers)
    assert first.status_code == 201, first.text
    code = first.json["code"]
    assert code.startswith(f"amd_e_{shop.organization_id.hex}_")
    assert first.json == {
        "id": first.json["id"],
        "store_id": str(shop.store_id),
        "name": "bar",
        "created_at": "2026-03-03T12:00:00Z",
        "created_by": {"id": str(shop.staff["manager"]), "name": "Manager of acme"},
        "expires_at": "2026-03-04T12:00:00Z",
        "code": code,
    }
    again = app.request("POST", path, (shop, "manager"), json={"name": "bar"}, headers=headers)
    assert (again.status_code, again.json) == (201, {**first.json, "code": None})
    assert len(rows(app, Enrolment)) == 1


def test_only_who_manages_the_store_makes_codes_for_it(app: App, shop: Shop) -> None:
    for login, here, there in (
        ("floor", 403, 403),
        ("manager", 201, 404),
        ("regional", 201, 404),
        ("hq", 403, 403),
        ("admin", 201, 201),
        ("key", 403, 403),
    ):
        for store_id, expected in ((shop.store_id, here), (shop.other_store_id, there)):
            path = f"/v1/stores/{store_id}/enrolments"
            answer = app.request("POST", path, (shop, login), json={"name": "bar"})
            assert answer.status_code == expected, (login, answer.text)


def test_a_phone_that_redeems_a_code_has_a_secret_of_its_own(app: App, shop: Shop) -> None:
    answer = redeem(app, make_code(app, shop, name="terrace"), "tablet", app_version="1.2", locale="pt-PT")
    assert answer.status_code == 201, answer.text
    secret = answer.json["secret"]
    assert secret.startswith(f"amd_d_{shop.organization_id.hex}_")
    assert answer.json == {
        "id": answer.json["id"],
        "store_id": str(shop.store_id),
        "name": "terrace",
        "installation_id": "tablet",
        "platform": "android",
        "address_kind": "log",
        "app_version": "1.2",
        "locale": "pt-PT",
        "registered_at": "2026-03-03T12:00:00Z",
        "secret": secret,
    }
    (device,) = rows(app, Device)
    assert (device.staff_id, device.store_id, device.address) == (None, shop.store_id, "address of tablet")
    assert device.enrolled_by_id == shop.staff["manager"]
    (enrolment,) = rows(app, Enrolment)
    assert (enrolment.device_id, enrolment.redeemed_at) == (device.id, NOON)


def test_a_code_that_is_not_valid_has_one_answer_whatever_is_wrong(app: App, shop: Shop) -> None:
    used, unused, of_closed = make_code(app, shop), make_code(app, shop), None
    assert redeem(app, used).status_code == 201
    of_closed = make_code(app, shop, by="admin", store_id=shop.other_store_id)
    assert app.request("POST", f"/v1/stores/{shop.other_store_id}/close", (shop, "admin")).status_code == 200
    app.clock.move(hours=24)
    stranger = uuid4().hex
    codes = [used, unused, of_closed, f"amd_e_{shop.organization_id.hex}_unknown", f"amd_e_{stranger}_unknown", "x"]
    codes += [shop.tokens["admin"], unused.replace(shop.organization_id.hex, stranger)]
    answers = [redeem(app, code, "other phone") for code in codes]
    for answer in answers:
        assert_invalid_value(answer, "body", "/code")
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert len(rows(app, Device)) == 1


def test_a_code_is_valid_until_its_last_second(app: App, shop: Shop) -> None:
    code = make_code(app, shop)
    app.clock.move(hours=23, minutes=59, seconds=59)
    assert redeem(app, code).status_code == 201


def test_a_code_of_somebody_who_manages_no_phones_any_more_is_not_valid(app: App, shop: Shop) -> None:
    of_leaver, of_demoted = (make_code(app, shop, by=login) for login in ("regional", "manager"))
    assert let_go(app, shop, "regional", "admin").status_code == 200
    assert change_person(app, shop, "manager", "admin", role="floor").status_code == 200
    for code in (of_leaver, of_demoted):
        assert_invalid_value(redeem(app, code), "body", "/code")


def test_of_two_phones_that_redeem_one_code_at_once_one_is_enrolled(app: App, shop: Shop) -> None:
    code = make_code(app, shop)
    answers = at_once([partial(redeem, app, code, f"phone {number}") for number in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422], [it.text for it in answers]
    assert len(rows(app, Device)) == 1


def test_codes_that_are_not_valid_are_limited_by_their_address(app: App, shop: Shop) -> None:
    code = make_code(app, shop)
    statuses = [redeem(app, "no code").status_code for _ in range(21)]
    assert statuses == [422] * 20 + [429]
    assert redeem(app, code).status_code == 201  # who tries others keeps nobody out


def test_an_address_and_its_kind_come_together_or_not_at_all(app: App, shop: Shop) -> None:
    body = {"code": make_code(app, shop), "installation_id": "bar phone", "platform": "ios"}
    for fields, missing in (({"address": "a"}, "address_kind"), ({"address_kind": "log"}, "address")):
        answer = app.request("POST", "/v1/enrolments/redeem", json=body | fields)
        assert_invalid_value(answer, "body", f"/{missing}")
    assert app.request("POST", "/v1/enrolments/redeem", json=body).json["address_kind"] is None


def test_a_personal_phone_that_becomes_a_shared_one_is_lost_to_who_had_it(app: App, shop: Shop) -> None:
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    assert app.request("PUT", "/v1/me/devices/one", (shop, "colleague"), json=phone).status_code == 200
    before = rows(app, Device)[0].id
    answer = redeem(app, make_code(app, shop), "one", address="address")
    (device,) = rows(app, Device)
    assert (device.id, device.staff_id, device.address) == (before, None, "address")
    assert answer.json["id"] == str(device.id)
    assert told(app) == [shop.staff["colleague"]]
    assert app.request("GET", "/v1/me", (shop, "colleague")).status_code == 401
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200


def test_an_address_of_a_personal_phone_moves_to_the_shared_one(app: App, shop: Shop) -> None:
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    assert app.request("PUT", "/v1/me/devices/one", (shop, "colleague"), json=phone).status_code == 200
    redeem(app, make_code(app, shop), "two", address="address")
    personal, shared = rows(app, Device)
    assert (personal.address, personal.retired_reason, personal.staff_id) == (None, "moved", shop.staff["colleague"])
    assert (shared.address, told(app)) == ("address", [shop.staff["colleague"]])
    assert app.request("GET", "/v1/me", (shop, "colleague")).status_code == 200


def test_what_was_queued_for_a_phone_before_it_is_enrolled_is_not_sent(app: App, shop: Shop) -> None:
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    app.request("PUT", "/v1/me/devices/one", (shop, "colleague"), json=phone)
    assert app.request("POST", "/v1/me/test-push", (shop, "colleague")).status_code == 202
    redeem(app, make_code(app, shop), "one", address="address")
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "phone-retired")
    assert pending_messages(app, OutboxKind.DELIVER_INFO) == []


def test_a_shared_phone_that_is_enrolled_again_has_another_secret_and_store(app: App, shop: Shop) -> None:
    first = enrol(app, shop)
    again = enrol(app, shop, by="admin", store_id=shop.other_store_id)
    (device,) = rows(app, Device)
    assert (again.id, device.store_id) == (first.id, shop.other_store_id)
    path = "/v1/enrolments/current/staff"
    assert [phone.ask("GET", path).status_code for phone in (first, again)] == [401, 200]


def test_a_store_has_so_many_shared_phones_with_unused_codes(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.staff.enrolment.MAX_SHARED_PHONES", 3)
    assert MAX_SHARED_PHONES == 50
    enrol(app, shop)
    make_code(app, shop)
    path = f"/v1/stores/{shop.store_id}/enrolments"
    answers = at_once([partial(app.request, "POST", path, (shop, "manager"), json={"name": "bar"})] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert_problem(app.request("POST", path, (shop, "manager"), json={"name": "bar"}), 409, "too-many")
    app.clock.move(hours=24)
    assert app.request("POST", path, (shop, "manager"), json={"name": "bar"}).status_code == 201


def test_a_closed_store_has_no_use_of_shared_phones(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    assert app.request("POST", f"/v1/stores/{shop.store_id}/close", (shop, "admin")).status_code == 200
    assert_problem(phone.ask("GET", "/v1/enrolments/current/staff"), 401, "unauthorized")
    path = f"/v1/stores/{shop.store_id}/enrolments"
    assert_problem(app.request("POST", path, (shop, "manager"), json={"name": "bar"}), 409, "not-now")
    assert app.request("POST", f"/v1/stores/{shop.store_id}/reopen", (shop, "admin")).status_code == 200
    assert phone.ask("GET", "/v1/enrolments/current/staff").status_code == 200


def test_a_shared_phone_lists_who_may_use_it(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    set_pins(app, shop, "floor", "manager", "regional", "hq", "admin", "elsewhere")
    with app.back_office.writing(shop.organization_id) as session:
        session.add(
            StaffSession(
                staff_id=shop.staff["manager"],
                device_id=phone.id,
                digest=b"-",
                created_at=NOON,
                expires_at=NOON + MINUTE,
                seen_at=NOON,
                tapped_at=NOON,
                locked_at=NOON,
            )
        )
    listed = phone.ask("GET", "/v1/enrolments/current/staff").json
    assert listed == {
        "items": [
            {"id": str(shop.staff[login]), "name": f"{login.title()} of acme", "signed_in": login == "manager"}
            for login in ("floor", "manager", "regional")
        ]
    }
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).leaves_at = NOON + MINUTE
    app.clock.move(minutes=1)
    listed = phone.ask("GET", "/v1/enrolments/current/staff").json
    assert [(item["name"], item["signed_in"]) for item in listed["items"]] == [
        ("Manager of acme", False),
        ("Regional of acme", False),
    ]


def test_a_shared_phone_keeps_its_address_up_to_date(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    body = {"platform": "android", "address": "new", "address_kind": "fcm_token", "app_version": "2", "locale": "es"}
    later = app.clock.move(minutes=5)
    answer = phone.ask("PUT", "/v1/enrolments/current", json=body)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json[name] for name in ("address_kind", "app_version", "locale")} == {
        "address_kind": "fcm_token",
        "app_version": "2",
        "locale": "es",
    }
    assert "secret" not in answer.json
    (device,) = rows(app, Device)
    assert (device.address, device.seen_at, device.name) == ("new", later, "bar")


def test_a_shared_phone_takes_an_address_from_a_personal_phone_but_not_from_a_shared_one(app: App, shop: Shop) -> None:
    bar, terrace = enrol(app, shop), enrol(app, shop, "terrace phone")
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    assert app.request("PUT", "/v1/me/devices/one", (shop, "colleague"), json=phone).status_code == 200
    assert bar.ask("PUT", "/v1/enrolments/current", json=phone).status_code == 200
    assert told(app) == [shop.staff["colleague"]]
    refused = terrace.ask("PUT", "/v1/enrolments/current", json=phone)
    assert assert_problem(refused, 409, "conflict")["pointer"] == "/address"
    addresses = {device.installation_id: device.address for device in rows(app, Device)}
    assert addresses == {"bar phone": "address", "terrace phone": "address of terrace phone", "one": None}


def test_a_shared_phone_by_itself_may_do_nothing_else(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    log_concern(app, shop, mood=1)
    for path in ("/v1/me", "/v1/concerns", "/v1/stores", "/v1/staff", "/v1/alerts"):
        assert_problem(phone.ask("GET", path), 403, "forbidden")
    assert_problem(phone.ask("POST", "/v1/concerns", json={"mood": 2}), 403, "forbidden")
    assert_problem(phone.ask("DELETE", "/v1/sessions/current"), 403, "forbidden")
    shift = {"store_id": str(shop.store_id)}
    assert_problem(phone.ask("PUT", "/v1/me/shift", json=shift), 403, "forbidden")
    assert len(rows(app, Shift)) == 1


def test_people_and_keys_are_no_shared_phones(app: App, shop: Shop) -> None:
    enrol(app, shop)
    for login in ("floor", "manager", "admin", "key"):
        for method, path in (("GET", "/v1/enrolments/current/staff"), ("PUT", "/v1/enrolments/current")):
            assert_problem(app.request(method, path, (shop, login)), 403, "forbidden")


def test_a_shared_phone_is_seen_when_it_asks(app: App, shop: Shop) -> None:
    phone = enrol(app, shop)
    later = app.clock.move(minutes=2)
    phone.ask("GET", "/v1/enrolments/current/staff")
    assert rows(app, Device)[0].seen_at == later


def test_another_organization_has_no_use_of_a_secret(app: App, shop: Shop) -> None:
    phone, other = enrol(app, shop), make_shop(app.back_office, "other")
    phone.secret = phone.secret.replace(shop.organization_id.hex, other.organization_id.hex)
    assert phone.ask("GET", "/v1/enrolments/current/staff").status_code == 401
