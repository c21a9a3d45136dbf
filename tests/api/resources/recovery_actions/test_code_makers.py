"""Whoever made a sign-in code or a key could act with it, and so decides nothing that is asked for with it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.invitation import Invitation
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.imports import csv_text, import_csv
from tests.support.factories.organizations import Shop
from tests.support.factories.people import change_person, hire_person, make_code, redeem, sign_in
from tests.support.factories.vocabulary import create_word
from tests.support.rows import rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

PASSWORD = "a new and long one"


def ask_for_more(app: App, shop: Shop, by: str) -> str:
    """Give a voucher above the limit; return the id of the action, which is pending."""
    body = {"remedy": "voucher", "cost": {"amount": 2000, "currency": "EUR"}}
    path = f"/v1/concerns/{log_concern(app, shop)['id']}/recovery-actions"
    action = app.request("POST", path, (shop, by), json=body).json
    assert action["status"] == "pending"
    return str(action["id"])


def decide(app: App, shop: Shop, action_id: str, verb: str, by: str = "manager") -> Any:
    path = f"/v1/recovery-actions/{action_id}/{verb}"
    return app.request("POST", path, (shop, by), json={"note": "As you say."})


@pytest.fixture(autouse=True)
def _limited(app: App, shop: Shop) -> None:
    remedies = app.request("GET", "/v1/remedies", (shop, "floor")).json["items"]
    (voucher,) = (remedy for remedy in remedies if remedy["slug"] == "voucher")
    body = {"limits": [{"role": "floor", "per_customer": {"amount": 1000, "currency": "EUR"}}]}
    headers = {"If-Match": "*"}
    assert app.request("PATCH", f"/v1/remedies/{voucher['id']}", (shop, "admin"), json=body, headers=headers).json


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_whoever_made_a_code_does_not_decide_and_others_do(app: App, shop: Shop, verb: str) -> None:
    code = make_code(app, shop, "floor").json["code"]
    assert redeem(app, code, password=PASSWORD).status_code == 200
    shop.tokens["floor"] = sign_in(app, shop, "floor", PASSWORD).json["token"]
    action_id = ask_for_more(app, shop, "floor")
    assert_problem(decide(app, shop, action_id, verb), 403, "forbidden")
    assert decide(app, shop, action_id, verb, "regional").status_code == 200


def test_nor_does_whoever_invited_a_new_person(app: App, shop: Shop) -> None:
    hired = hire_person(app, shop).json
    assert redeem(app, hired["invitation"]["code"], password=PASSWORD).status_code == 200
    shop.tokens["ana"], shop.staff["ana"] = sign_in(app, shop, "ana", PASSWORD).json["token"], UUID(hired["id"])
    assert_problem(decide(app, shop, ask_for_more(app, shop, "ana"), "approve"), 403, "forbidden")


def test_after_a_day_they_decide_again(app: App, shop: Shop) -> None:
    make_code(app, shop, "floor")
    app.clock.move(hours=23, minutes=59)
    assert_problem(decide(app, shop, ask_for_more(app, shop, "floor"), "approve"), 403, "forbidden")
    app.clock.move(minutes=1)
    assert decide(app, shop, ask_for_more(app, shop, "floor"), "approve").status_code == 200


def import_ana(app: App, shop: Shop, email: str) -> str:
    line = {"login": "ana", "name": "Ana Alves", "role": "floor", "stores": "first", "email": email}
    answer = import_csv(app, shop, "staff", csv_text(list(line), [line]), "manager")
    assert answer.status_code == 200, answer.text
    return "ana"


def hire_ana_by_key(app: App, shop: Shop, email: str) -> str:
    """A key hires Ana, who gets no code; then the manager enters an address."""
    person = hire_person(app, shop, "key").json["id"]
    return enter_address(app, shop, email, login="ana", person=person)


def enter_address(app: App, shop: Shop, email: str, login: str = "floor", person: str = "floor") -> str:
    assert change_person(app, shop, person, email=email).status_code == 200
    body = {"organization": shop.slug, "login": login}
    assert app.request("POST", "/v1/password-resets", json=body).status_code == 202
    return login


@pytest.mark.parametrize("let_code_be_mailed", [import_ana, hire_ana_by_key, enter_address])
def test_nor_does_whoever_entered_the_address_that_a_code_was_mailed_to(
    app: App, shop: Shop, let_code_be_mailed: Callable[[App, Shop, str], str]
) -> None:
    login, channel = let_code_be_mailed(app, shop, "manager@acme.example"), RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    (code,) = (message.path.removeprefix("/i/") for message in channel.messages if message.path)
    assert redeem(app, code, password=PASSWORD).status_code == 200
    answer = sign_in(app, shop, login, PASSWORD).json
    shop.tokens[login], shop.staff[login] = answer["token"], UUID(answer["staff"]["id"])
    # Whose address it is by now says nothing of who read the mail.
    body = {"email": "another@acme.example"}
    assert app.request("PATCH", "/v1/me", (shop, login), json=body, headers={"If-Match": "*"}).status_code == 200
    action_id = ask_for_more(app, shop, login)
    assert_problem(decide(app, shop, action_id, "approve"), 403, "forbidden")
    assert decide(app, shop, action_id, "approve", "regional").status_code == 200


def test_a_code_to_an_address_of_ones_own_keeps_nobody_from_deciding(app: App, shop: Shop) -> None:
    body = {"email": "floor@acme.example"}
    assert app.request("PATCH", "/v1/me", (shop, "floor"), json=body, headers={"If-Match": "*"}).status_code == 200
    app.request("POST", "/v1/password-resets", json={"organization": shop.slug, "login": "floor"})
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
    assert len(rows(app, Invitation)) == 1
    assert decide(app, shop, ask_for_more(app, shop, "floor"), "approve").status_code == 200


def test_whoever_made_a_key_neither_decides_what_it_asks_for_nor_says_that_it_was_paid(app: App, shop: Shop) -> None:
    """They have read its secret: it could be them who asks."""
    assert create_word(app, shop, "remedies", "refund", kind="refund").status_code == 201
    body = {"name": "till", "scopes": ["concerns:write"]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    path = f"/v1/concerns/{log_concern(app, shop)['id']}/recovery-actions"
    refund = {"remedy": "refund", "cost": {"amount": 100, "currency": "EUR"}}
    paid = app.request("POST", path, (shop, "till"), json=refund).json
    assert paid["status"] == "done"
    settle = f"/v1/recovery-actions/{paid['id']}/settle"
    for by, status in (("admin", 403), ("manager", 200)):
        assert app.request("POST", settle, (shop, by), json={"settlement": "settled"}).status_code == status, by
    action_id = ask_for_more(app, shop, "till")
    assert_problem(decide(app, shop, action_id, "approve", "admin"), 403, "forbidden")
    assert decide(app, shop, action_id, "approve", "manager").status_code == 200
    with app.back_office.writing(shop.organization_id) as session:
        for staff in session.scalars(select(Staff).where(Staff.login.in_(["manager", "regional"]))):
            staff.left_at = app.clock()
    voucher = {"remedy": "voucher", "cost": {"amount": 2000, "currency": "EUR"}}
    assert_problem(app.request("POST", path, (shop, "till"), json=voucher), 409, "nobody-may-approve")


def test_whoever_rotated_a_key_has_read_its_secret_too(app: App, shop: Shop) -> None:
    key = app.request("POST", "/v1/api-keys", (shop, "admin"), json={"name": "till", "scopes": ["concerns:write"]}).json
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(ApiKey, (shop.organization_id, UUID(key["id"]))).created_by_id = None  # on the command line
    rotated = app.request("POST", f"/v1/api-keys/{key['id']}/rotate", (shop, "admin"), json={"overlap_hours": 0}).json
    shop.tokens["till"] = rotated["token"]
    action_id = ask_for_more(app, shop, "till")
    refused = assert_problem(decide(app, shop, action_id, "approve", "admin"), 403, "forbidden")
    assert refused["detail"] == "Whoever made a key decides nothing that it asks for."
    assert decide(app, shop, action_id, "approve", "manager").status_code == 200
