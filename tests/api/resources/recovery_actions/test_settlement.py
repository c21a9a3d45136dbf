"""Settlement of promised refunds: each is followed until it is paid, and never exceeds the value of the order."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop

ORDER = {"reference": "T-1001", "value": {"amount": 8000, "currency": "EUR"}}


@pytest.fixture
def shop(app: App, shop: Shop) -> Shop:
    body = {"slug": "refund", "name": "Money back", "kind": "refund"}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=body).status_code == 201
    return shop


def refund(app: App, shop: Shop, concern: dict[str, Any], amount: int, **said: Any) -> Any:
    body = {"remedy": "refund", "cost": {"amount": amount, "currency": "EUR"}} | said
    return app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor"), json=body)


def settle(app: App, shop: Shop, action: dict[str, Any], to: str, by: str = "floor", **said: Any) -> Any:
    path = f"/v1/recovery-actions/{action['id']}/settle"
    return app.request("POST", path, (shop, by), json={"settlement": to} | said)


def unpaid(app: App, shop: Shop) -> list[str]:
    answer = app.request("GET", "/v1/recovery-actions?unpaid=true", (shop, "manager"))
    return [action["id"] for action in answer.json["items"]]


def test_a_refund_is_promised_until_the_till_reports_it_paid(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    action = refund(app, shop, concern, 2500).json
    assert (action["settlement"], unpaid(app, shop)) == ("recorded", [action["id"]])
    move(app, shop, concern, "resolve")
    assert settle(app, shop, action, "requested").json["settlement"] == "requested"
    assert unpaid(app, shop) == [action["id"]]
    paid = settle(app, shop, action, "settled", "key", reference="R-77").json
    assert (paid["settlement"], paid["settlement_reference"], unpaid(app, shop)) == ("settled", "R-77", [])
    timeline = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "floor")).json["items"]
    settlements = [step["details"]["settlement"] for step in timeline if step["step"] == "action_settled"]
    assert settlements == ["requested", "settled"]


def test_a_payment_that_failed_is_promised_still(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "failed")
    assert unpaid(app, shop) == [action["id"]]
    assert settle(app, shop, action, "requested").json["settlement"] == "requested"


def test_what_is_paid_stays_paid(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "settled")
    for to in ("requested", "settled", "failed"):
        assert assert_problem(settle(app, shop, action, to), 409, "not-now")["state"] == "settled"


def test_a_refund_that_was_taken_back_is_owed_to_nobody(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    path = f"/v1/recovery-actions/{action['id']}/reverse"
    assert app.request("POST", path, (shop, "floor"), json={}).status_code == 200
    assert unpaid(app, shop) == []
    assert_problem(settle(app, shop, action, "settled"), 409, "not-now")


def test_words_and_vouchers_are_owed_to_nobody(app: App, shop: Shop) -> None:
    voucher = refund(app, shop, log_concern(app, shop), 1000, remedy="voucher").json
    assert (voucher["settlement"], unpaid(app, shop)) == ("none", [])
    assert_problem(settle(app, shop, voucher, "settled"), 409, "not-now")


@pytest.mark.parametrize("to", ["none", "recorded", "gone", None])
def test_money_comes_no_other_way(app: App, shop: Shop, to: str | None) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    answer = settle(app, shop, action, to or "", **({} if to else {"settlement": None}))
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/settlement"


def test_nobody_gets_more_back_than_they_paid(app: App, shop: Shop) -> None:
    first, second = (log_concern(app, shop, order=ORDER) for _ in range(2))
    assert refund(app, shop, first, 5000).status_code == 201
    assert_invalid_value(refund(app, shop, second, 3001), "body", "/cost")
    assert refund(app, shop, second, 3000).status_code == 201
    assert refund(app, shop, second, 1000, remedy="voucher").status_code == 201
    assert refund(app, shop, log_concern(app, shop), 99_999).status_code == 201  # what it was worth nobody said


def test_a_refund_that_was_reversed_allows_another(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, order=ORDER)
    action = refund(app, shop, concern, 8000).json
    assert_invalid_value(refund(app, shop, concern, 1), "body", "/cost")
    app.request("POST", f"/v1/recovery-actions/{action['id']}/reverse", (shop, "floor"), json={})
    assert refund(app, shop, concern, 8000).status_code == 201
