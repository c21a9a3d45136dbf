"""Redeeming one-time codes: what is set, what ends, and one answer for everything that is not valid."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from models.staff.credentials.invitation import Invitation
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.factories.people import hire_person, make_code, redeem, sign_in
from tests.support.factories.staff import give_phone
from tests.support.rows import rows
from tests.support.threads import at_once

NEW, PIN = "a new and long one", "902715"


def code_for(app: App, shop: Shop, login: str = "colleague") -> str:
    code: str = make_code(app, shop, login).json["code"]
    return code


def person(app: App, login: str) -> Staff:
    return next(staff for staff in rows(app, Staff) if staff.login == login)


@pytest.mark.parametrize("secrets", [{"password": NEW}, {"pin": PIN}, {"password": NEW, "pin": PIN}])
def test_a_code_sets_a_password_a_pin_or_both(app: App, shop: Shop, secrets: dict[str, str]) -> None:
    hired = hire_person(app, shop).json
    assert redeem(app, hired["invitation"]["code"], **secrets).status_code == 200
    shown = app.request("GET", f"/v1/staff/{hired['id']}", (shop, "manager")).json
    assert (shown["has_password"], shown["has_pin"]) == ("password" in secrets, "pin" in secrets)
    assert (sign_in(app, shop, "ana", NEW).status_code == 201) is ("password" in secrets)


def test_a_new_password_replaces_the_former_one_and_ends_all_sign_ins(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "colleague", "own phone")
    assert redeem(app, code_for(app, shop), password=NEW).status_code == 200
    assert_problem(app.request("GET", "/v1/me", (shop, "colleague")), 401, "unauthorized")
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200
    assert [(phone.address, phone.retired_reason) for phone in rows(app, Device)] == [(None, "new-password")]
    assert_problem(sign_in(app, shop, "colleague", PASSWORD), 401, "wrong-sign-in")
    assert sign_in(app, shop, "colleague", NEW).status_code == 201


def test_whoever_redeems_a_code_signs_in_on_a_new_phone_while_strangers_guess(app: App, shop: Shop) -> None:
    for number in range(50):  # from several addresses, at this account and at this address
        address = {"REMOTE_ADDR": f"198.51.100.{number % 10}"} if number else {}
        body = {"organization": shop.slug, "login": "colleague", "password": "a guess"}
        assert app.request("POST", "/v1/sessions", json=body, environ_base=address).status_code == 401
    signed_in = app.request("GET", "/v1/me", (shop, "colleague"))
    assert signed_in.status_code == 200  # and their sign-ins end with the code
    first = redeem(app, code_for(app, shop), password=NEW).json["device_proof"]
    assert sign_in(app, shop, "colleague", NEW).status_code == 429
    answer = sign_in(app, shop, "colleague", NEW, device_proof=first)
    assert answer.status_code == 201
    app.clock.move(seconds=1)
    body = {"code": code_for(app, shop), "password": PASSWORD}
    second = app.request("POST", "/v1/password-resets/redeem", json=body).json["device_proof"]
    # A code ends the proofs of the passwords before, and one for a PIN those of the same password too.
    for earlier in (first, answer.json["device_proof"]):
        assert sign_in(app, shop, "colleague", PASSWORD, device_proof=earlier).status_code == 429
    assert sign_in(app, shop, "colleague", PASSWORD, device_proof=second).status_code == 201
    assert redeem(app, code_for(app, shop), pin=PIN).json["device_proof"] is None
    assert sign_in(app, shop, "colleague", PASSWORD, device_proof=second).status_code == 429


def left(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["colleague"])).left_at = app.clock()


NOT_VALID: dict[str, Callable[[App, Shop, str], Any]] = {
    "used": lambda app, _shop, code: redeem(app, code, password=NEW),
    "replaced": lambda app, shop, _code: code_for(app, shop),
    "expired": lambda app, _shop, _code: app.clock.move(hours=24),
    "of somebody who left": lambda app, shop, _code: left(app, shop),
}


def test_whatever_is_wrong_with_a_code_the_answer_is_the_same(app: App, shop: Shop) -> None:
    answers = {}
    for why, spoil in NOT_VALID.items():
        code = code_for(app, shop)
        spoil(app, shop, code)
        answers[why] = redeem(app, code, password=NEW)
    session = shop.tokens["floor"]
    for text in ("x", session, session.replace("amd_s_", "amd_i_"), Token.new("i", uuid4()).text, "amd_i_x_y"):
        answers[text] = redeem(app, text, password=NEW)
    for answer in answers.values():
        assert_problem(answer, 410, "code-not-valid")
    assert len({answer.json["detail"] for answer in answers.values()}) == 1


def test_a_code_is_valid_for_a_day(app: App, shop: Shop) -> None:
    code = code_for(app, shop)
    app.clock.at += timedelta(hours=24, seconds=-1)
    assert redeem(app, code, password=NEW).status_code == 200


def test_what_cannot_be_set_is_refused_and_the_code_stays_valid(app: App, shop: Shop) -> None:
    code = code_for(app, shop)
    assert_invalid_value(redeem(app, code, password="short"), "body", "/password")
    assert_invalid_value(redeem(app, code, pin="123456"), "body", "/pin")
    assert_invalid_value(redeem(app, code, pin="12345x"), "body", "/pin")
    assert_invalid_value(redeem(app, code), "body", "")
    assert redeem(app, code, password=NEW, pin=PIN).status_code == 200


def test_of_two_who_redeem_a_code_at_once_one_succeeds(app: App, shop: Shop) -> None:
    code = code_for(app, shop)
    answers = at_once([lambda: redeem(app, code, password="the first of two"), lambda: redeem(app, code, pin=PIN)])
    assert sorted(answer.status_code for answer in answers) in ([200, 410], [200, 429])
    assert [row.redeemed_at is not None for row in rows(app, Invitation)] == [True]
    first_won = answers[0].status_code == 200
    assert (person(app, "colleague").pin_digest is None) is first_won


def test_an_address_tries_twenty_wrong_codes_a_minute_at_most_and_keeps_nobody_out(app: App, shop: Shop) -> None:
    code = code_for(app, shop)
    answers = [redeem(app, Token.new("i", shop.organization_id).text, password=NEW) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [*[410] * 20, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert redeem(app, code, password=NEW).status_code == 200


def test_a_code_opens_nothing_else(app: App, shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {code_for(app, shop)}"}
    assert_problem(app.request("GET", "/v1/me", headers=headers), 401, "unauthorized")


def test_only_the_digests_are_stored(app: App, shop: Shop) -> None:
    code = code_for(app, shop)
    redeem(app, code, password=NEW, pin=PIN)
    stored = repr([row.__dict__ for model in (Invitation, Staff, StaffSession) for row in rows(app, model)])
    for secret in (code, NEW, PIN):
        assert secret not in stored
