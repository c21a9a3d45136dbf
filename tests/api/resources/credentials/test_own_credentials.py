"""Own password and PIN: changed with the present one; all other sign-ins end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.web.keys import pin_key
from models.staff.credentials.password import password_hasher
from models.staff.credentials.pin import hash_pin, pin_matches
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.factories.people import sign_in
from tests.support.rows import rows
from tests.support.threads import TIMEOUT, at_once, wait_for_blocked_transaction

NEW, PIN = "a new and long one", "902715"


def put_password(app: App, shop: Shop, current: str = PASSWORD, new: str = NEW) -> Any:
    body = {"current_password": current, "new_password": new}
    return app.request("PUT", "/v1/me/password", (shop, "floor"), json=body)


def put_pin(app: App, shop: Shop, pin: str = PIN, **current: str) -> Any:
    return app.request("PUT", "/v1/me/pin", (shop, "floor"), json={"pin": pin, **current})


def has_pin(app: App, shop: Shop, pin: str) -> bool:
    with app.back_office.reading(shop.organization_id) as session:
        digest = session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).pin_digest
    return pin_matches(digest, pin, key=key_of(app), staff_id=shop.staff["floor"])


def key_of(app: App) -> bytes:
    with app.flask.app_context():
        return pin_key()


def set_columns(app: App, shop: Shop, **columns: Any) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        staff = session.get_one(Staff, (shop.organization_id, shop.staff["floor"]))
        for name, value in columns.items():
            setattr(staff, name, value)


def test_a_password_is_changed_with_the_present_one(app: App, shop: Shop) -> None:
    assert put_password(app, shop).status_code == 204
    assert_problem(sign_in(app, shop, "floor", PASSWORD), 401, "wrong-sign-in")
    assert sign_in(app, shop, "floor", NEW).status_code == 201


def test_a_password_hashed_as_it_was_typed_is_right_and_is_hashed_in_nfc_from_then_on(app: App, shop: Shop) -> None:
    composed, decomposed = "p\xe9n\xe9lope's soup", "pe\u0301ne\u0301lope's soup"
    set_columns(app, shop, password_hash=password_hasher.hash(decomposed))

    assert_problem(sign_in(app, shop, "floor", composed), 401, "wrong-sign-in")
    assert sign_in(app, shop, "floor", decomposed).status_code == 201
    assert sign_in(app, shop, "floor", composed).status_code == 201
    assert sign_in(app, shop, "floor", decomposed).status_code == 201


@pytest.mark.parametrize("change", [put_password, lambda app, shop: put_pin(app, shop, current_password=PASSWORD)])
def test_all_other_sign_ins_end_and_their_phones_ring_no_more(app: App, shop: Shop, change: Any) -> None:
    phone = {"platform": "ios", "address_kind": "log"}
    here = shop.tokens["floor"]
    app.request("PUT", "/v1/me/devices/here", (shop, "floor"), json={**phone, "address": "here"})
    shop.tokens["floor"] = there = sign_in(app, shop, "floor", PASSWORD).json["token"]
    app.request("PUT", "/v1/me/devices/there", (shop, "floor"), json={**phone, "address": "there"})
    shop.tokens["floor"] = here
    assert change(app, shop).status_code == 204
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200
    shop.tokens["floor"] = there
    assert_problem(app.request("GET", "/v1/me", (shop, "floor")), 401, "unauthorized")
    assert {device.installation_id: device.address for device in rows(app, Device)} == {"here": "here", "there": None}


def test_a_wrong_present_password_is_pointed_at_and_counted(app: App, shop: Shop) -> None:
    assert_invalid_value(put_password(app, shop, new="short"), "body", "/new_password")
    for _ in range(3):
        assert_invalid_value(put_password(app, shop, "not this one"), "body", "/current_password")
    assert_invalid_value(put_pin(app, shop, current_password="nor this one"), "body", "/current_password")
    assert_invalid_value(put_pin(app, shop), "body", "/current_password")
    for answer in (put_password(app, shop), put_pin(app, shop, current_password=PASSWORD)):
        assert_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["Retry-After"]) > 0
    assert sign_in(app, shop, "floor", PASSWORD).status_code == 201  # nothing was changed


def test_a_pin_is_set_with_the_password(app: App, shop: Shop) -> None:
    assert put_pin(app, shop, current_password=PASSWORD).status_code == 204
    assert has_pin(app, shop, PIN)
    assert_invalid_value(put_pin(app, shop, "123456", current_password=PASSWORD), "body", "/pin")
    assert_invalid_value(put_pin(app, shop, "481937", current_pin=PIN), "body", "/current_password")


def test_who_has_no_password_changes_the_pin_with_the_pin(app: App, shop: Shop) -> None:
    digest = hash_pin(PIN, key=key_of(app), staff_id=shop.staff["floor"])
    set_columns(app, shop, password_hash=None, pin_digest=digest)
    assert_invalid_value(put_pin(app, shop, "481937", current_pin="000000"), "body", "/current_pin")
    assert_invalid_value(put_password(app, shop), "body", "/current_password")
    assert put_pin(app, shop, "481937", current_pin=PIN).status_code == 204
    assert has_pin(app, shop, "481937")


def test_of_two_changes_at_once_with_the_same_password_one_wins(app: App, shop: Shop) -> None:
    answers = at_once([lambda: put_password(app, shop, new="the first of two"), lambda: put_password(app, shop)])
    assert sorted(answer.status_code for answer in answers) in ([204, 409], [204, 422], [204, 429])


def test_a_key_has_neither(app: App, shop: Shop) -> None:
    for path, body in (("password", {"current_password": "x", "new_password": NEW}), ("pin", {"pin": PIN})):
        assert_problem(app.request("PUT", f"/v1/me/{path}", (shop, "key"), json=body), 403, "forbidden")


@only_on_postgresql
def test_whoever_signs_in_while_the_password_is_changed_is_not_let_in(app: App, shop: Shop) -> None:
    with ThreadPoolExecutor(1) as somebody:
        with app.back_office.writing(shop.organization_id) as session:
            session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).password_hash = "that of another one"
            session.flush()
            signing_in = somebody.submit(sign_in, app, shop, "floor", PASSWORD)
            wait_for_blocked_transaction(app)
        assert_problem(signing_in.result(TIMEOUT), 401, "wrong-sign-in")
