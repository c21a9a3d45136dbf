"""Signing in on a shared phone over HTTP: by PIN and by password, wrong PINs, quick switch, lock, sign-out."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from models.policy_defaults import FAILED_PINS_WINDOW, LOCK_AFTER, MAX_FAILED_PINS
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.device import Device
from models.staff.shift import Shift
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.factories.people import change_person
from tests.support.factories.shared_phones import PIN, SharedPhone, enrol, set_pins
from tests.support.factories.staff import hire
from tests.support.rows import rows
from tests.support.threads import at_once

WRONG = "935172"


@pytest.fixture
def phone(app: App, shop: Shop) -> SharedPhone:
    """A shared phone of the first store, whose people have a PIN."""
    set_pins(app, shop, "floor", "colleague", "manager", "regional")
    return enrol(app, shop)


def by_pin(phone: SharedPhone, shop: Shop, who: Any, pin: str = PIN) -> Any:
    """Sign in with a PIN; `who` is a login or an id."""
    staff_id = str(shop.staff.get(who, who))
    body = {"device_secret": phone.secret, "staff_id": staff_id, "pin": pin}
    return phone.app.request("POST", "/v1/sessions", json=body)


def by_password(phone: SharedPhone, shop: Shop, login: str, password: str = PASSWORD) -> Any:
    body = {"device_secret": phone.secret, "organization": shop.slug, "login": login, "password": password}
    return phone.app.request("POST", "/v1/sessions", json=body)


def signed_in(phone: SharedPhone, shop: Shop, login: str) -> str:
    """Sign in with the PIN and return the token."""
    answer = by_pin(phone, shop, login)
    assert answer.status_code == 201, answer.text
    return str(answer.json["token"])


def ask(app: App, token: str, method: str, path: str, **options: Any) -> Any:
    return app.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)


def state(app: App, token: str) -> Any:
    """Return how a request with this token is answered: 200 or the code of the refusal."""
    answer = ask(app, token, "GET", "/v1/me")
    return answer.json["code"] if answer.status_code >= 400 else answer.status_code


def failed_pins(app: App) -> int:
    return max(device.failed_pins for device in rows(app, Device))


def test_a_person_signs_in_with_their_pin(app: App, shop: Shop, phone: SharedPhone) -> None:
    answer = by_pin(phone, shop, "floor")
    assert answer.status_code == 201, answer.text
    assert answer.json["staff"]["name"] == "Floor of acme"
    me = ask(app, answer.json["token"], "GET", "/v1/me")
    assert (me.status_code, me.json["id"]) == (200, str(shop.staff["floor"]))
    (sign_in,) = (row for row in rows(app, StaffSession) if row.device_id == phone.id)
    assert (sign_in.method, sign_in.tapped_at, sign_in.locked_at) == (SignInMethod.PIN, NOON, None)
    listed = phone.ask("GET", "/v1/enrolments/current/staff").json["items"]
    assert [item["name"] for item in listed if item["signed_in"]] == ["Floor of acme"]


def test_whatever_is_wrong_with_the_person_or_the_pin_has_one_answer(app: App, shop: Shop, phone: SharedPhone) -> None:
    set_pins(app, shop, "elsewhere", "hq", "admin")
    hire(app.back_office, shop, "gone", at=NOON)
    hire(app.back_office, shop, "without-pin", at=NOON)
    set_pins(app, shop, "gone")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["gone"])).leaves_at = NOON
    tries = [("floor", WRONG), (uuid4(), PIN), ("gone", PIN), ("elsewhere", PIN), ("hq", PIN), ("admin", PIN)]
    tries += [("without-pin", PIN)]
    answers = [by_pin(phone, shop, who, pin) for who, pin in tries]
    problems = [assert_problem(answer, 401, "wrong-sign-in") for answer in answers]
    assert len({problem["detail"] for problem in problems}) == 1
    assert failed_pins(app) == len(tries)


def test_without_the_secret_of_the_phone_nothing_is_looked_up_or_counted(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    """Strangers can neither lock a person out nor a phone, nor keep the database busy with writing."""
    other = make_shop(app.back_office, "other")
    for secret in (phone.secret + "x", "x", shop.tokens["floor"], phone.secret.replace("_d_", "_s_")):
        stranger = SharedPhone(app, phone.id, secret, "-")
        with app.counting() as statements:
            for _ in range(6):
                assert_problem(by_pin(stranger, shop, "floor", WRONG), 401, "unknown-phone")
                assert_problem(by_password(stranger, shop, "floor"), 401, "unknown-phone")
        assert not [line for line in statements if not line.startswith("SELECT")]
    moved = phone.secret.replace(shop.organization_id.hex, other.organization_id.hex)
    assert_problem(by_pin(SharedPhone(app, phone.id, moved, "-"), shop, "floor"), 401, "unknown-phone")
    assert failed_pins(app) == 0
    signed_in(phone, shop, "floor")


def test_wrong_pins_count_for_the_person_over_all_phones(app: App, shop: Shop, phone: SharedPhone) -> None:
    terrace = enrol(app, shop, "terrace phone")
    for number in range(5):
        assert_problem(by_pin((phone, terrace)[number % 2], shop, "floor", WRONG), 401, "wrong-sign-in")
    for each in (phone, terrace):
        for pin in (WRONG, PIN):  # a right one is not told from a wrong one
            refused = by_pin(each, shop, "floor", pin)
            assert_problem(refused, 429, "too-many-requests")
            assert 1 <= int(refused.headers["Retry-After"]) <= 15 * 60
    signed_in(phone, shop, "colleague")
    assert by_password(phone, shop, "floor").status_code == 201


def test_after_ten_wrong_pins_a_phone_asks_for_the_password_of_a_manager(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    for number in range(MAX_FAILED_PINS):
        assert_problem(by_pin(phone, shop, uuid4(), PIN), 401, "wrong-sign-in")
        if number < MAX_FAILED_PINS - 1:
            signed_in(phone, shop, "floor")  # a right one does not start the count over
    for who, pin in (("floor", PIN), ("manager", PIN), ("colleague", WRONG), (uuid4(), PIN)):
        assert_problem(by_pin(phone, shop, who, pin), 401, "manager-password-required")
    signed_in(enrol(app, shop, "terrace phone"), shop, "floor")
    assert by_password(phone, shop, "floor").status_code == 201  # may work, but is no manager
    assert_problem(by_pin(phone, shop, "floor"), 401, "manager-password-required")
    assert_problem(by_password(phone, shop, "manager", "not the password"), 401, "wrong-sign-in")
    app.clock.move(days=30)
    assert_problem(by_pin(phone, shop, "floor"), 401, "manager-password-required")
    assert by_password(phone, shop, "manager").status_code == 201
    signed_in(phone, shop, "floor")
    assert failed_pins(app) == 0


def test_typing_errors_of_many_days_do_not_add_up(app: App, shop: Shop, phone: SharedPhone) -> None:
    for _ in range(4):
        for _ in range(MAX_FAILED_PINS - 1):
            assert_problem(by_pin(phone, shop, uuid4()), 401, "wrong-sign-in")
        app.clock.move(seconds=FAILED_PINS_WINDOW.total_seconds())
    signed_in(phone, shop, "floor")
    for _ in range(MAX_FAILED_PINS - 1):
        by_pin(phone, shop, uuid4())
    app.clock.move(seconds=FAILED_PINS_WINDOW.total_seconds() - 1)
    assert_problem(by_pin(phone, shop, uuid4()), 401, "wrong-sign-in")
    assert_problem(by_pin(phone, shop, "floor"), 401, "manager-password-required")


def test_of_many_wrong_pins_at_once_each_is_counted(app: App, shop: Shop, phone: SharedPhone) -> None:
    answers = at_once([partial(by_pin, phone, shop, uuid4()) for _ in range(MAX_FAILED_PINS + 4)])
    codes = sorted(answer.json["code"] for answer in answers)
    assert codes == ["manager-password-required"] * 4 + ["wrong-sign-in"] * MAX_FAILED_PINS
    assert failed_pins(app) == MAX_FAILED_PINS


def test_another_person_takes_the_phone_over_and_the_first_one_unlocks_with_the_pin(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    terrace = enrol(app, shop, "terrace phone")
    there = signed_in(terrace, shop, "floor")
    first = signed_in(phone, shop, "floor")
    second = signed_in(phone, shop, "colleague")
    assert (state(app, first), state(app, second), state(app, there)) == ("locked", 200, 200)
    assert state(app, shop.tokens["floor"]) == 200  # on their own phone
    again = signed_in(phone, shop, "floor")
    assert (state(app, first), state(app, second), state(app, again)) == ("unauthorized", "locked", 200)
    on_phone = [row for row in rows(app, StaffSession) if row.device_id == phone.id]
    assert {row.staff_id for row in on_phone} == {shop.staff["floor"], shop.staff["colleague"]}
    assert len(on_phone) == 2


def test_a_person_who_signs_in_again_ends_their_former_sign_in_on_this_phone_only(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    terrace = enrol(app, shop, "terrace phone")
    there, first = signed_in(terrace, shop, "floor"), signed_in(phone, shop, "floor")
    second = signed_in(phone, shop, "floor")
    assert [state(app, token) for token in (there, first, second)] == [200, "unauthorized", 200]


def test_a_password_signs_in_on_a_shared_phone_too(app: App, shop: Shop, phone: SharedPhone) -> None:
    first = signed_in(phone, shop, "colleague")
    answer = by_password(phone, shop, "floor")
    assert answer.status_code == 201, answer.text
    assert (state(app, answer.json["token"]), state(app, first)) == (200, "locked")
    (sign_in,) = (row for row in rows(app, StaffSession) if row.device_id == phone.id and row.locked_at is None)
    assert (sign_in.method, sign_in.tapped_at) == (SignInMethod.PASSWORD, NOON)


def test_with_a_password_sign_in_who_may_use_the_phone_and_administrators(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    statuses = {login: by_password(phone, shop, login).status_code for login in ("manager", "regional", "admin")}
    assert set(statuses.values()) == {201}
    make_shop(app.back_office, "other")
    refused = [by_password(phone, shop, login) for login in ("elsewhere", "hq", "nobody")]
    body = {"device_secret": phone.secret, "organization": "other", "login": "floor", "password": PASSWORD}
    refused += [app.request("POST", "/v1/sessions", json=body), by_password(phone, shop, "floor", "not the password")]
    details = {assert_problem(answer, 401, "wrong-sign-in")["detail"] for answer in refused}
    assert len(details) == 1


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({}, {"/organization", "/login", "/password"}),
        ({"organization": "acme", "login": "floor"}, {"/password"}),
        ({"device_secret": "x", "pin": PIN}, {"/staff_id"}),
        ({"staff_id": "0190b0e2-0000-7000-8000-000000000000", "pin": PIN}, {"/device_secret"}),
    ],
)
def test_a_sign_in_needs_one_set_of_fields(app: App, body: dict[str, str], missing: set[str]) -> None:
    answer = app.request("POST", "/v1/sessions", json=body)
    assert answer.status_code == 422
    errors = {(error["pointer"], error["code"]) for error in answer.json["errors"]}
    assert errors == {(pointer, "required") for pointer in missing}


def test_a_pin_and_a_password_do_not_go_together(app: App, shop: Shop, phone: SharedPhone) -> None:
    body = {"device_secret": phone.secret, "staff_id": str(shop.staff["floor"]), "pin": PIN}
    for name in ("organization", "login", "password", "code"):
        answer = app.request("POST", "/v1/sessions", json={**body, name: "acme"})
        assert_invalid_value(answer, "body", f"/{name}", "unknown-field")


def test_ten_minutes_without_a_tap_lock_the_phone(app: App, shop: Shop, phone: SharedPhone) -> None:
    token = signed_in(phone, shop, "floor")
    app.clock.move(seconds=LOCK_AFTER.total_seconds())
    assert state(app, token) == 200
    app.clock.move(seconds=1)
    assert state(app, token) == "locked"
    assert state(app, signed_in(phone, shop, "floor")) == 200


def test_what_the_app_asks_for_by_itself_is_no_tap(app: App, shop: Shop, phone: SharedPhone) -> None:
    concern = log_concern(app, shop, mood=1)
    lists = ("/v1/me", "/v1/concerns", "/v1/alerts", "/v1/stores", f"/v1/concerns/{concern['id']}/events")
    token = signed_in(phone, shop, "floor")
    for minute in range(11):
        for path in lists:
            answer = ask(app, token, "GET", path)
            assert answer.status_code == (200 if minute <= 10 else 401), (minute, answer.text)
        receipts = {"receipts": [{"notification_id": str(uuid4()), "event": "shown", "at": NOON.isoformat()}]}
        assert ask(app, token, "POST", "/v1/notifications/receipts", json=receipts).status_code == 200
        app.clock.move(minutes=1)
    assert state(app, token) == "locked"


@pytest.mark.parametrize("tap", ["opens a concern", "logs one", "takes a pause"])
def test_a_tap_keeps_the_phone_open(app: App, shop: Shop, phone: SharedPhone, tap: str) -> None:
    concern = log_concern(app, shop, mood=1)
    token = signed_in(phone, shop, "floor")
    for _ in range(4):
        app.clock.move(minutes=6)
        match tap:
            case "opens a concern":
                answer = ask(app, token, "GET", f"/v1/concerns/{concern['id']}")
            case "logs one":
                answer = ask(app, token, "POST", "/v1/concerns", json={"mood": 4})
            case _:
                answer = ask(app, token, "POST", "/v1/me/pause", json={})
        assert answer.status_code < 300, answer.text
    app.clock.move(minutes=11)
    assert state(app, token) == "locked"


def test_a_tap_is_recorded_once_a_minute_whatever_the_app_asks_for_meanwhile(
    app: App, shop: Shop, phone: SharedPhone
) -> None:
    """A poll just before each tap must not keep the tap from being recorded."""
    concern = log_concern(app, shop, mood=1)
    token = signed_in(phone, shop, "floor")
    recorded = []
    for seconds in (59, 2, 58, 3):
        app.clock.move(seconds=seconds)
        ask(app, token, "GET", "/v1/me")
        ask(app, token, "GET", f"/v1/concerns/{concern['id']}")
        (sign_in,) = (row for row in rows(app, StaffSession) if row.device_id == phone.id)
        recorded.append((sign_in.tapped_at - NOON).total_seconds() if sign_in.tapped_at else None)
    assert recorded == [0, 61, 61, 122]


def test_a_locked_sign_in_may_send_receipts_and_nothing_else(app: App, shop: Shop, phone: SharedPhone) -> None:
    token = signed_in(phone, shop, "floor")
    app.clock.move(minutes=11)
    receipts = {"receipts": [{"notification_id": str(uuid4()), "event": "shown", "at": NOON.isoformat()}]}
    assert ask(app, token, "POST", "/v1/notifications/receipts", json=receipts).status_code == 200
    assert phone.ask("POST", "/v1/notifications/receipts", json=receipts).status_code == 200
    for method, path, body in (
        ("GET", "/v1/me", None),
        ("GET", "/v1/concerns", None),
        ("POST", "/v1/concerns", {"mood": 2}),
        ("DELETE", "/v1/sessions/current", None),
        ("GET", "/v1/api-keys", None),  # whatever else is wrong
    ):
        options = {"json": body} if body else {}
        answer = ask(app, token, method, path, **options)
        assert_problem(answer, 401, "locked")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert len([row for row in rows(app, StaffSession) if row.device_id == phone.id]) == 1


def test_signing_out_of_a_shared_phone_ends_that_sign_in_only(app: App, shop: Shop, phone: SharedPhone) -> None:
    first, second = signed_in(phone, shop, "floor"), signed_in(phone, shop, "colleague")
    assert ask(app, second, "DELETE", "/v1/sessions/current").status_code == 204
    assert (state(app, second), state(app, first)) == ("unauthorized", "locked")
    (device,) = rows(app, Device)
    assert (device.address, device.retired_at) == ("address of bar phone", None)
    assert state(app, shop.tokens["colleague"]) == 200


def test_a_sign_in_on_a_shared_phone_binds_no_personal_phone(app: App, shop: Shop, phone: SharedPhone) -> None:
    token = signed_in(phone, shop, "floor")
    body = {"platform": "ios", "address": "another address", "address_kind": "log"}
    for installation in (phone.installation_id, "other phone"):
        answer = ask(app, token, "PUT", f"/v1/me/devices/{installation}", json=body)
        assert_problem(answer, 409, "shared-phone")
    (device,) = rows(app, Device)
    assert (device.staff_id, device.address) == (None, "address of bar phone")


def test_a_shift_knows_the_shared_phone_it_began_on(app: App, shop: Shop, phone: SharedPhone) -> None:
    body = {"store_id": str(shop.store_id)}
    token = signed_in(phone, shop, "colleague")
    assert ask(app, token, "PUT", "/v1/me/shift", json=body).status_code == 200
    shift_of = {shift.staff_id: shift.device_id for shift in rows(app, Shift)}
    assert shift_of == {shop.staff["colleague"]: phone.id, shop.staff["floor"]: None}
    app.request("PUT", "/v1/me/shift", (shop, "colleague"), json=body)
    shift_of = {shift.staff_id: shift.device_id for shift in rows(app, Shift)}
    assert shift_of[shop.staff["colleague"]] == phone.id


def test_a_phone_of_a_closed_store_lets_nobody_in(app: App, shop: Shop, phone: SharedPhone) -> None:
    assert app.request("POST", f"/v1/stores/{shop.store_id}/close", (shop, "admin")).status_code == 200
    assert_problem(by_pin(phone, shop, "floor"), 401, "unknown-phone")
    assert_problem(by_password(phone, shop, "manager"), 401, "unknown-phone")


def test_whoever_loses_the_store_may_not_use_its_phone_any_more(app: App, shop: Shop, phone: SharedPhone) -> None:
    signed_in(phone, shop, "floor")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).store_links = []
    assert_problem(by_pin(phone, shop, "floor"), 401, "wrong-sign-in")


@pytest.mark.parametrize("role", ["admin", "head_office"])
def test_a_pin_is_not_enough_for_a_role_that_has_none(app: App, shop: Shop, phone: SharedPhone, role: str) -> None:
    token = signed_in(phone, shop, "manager")
    assert state(app, token) == 200
    assert change_person(app, shop, "manager", "admin", role=role).status_code == 200
    assert state(app, token) != 200


def test_the_lock_takes_ten_minutes() -> None:
    assert timedelta(minutes=10) == LOCK_AFTER
