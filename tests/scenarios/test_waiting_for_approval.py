"""What was given above a limit with a concern waits for approval, and how the concern ended waits with it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.alerts.escalation_policy import EscalationPolicy
from models.alerts.notification import NotificationKind
from tests.support.factories.concerns import move
from tests.support.store_scenario import StoreScenario

DECISION = NotificationKind.DECISION
VOUCHER = {"remedy": "voucher", "cost": {"amount": 5000, "currency": "EUR"}}
ALONE = {"mood": 1, "handling": "mine", "recovery_actions": [{"remedy": "apology"}, VOUCHER]}
ENDED = {"outcome": "recovered", "mood_after": 5}


def read(scenario: StoreScenario, concern: dict[str, Any]) -> dict[str, Any]:
    answer = scenario.app.request("GET", f"/v1/concerns/{concern['id']}", (scenario.shop, "floor"))
    result: dict[str, Any] = answer.json
    return result


def state(concern: dict[str, Any]) -> tuple[str, Any, bool]:
    return concern["status"], concern["outcome"], "approval" in concern["missing"]


def decide(scenario: StoreScenario, concern: dict[str, Any], verb: str, which: int = 1, by: str = "manager") -> None:
    action_id = read(scenario, concern)["recovery_actions"][which]["id"]
    path = f"/v1/recovery-actions/{action_id}/{verb}"
    answer = scenario.app.request("POST", path, (scenario.shop, by), json={"note": "As you say."})
    assert answer.status_code == 200, answer.text
    scenario.let_pass(seconds=0)


def test_how_it_ended_waits_for_the_approval_and_holds_with_it(scenario: StoreScenario) -> None:
    """It was resolved and recovered while the voucher waited in silence, and expired."""
    concern = scenario.log("floor", **ALONE, **ENDED)
    assert state(concern) == ("taken", None, True)
    assert [action["status"] for action in concern["recovery_actions"]] == ["done", "pending"]
    assert concern["alert"] is None
    assert read(scenario, concern)["recovery_actions"] == concern["recovery_actions"]
    scenario.let_pass(minutes=5)
    decide(scenario, concern, "approve")
    after = read(scenario, concern)
    assert (state(after), after["mood_after"]) == (("resolved", "recovered", False), 5)
    assert [action["status"] for action in after["recovery_actions"]] == ["done", "done"]
    assert after["resolved_at"] == "2026-03-03T12:05:00Z"
    timeline = f"/v1/concerns/{concern['id']}/events"
    steps = scenario.app.request("GET", timeline, (scenario.shop, "manager")).json["items"]
    assert [step["step"] for step in steps][-4:] == ["action_recorded", "outcome_waits", "action_approved", "resolved"]
    assert steps[-1]["by"]["id"] == str(scenario.shop.staff["floor"])
    path = f"/v1/reports/recovery?from={concern['business_date']}&to={concern['business_date']}"
    figures = scenario.app.request("GET", path, (scenario.shop, "manager")).json["totals"]
    assert (figures["recovered"], figures["on_the_spot"]) == (1, 1)


@pytest.mark.parametrize("ends", ["decline", "expire"])
def test_without_the_approval_it_stays_taken_and_the_taker_is_told(scenario: StoreScenario, ends: str) -> None:
    concern = scenario.log("floor", mood=2, recovery_actions=[VOUCHER])
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    resolve = f"/v1/concerns/{concern['id']}/resolve"
    waiting = scenario.app.request("POST", resolve, (scenario.shop, "colleague"), json=ENDED)
    assert state(waiting.json) == ("taken", None, True)
    if ends == "decline":
        decide(scenario, concern, "decline", which=0)
    scenario.let_pass(minutes=15)
    assert state(read(scenario, concern)) == ("taken", None, False)
    addresses = scenario.addresses_by_second(DECISION)
    assert addresses == {0 if ends == "decline" else 900: {"floor", "colleague"}}
    again = scenario.app.request("POST", resolve, (scenario.shop, "colleague"), json={"outcome": "lost"})
    assert state(again.json) == ("resolved", "lost", False)


def test_of_two_that_wait_both_have_to_be_approved(scenario: StoreScenario) -> None:
    remake = {"remedy": "remake", "cost": {"amount": 4000, "currency": "EUR"}}
    concern = scenario.log("floor", mood=3, recovery_actions=[VOUCHER, remake], **ENDED)
    decide(scenario, concern, "approve", which=0)
    assert state(read(scenario, concern)) == ("taken", None, True)
    decide(scenario, concern, "approve", which=1)
    assert state(read(scenario, concern)) == ("resolved", "recovered", False)


def test_while_it_waits_it_is_not_released(scenario: StoreScenario) -> None:
    """Whoever waits with the customer has done something, though the alert was taken after they asked."""
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        policy = session.scalars(select(EscalationPolicy)).one()
        policy.edit(session, at=scenario.app.clock(), remind_after_seconds=60, release_after_seconds=120)
    concern = scenario.log("floor", mood=2, recovery_actions=[VOUCHER])
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.let_pass(minutes=14)
    assert read(scenario, concern)["status"] == "taken"
    scenario.let_pass(minutes=1)
    assert read(scenario, concern)["recovery_actions"][0]["status"] == "expired"
    scenario.app.clock.at += timedelta(minutes=5)
    scenario.let_pass(minutes=5)
    assert read(scenario, concern)["status"] == "taken"


def test_what_was_given_back_or_edited_into_praise_waits_no_more(scenario: StoreScenario) -> None:
    concern = scenario.log("floor", **ALONE, **ENDED)
    move(scenario.app, scenario.shop, concern, "release", "floor")
    assert state(read(scenario, concern)) == ("open", None, False)
    decide(scenario, concern, "approve")
    assert state(read(scenario, concern)) == ("open", None, False)


def test_every_answer_carries_what_was_done(scenario: StoreScenario) -> None:
    app, floor = scenario.app, (scenario.shop, "floor")
    concern = scenario.log("floor", mood=2, recovery_actions=[{"remedy": "apology"}])
    taken = move(app, scenario.shop, concern, "take", "colleague")
    patched = app.request(
        "PATCH", f"/v1/concerns/{concern['id']}", floor, json={"stake": "birthday"}, headers={"If-Match": "*"}
    ).json
    listed = app.request("GET", "/v1/concerns", floor).json["items"][0]
    for answer in (concern, taken, patched, listed):
        assert [action["remedy"] for action in answer["recovery_actions"]] == ["apology"]


def test_an_end_that_a_till_tells_waits_while_somebody_is_called(scenario: StoreScenario) -> None:
    concern = scenario.log("key", mood=1, store_id=str(scenario.shop.store_id), recovery_actions=[VOUCHER], **ENDED)
    assert (state(concern), concern["alert"]["state"]) == (("open", None, True), "open")
    decide(scenario, concern, "approve", which=0)
    assert state(read(scenario, concern)) == ("resolved", "recovered", False)


def test_what_waits_when_a_shift_ends_calls_somebody_and_ends_when_it_is_approved(scenario: StoreScenario) -> None:
    concern = scenario.log("floor", **ALONE, **ENDED)
    assert scenario.app.request("DELETE", "/v1/me/shift", (scenario.shop, "floor")).status_code == 204
    assert state(read(scenario, concern)) == ("open", None, True)
    decide(scenario, concern, "approve")
    assert state(read(scenario, concern)) == ("resolved", "recovered", False)


def test_the_phones_ring_of_whoever_may_approve_with_what_was_given_before(scenario: StoreScenario) -> None:
    more = {"mood": 3, "customer": {"phone": "912 345 678"}}
    more |= {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 10_000, "currency": "EUR"}}]}
    decide(scenario, scenario.log("floor", **more), "approve", which=0)
    scenario.let_pass(minutes=1)
    again = scenario.log("floor", **more)
    scenario.let_pass(seconds=0)
    addresses = scenario.addresses_by_second(NotificationKind.APPROVAL)
    assert list(addresses.values()) == [{"manager"}, {"regional"}]
    decide(scenario, again, "approve", which=0, by="regional")
