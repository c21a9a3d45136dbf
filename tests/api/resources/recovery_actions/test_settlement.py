"""Settlement of promised refunds: each is followed until it is paid, and never exceeds the value of the order."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.staff.credentials.api_key import ApiKey
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import GENEROUS_LIMITS, edit_word
from tests.support.tables import read_csv

ORDER = {"reference": "T-1001", "value": {"amount": 8000, "currency": "EUR"}}


@pytest.fixture
def shop(app: App, shop: Shop) -> Shop:
    body = {"slug": "refund", "name": "Money back", "kind": "refund", "limits": GENEROUS_LIMITS}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=body).status_code == 201
    return shop


def refund(app: App, shop: Shop, concern: dict[str, Any], amount: int, by: str = "floor", **said: Any) -> Any:
    body = {"remedy": "refund", "cost": {"amount": amount, "currency": "EUR"}} | said
    return app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, by), json=body)


def settle(app: App, shop: Shop, action: dict[str, Any], to: str, by: str = "key", **said: Any) -> Any:
    path = f"/v1/recovery-actions/{action['id']}/settle"
    return app.request("POST", path, (shop, by), json={"settlement": to} | said)


def reverse(app: App, shop: Shop, action: dict[str, Any], by: str = "floor") -> Any:
    return app.request("POST", f"/v1/recovery-actions/{action['id']}/reverse", (shop, by), json={})


def reversal_of(app: App, shop: Shop, action: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/concerns/{action['concern_id']}/recovery-actions"
    entries: list[dict[str, Any]] = app.request("GET", path, (shop, "manager")).json["items"]
    return next(entry for entry in entries if entry["reverses_id"] == action["id"])


def cost_of_the_day(app: App, shop: Shop) -> list[dict[str, Any]]:
    path = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03"
    cost: list[dict[str, Any]] = app.request("GET", path, (shop, "manager")).json["figures"]["cost"]
    text = app.request("GET", path, (shop, "manager"), headers={"Accept": "text/csv"}).text
    in_csv = sum(Decimal(line["cost"]) for line in read_csv(text) if line["cost"])
    assert in_csv * 100 == sum(money["amount"] for money in cost)
    return cost


def unpaid(app: App, shop: Shop) -> list[str]:
    answer = app.request("GET", "/v1/recovery-actions?unpaid=true", (shop, "manager"))
    return [action["id"] for action in answer.json["items"]]


def owed_now(app: App, shop: Shop) -> list[str]:
    path = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03"
    waiting = app.request("GET", path, (shop, "manager")).json["needs_you_now"]["promised_not_paid"]
    return [action["id"] for action in waiting]


def test_a_refund_is_promised_until_the_till_reports_it_paid(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    action = refund(app, shop, concern, 2500).json
    assert (action["settlement"], unpaid(app, shop)) == ("recorded", [action["id"]])
    move(app, shop, concern, "resolve")
    assert settle(app, shop, action, "requested", "floor").json["settlement"] == "requested"
    assert unpaid(app, shop) == [action["id"]]
    paid = settle(app, shop, action, "settled", reference="R-77").json
    assert (paid["settlement"], paid["settlement_reference"], unpaid(app, shop)) == ("settled", "R-77", [])
    timeline = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "floor")).json["items"]
    settlements = [step["details"]["settlement"] for step in timeline if step["step"] == "action_settled"]
    assert settlements == ["requested", "settled"]


def test_a_payment_that_failed_is_promised_still(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "failed")
    assert unpaid(app, shop) == [action["id"]]
    assert settle(app, shop, action, "requested", "floor").json["settlement"] == "requested"


def test_what_is_paid_stays_paid(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "settled")
    for to in ("requested", "settled", "failed"):
        assert assert_problem(settle(app, shop, action, to), 409, "not-now")["state"] == "settled"


def test_a_refund_that_was_taken_back_is_owed_to_nobody(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    assert reverse(app, shop, action).json["status"] == "reversed"
    assert unpaid(app, shop) == []
    for to in ("requested", "failed"):
        assert assert_problem(settle(app, shop, action, to), 409, "not-now")["state"] == "reversed"


def test_what_the_till_paid_counts_though_the_giver_took_it_back_before(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, order=ORDER)
    action = refund(app, shop, concern, 2500).json
    reverse(app, shop, action)
    move(app, shop, concern, "resolve")
    assert_problem(settle(app, shop, action, "settled", "floor"), 403, "forbidden")
    paid = settle(app, shop, action, "settled", reference="R-77").json
    assert (paid["status"], paid["settlement"]) == ("done", "settled")
    assert cost_of_the_day(app, shop) == [{"amount": 2500, "currency": "EUR"}]
    assert_invalid_value(refund(app, shop, log_concern(app, shop, order=ORDER), 5501), "body", "/cost")
    entry = reversal_of(app, shop, action)
    assert (entry["settlement"], entry["cost"]["amount"]) == ("requested", -2500)
    assert settle(app, shop, entry, "settled").json["cost"]["amount"] == -2500
    assert cost_of_the_day(app, shop) == []
    assert_problem(settle(app, shop, action, "settled"), 409, "not-now")  # paid, and back: it is told once


def to_review(app: App, shop: Shop) -> list[str]:
    query = {"beyond": True, "reviewed": False}
    answer = app.request("GET", "/v1/recovery-actions", (shop, "manager"), query_string=query)
    return sorted(action["id"] for action in answer.json["items"])


def test_what_is_paid_after_it_was_taken_back_passes_no_limit_unseen(app: App, shop: Shop) -> None:
    """Given and taken back time and again, and then all of it paid: it was in no list."""
    limits = [
        {"role": "floor", **{name: {"amount": 5000, "currency": "EUR"} for name in ("per_customer", "per_staff")}}
    ]
    assert edit_word(app, shop, "remedies", "refund", limits=limits).status_code == 200
    by_floor = []
    for _ in range(3):  # of one person
        by_floor.append(refund(app, shop, log_concern(app, shop), 2500).json)
        assert reverse(app, shop, by_floor[-1]).json["status"] == "reversed"
    paid = [settle(app, shop, action, "settled").json for action in by_floor]
    assert [(action["status"], action["beyond"]) for action in paid] == [
        ("done", False),
        ("done", False),
        ("done", True),
    ]
    assert to_review(app, shop) == [by_floor[2]["id"]]
    edit_word(app, shop, "remedies", "refund", limits=[{**limits[0], "per_staff": None}])
    of_order, of_ana = [], []
    for _ in range(2):
        concern = log_concern(app, shop, order={"reference": "T-7", "value": {"amount": 2000, "currency": "EUR"}})
        of_order.append(refund(app, shop, concern, 2000, by="colleague").json)
        reverse(app, shop, of_order[-1], by="colleague")
    for amount in (3000, 2500):  # of one customer, of whom only one is taken back
        concern = log_concern(app, shop, customer={"phone": "912 345 678"})
        of_ana.append(refund(app, shop, concern, amount, by="colleague").json)
        if amount == 3000:
            reverse(app, shop, of_ana[0], by="colleague")
    for action in (*of_order, of_ana[0]):
        assert settle(app, shop, action, "settled").json["status"] == "done"
    assert to_review(app, shop) == sorted([by_floor[2]["id"], of_order[1]["id"], of_ana[0]["id"]])


def test_what_somebody_approved_is_reviewed_once_it_is_paid_after_it_was_taken_back(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, order=ORDER)
    edit_word(app, shop, "remedies", "refund", limits=[{**GENEROUS_LIMITS[1], "role": "manager"}])  # floor staff ask
    approved = refund(app, shop, concern, 5000).json
    path = f"/v1/recovery-actions/{approved['id']}"
    assert app.request("POST", f"{path}/approve", (shop, "manager"), json={}).json["status"] == "done"
    reverse(app, shop, approved)
    assert refund(app, shop, concern, 5000, by="manager").json["status"] == "done"
    paid = settle(app, shop, approved, "settled").json
    assert (paid["status"], paid["beyond"], paid["decision"]) == ("done", True, None)
    assert to_review(app, shop) == [approved["id"]]
    app.clock.move(hours=1)  # longer than one asks for an approval
    assert app.request("POST", f"{path}/review", (shop, "regional"), json={}).status_code == 200
    assert to_review(app, shop) == []


def test_money_that_is_told_to_be_back_first_is_not_a_cost_again(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "requested", "floor")
    reverse(app, shop, action)
    assert settle(app, shop, reversal_of(app, shop, action), "settled").status_code == 200
    assert_problem(settle(app, shop, action, "settled"), 409, "not-now")
    assert cost_of_the_day(app, shop) == []


def test_what_the_till_paid_counts_though_its_concern_was_voided_before(app: App, shop: Shop) -> None:
    """Taken back and voided, the refund was in no report any more, and the till that had paid it was refused."""
    concern = log_concern(app, shop, order=ORDER, category="food")
    action = refund(app, shop, concern, 2500).json
    reverse(app, shop, action)
    void = app.request("POST", f"/v1/concerns/{concern['id']}/void", (shop, "floor"), json={"reason": "twice"})
    assert (void.status_code, unpaid(app, shop), cost_of_the_day(app, shop)) == (200, [], [])
    assert settle(app, shop, action, "settled", reference="R-77").json["status"] == "done"
    costs = [{"amount": 2500, "currency": "EUR"}]
    assert cost_of_the_day(app, shop) == costs
    for group_by in ("store", "cause"):
        days = {"from": "2026-03-03", "to": "2026-03-03", "group_by": group_by}
        report = app.request("GET", "/v1/reports/recovery", (shop, "manager"), query_string=days).json
        assert (report["totals"]["cost"], report["totals"]["concerns"]) == (costs, 0)
    assert_invalid_value(refund(app, shop, log_concern(app, shop, order=ORDER), 5501), "body", "/cost")
    entry = reversal_of(app, shop, action)
    assert unpaid(app, shop) == [entry["id"]]
    assert settle(app, shop, entry, "settled").status_code == 200
    assert (cost_of_the_day(app, shop), unpaid(app, shop)) == ([], [])


def test_who_took_it_back_does_not_say_that_it_had_not_left(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "requested", "floor")
    reverse(app, shop, action, by="manager")
    assert_problem(settle(app, shop, action, "failed", "manager"), 403, "forbidden")
    assert settle(app, shop, action, "failed", "regional").json["status"] == "reversed"


def test_who_gave_does_not_say_that_it_was_paid(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    of_floor, of_manager = refund(app, shop, concern, 100).json, refund(app, shop, concern, 200, by="manager").json
    for to in ("settled", "failed"):
        for by in ("floor", "colleague"):
            assert_problem(settle(app, shop, of_floor, to, by), 403, "forbidden")
        assert_problem(settle(app, shop, of_manager, to, "manager"), 403, "forbidden")
    assert settle(app, shop, of_floor, "requested", "floor").status_code == 200
    assert settle(app, shop, of_floor, "settled", "manager").status_code == 200
    assert settle(app, shop, of_manager, "settled", "admin").status_code == 200
    reverse(app, shop, of_floor, by="regional")
    entry = reversal_of(app, shop, of_floor)
    for by in ("floor", "regional"):  # neither who gave it nor who took it back says that it came back
        assert_problem(settle(app, shop, entry, "settled", by), 403, "forbidden")
    assert settle(app, shop, entry, "settled", "manager").status_code == 200


def test_who_made_a_code_for_the_giver_does_not_say_that_it_was_paid(app: App, shop: Shop) -> None:
    path = f"/v1/staff/{shop.staff['floor']}/invitations"
    assert app.request("POST", path, (shop, "manager"), json={}).status_code == 201
    action = refund(app, shop, log_concern(app, shop), 100).json
    assert_problem(settle(app, shop, action, "settled", "manager"), 403, "forbidden")
    assert settle(app, shop, action, "settled", "regional").status_code == 200


def test_a_key_says_that_it_was_paid_with_the_scope_for_it_only(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    body = {"name": "till", "scopes": ["concerns:write"]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    assert settle(app, shop, action, "requested", "till").status_code == 200
    assert_problem(settle(app, shop, action, "settled", "till"), 403, "forbidden")
    body = {"name": "payments", "scopes": ["settlements:write"]}
    shop.tokens["payments"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    assert settle(app, shop, action, "settled", "payments").json["settlement"] == "settled"


def test_a_key_is_no_witness_for_what_it_takes_back_itself(app: App, shop: Shop) -> None:
    body = {"name": "till", "scopes": ["concerns:write", "settlements:write"]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    budgets = [{"per_order": {"amount": 9000, "currency": "EUR"}, "per_day": {"amount": 9000, "currency": "EUR"}}]
    body = {"name": "pos", "scopes": ["concerns:write", "settlements:write"], "budgets": budgets}
    shop.tokens["pos"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    concern = log_concern(app, shop)
    of_pos, of_floor, unpaid = (refund(app, shop, concern, 100, by=by).json for by in ("pos", "floor", "floor"))
    assert of_pos["status"] == "done"
    for action in (of_pos, of_floor):
        assert settle(app, shop, action, "settled", "pos").status_code == 200  # also what it gave itself
    reverse(app, shop, of_pos, by="floor")
    reverse(app, shop, of_floor, by="pos")
    for entry in (reversal_of(app, shop, of_pos), reversal_of(app, shop, of_floor)):
        assert_problem(settle(app, shop, entry, "settled", "pos"), 403, "forbidden")
        assert settle(app, shop, entry, "failed", "pos").status_code == 200  # it counts still
        assert_problem(settle(app, shop, entry, "settled", "till"), 403, "forbidden")  # whoever made it made both
        assert settle(app, shop, entry, "settled", "manager").status_code == 200
    settle(app, shop, unpaid, "requested", "floor")
    reverse(app, shop, unpaid, by="pos")
    for by in ("pos", "till"):
        assert_problem(settle(app, shop, unpaid, "failed", by), 403, "forbidden")
    assert settle(app, shop, unpaid, "failed", "key").json["status"] == "reversed"


def test_a_key_that_the_giver_made_is_no_witness_that_the_money_is_back(app: App, shop: Shop) -> None:
    body = {"name": "till", "scopes": ["settlements:write"]}
    key = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json
    shop.tokens["till"] = key["token"]
    with app.back_office.writing(shop.organization_id) as session:  # they were an administrator then
        session.get_one(ApiKey, (shop.organization_id, UUID(key["id"]))).created_by_id = shop.staff["colleague"]
    action = refund(app, shop, log_concern(app, shop), 100, by="colleague").json
    assert settle(app, shop, action, "settled", "till").status_code == 200  # that it is a cost may be said
    reverse(app, shop, action, by="floor")
    entry = reversal_of(app, shop, action)
    assert_problem(settle(app, shop, entry, "settled", "till"), 403, "forbidden")
    assert settle(app, shop, entry, "settled", "key").status_code == 200


def test_thirty_refunds_of_one_evening_do_not_go_around_the_limit(app: App, shop: Shop) -> None:
    """Given, marked as paid, taken back, and again: no money came back, so all of it counts."""
    remedies = app.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (remedy,) = (remedy for remedy in remedies if remedy["slug"] == "refund")
    limits = [{"role": "floor", "per_customer": {"amount": 2500, "currency": "EUR"}}]
    headers = {"If-Match": f'"{remedy["version"]}"'}
    app.request("PATCH", f"/v1/remedies/{remedy['id']}", (shop, "admin"), json={"limits": limits}, headers=headers)
    concern = log_concern(app, shop, order=ORDER)
    action = refund(app, shop, concern, 1500).json
    settle(app, shop, action, "requested", "floor")
    assert reverse(app, shop, action).json["status"] == "done"
    again = refund(app, shop, concern, 1500).json
    assert (again["status"], cost_of_the_day(app, shop)) == ("pending", [{"amount": 1500, "currency": "EUR"}])
    assert_invalid_value(refund(app, shop, concern, 6501), "body", "/cost")  # the order counts it as well
    entry = reversal_of(app, shop, action)
    assert (entry["settlement"], entry["cost"]["amount"]) == ("requested", -1500)
    assert_problem(reverse(app, shop, action), 409, "not-now")
    assert settle(app, shop, entry, "settled").json["cost"]["amount"] == -1500
    assert cost_of_the_day(app, shop) == []
    assert refund(app, shop, concern, 1500).json["status"] == "done"


def test_money_that_does_not_come_back_stays_a_cost_until_it_does(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "settled")
    reverse(app, shop, action)
    entry = reversal_of(app, shop, action)
    assert settle(app, shop, entry, "failed").json["settlement"] == "failed"
    assert cost_of_the_day(app, shop) == [{"amount": 2500, "currency": "EUR"}]
    assert unpaid(app, shop) == owed_now(app, shop) == [entry["id"]]  # it stood in no list
    assert settle(app, shop, entry, "settled").json["settlement"] == "settled"
    assert cost_of_the_day(app, shop) == unpaid(app, shop) == owed_now(app, shop) == []


def test_money_that_never_left_need_not_come_back(app: App, shop: Shop) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    settle(app, shop, action, "requested", "floor")
    reverse(app, shop, action)
    assert settle(app, shop, action, "failed").json["status"] == "reversed"
    assert reversal_of(app, shop, action)["settlement"] == "none"
    assert (unpaid(app, shop), cost_of_the_day(app, shop)) == ([], [])


def test_a_reference_of_the_till_pays_for_one_thing_in_a_store(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    first, second = refund(app, shop, concern, 100).json, refund(app, shop, concern, 200).json
    for to in ("requested", "settled"):  # of one payment the same reference, however often
        assert settle(app, shop, first, to, reference="R-77").status_code == 200
    refused = settle(app, shop, second, "settled", reference=" r-77 ")
    assert_problem(refused, 409, "reference-used")
    assert settle(app, shop, second, "settled", reference="R-78").status_code == 200
    there = log_concern(app, shop, "elsewhere", store_id=str(shop.other_store_id))
    other = refund(app, shop, there, 100, by="elsewhere").json
    assert settle(app, shop, other, "settled", reference="R-77").status_code == 200


def test_what_the_giver_types_keeps_no_reference_from_the_till(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    typed, paid, other = (refund(app, shop, concern, 100).json for _ in range(3))
    shown = settle(app, shop, typed, "requested", "floor", reference="R-77").json
    assert shown["settlement_reference"] == "R-77"
    assert settle(app, shop, paid, "settled", reference="r-77").status_code == 200
    assert settle(app, shop, typed, "settled", reference="R-78").json["settlement_reference"] == "R-78"
    for reference in ("R-77", "R-78"):  # whoever types what the till has used is told so
        assert_problem(settle(app, shop, other, "requested", "floor", reference=reference), 409, "reference-used")


def test_words_and_vouchers_are_owed_to_nobody(app: App, shop: Shop) -> None:
    voucher = refund(app, shop, log_concern(app, shop), 1000, remedy="voucher").json
    assert (voucher["settlement"], unpaid(app, shop)) == ("none", [])
    assert_problem(settle(app, shop, voucher, "settled"), 409, "not-now")


@pytest.mark.parametrize("to", ["none", "recorded", "gone", None])
def test_money_comes_no_other_way(app: App, shop: Shop, to: str | None) -> None:
    action = refund(app, shop, log_concern(app, shop), 2500).json
    answer = settle(app, shop, action, to or "", "floor", **({} if to else {"settlement": None}))
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


def test_a_till_pays_for_a_sensitive_concern_and_sees_the_money_only(app: App, shop: Shop) -> None:
    """It was 404 for the till: what had been paid could not be said."""
    body = {"name": "till", "scopes": ["settlements:write", "concerns:read", "customers:read"]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    concern = log_concern(app, shop, "manager", sensitive=True, customer={"phone": "912 345 678"})
    action = refund(app, shop, concern, 2500, by="manager", note="For the doctor").json
    (listed,) = app.request("GET", "/v1/recovery-actions?unpaid=true", (shop, "till")).json["items"]
    assert app.request("GET", f"/v1/recovery-actions/{action['id']}", (shop, "till")).json == listed
    with_customer = app.request("GET", "/v1/recovery-actions?unpaid=true&include=customer", (shop, "till"))
    assert with_customer.json["items"] == [{**listed, "customer": None}]
    paid = settle(app, shop, action, "settled", "till", reference="R-77").json
    assert_problem(app.request("GET", f"/v1/recovery-actions/{action['id']}", (shop, "floor")), 404, "not-found")
    shown = {name: value for name, value in paid.items() if value is not None}
    for name in ("concern_id", "customer_id", "remedy", "given_90_days", "decision", "note", "acted_by"):
        assert (listed[name], paid[name]) == (None, None)
    assert (shown["id"], shown["cost"]["amount"], shown["settlement_reference"]) == (action["id"], 2500, "R-77")
    assert app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "till")).status_code == 404
    apology = {"remedy": "apology"}
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    words = app.request("POST", path, (shop, "manager"), json=apology).json
    assert settle(app, shop, words, "settled", "till").status_code == 404  # nothing to pay: nothing to see
