"""Announcements: each step of a concern writes one outbox row for the worker, or none."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.enums import AlertState, Reason
from models.alerts.escalation_policy import DEFAULT_POLICY
from models.alerts.rule import AlertRule
from models.concerns.enums import Severity
from models.outbox.message import OutboxKind, OutboxMessage
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.organizations import Shop, set_escalation_steps
from tests.support.rows import only_alert, rows

# Rules of ours, the same on both databases; what PostgreSQL makes of locks and races is tried in test_worker.py.
pytestmark = only_on_sqlite


def tasks(app: App) -> list[str]:
    """Return the outbox rows about alerts; test_informational.py covers the informational ones."""
    of_alerts = [row for row in rows(app, OutboxMessage) if row.alert_id or row.kind != OutboxKind.FIND_WITHDRAWALS]
    return [str(row.kind) for row in of_alerts if row.kind is not OutboxKind.FIND_READERS]


def test_an_unhappy_customer_raises_one_alert_and_queues_one_row(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1)
    alert = only_alert(app)
    (row,) = rows(app, OutboxMessage)
    assert (alert.state, alert.severity, alert.reason) == (AlertState.OPEN, Severity.SEVERE, Reason.MOOD)
    assert alert.next_step_at == app.clock() + timedelta(minutes=20)
    assert (row.kind, row.alert_id, row.run_id, row.step, row.due_at) == (
        OutboxKind.FIND_RECIPIENTS,
        alert.id,
        alert.run_id,
        0,
        app.clock(),
    )
    assert concern["alert"] == {"id": str(alert.id), "state": "open", "summary": "calling for help"}


@pytest.mark.parametrize(
    "said",
    [
        {"mood": 3},
        {"mood": 5},
        {"mood": 1, "kind": "praise"},
        {"mood": 1, "handling": "mine"},
        {"mood": 1, "handling": "mine", "outcome": "recovered", "mood_after": 4},
        {"mood": 1, "outcome": "lost"},
        {"mood": 1, "category": "allergy", "outcome": "lost"},
    ],
)
def test_what_needs_nobody_leaves_no_alert_and_no_row(app: App, shop: Shop, said: dict[str, Any]) -> None:
    assert log_concern(app, shop, **said)["alert"] is None
    assert tasks(app) == []


def test_an_urgent_one_rings_even_when_somebody_handles_it(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=4, handling="mine", category="allergy")
    assert (concern["status"], concern["alert"]["state"]) == ("open", "open")
    assert tasks(app) == ["find_recipients"]


def test_what_is_logged_too_late_is_recorded_and_rings_nobody(app: App, shop: Shop) -> None:
    occurred = (app.clock() - timedelta(minutes=16)).isoformat()
    concern = log_concern(app, shop, mood=1, occurred_at=occurred)
    assert concern["alert"]["state"] == "late"
    assert concern["alert"]["summary"] == "told too late to ring"
    assert (only_alert(app).next_step_at, tasks(app)) == (None, [])


def test_a_late_one_stays_silent_whatever_happens_to_it_later(app: App, shop: Shop) -> None:
    occurred = (app.clock() - timedelta(minutes=16)).isoformat()
    concern = log_concern(app, shop, mood=2, occurred_at=occurred)
    edit(app, shop, concern, mood=1)
    for step in ("take", "release", "take", "resolve", "reopen"):
        changed = move(app, shop, concern, step)
    assert changed["alert"]["state"] == "late"
    assert tasks(app) == []


def test_a_mood_lowered_into_the_rule_rings(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=3)
    assert tasks(app) == []
    assert edit(app, shop, concern, mood=2)["alert"]["state"] == "open"
    assert tasks(app) == ["find_recipients"]


def test_a_mood_corrected_long_afterwards_rings_nobody(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=3)
    app.clock.move(minutes=16)
    assert edit(app, shop, concern, mood=2)["alert"]["state"] == "late"
    assert tasks(app) == []


def test_an_edit_makes_a_call_more_severe_without_ringing_again(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=2)
    run = only_alert(app).run_id
    edit(app, shop, concern, mood=1)
    assert (only_alert(app).severity, only_alert(app).reason) == (Severity.SEVERE, Reason.MOOD)
    edit(app, shop, concern, category="allergy")
    alert = only_alert(app)
    assert (alert.severity, alert.reason, alert.run_id) == (Severity.SEVERE, Reason.URGENT_CATEGORY, run)
    assert tasks(app) == ["find_recipients"]


def test_an_edit_of_what_rings_already_queues_nothing(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1)
    edit(app, shop, concern, stake="a birthday")
    assert tasks(app) == ["find_recipients"]


@pytest.mark.parametrize("said", [{"stake": "a birthday"}, {"category": "food"}], ids=["no condition", "a condition"])
def test_an_edit_takes_nothing_back_because_the_rule_was_switched_off_meanwhile(
    app: App, shop: Shop, said: dict[str, str]
) -> None:
    concern = log_concern(app, shop, mood=2)
    switch_off(app, shop, "unhappy")
    edited = edit(app, shop, concern, **said)
    assert (edited["alert"]["state"], only_alert(app).rule) == ("open", "unhappy")
    assert log_concern(app, shop, mood=2)["alert"] is None


@pytest.mark.parametrize("change", ["made stricter", "removed"])
def test_an_edit_of_something_else_takes_nothing_back_because_of_the_rule(app: App, shop: Shop, change: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        AlertRule.create(session, slug="not-content", name="Not content", severity=Severity.NORMAL, mood_at_most=3)
    concern = log_concern(app, shop, mood=3)
    with app.back_office.writing(shop.organization_id) as session:
        rule = session.scalars(select(AlertRule).where(AlertRule.slug == "not-content")).one()
        rule.edit(mood_at_most=2) if change == "made stricter" else rule.drop(session)
    edited = edit(app, shop, concern, category="food")
    assert (edited["alert"]["state"], only_alert(app).rule) == ("open", "not-content")
    assert edit(app, shop, edited, mood=4)["alert"]["state"] == "cancelled"


def test_what_is_given_back_rings_again_although_its_rule_was_switched_off_meanwhile(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=2)
    move(app, shop, concern, "take")
    switch_off(app, shop, "unhappy")
    assert move(app, shop, concern, "release")["alert"]["state"] == "open"


def test_a_mood_corrected_to_content_takes_the_call_back(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1)
    edited = edit(app, shop, concern, mood=4)
    alert = only_alert(app)
    assert (alert.state, alert.next_step_at, edited["alert"]["summary"]) == (AlertState.CANCELLED, None, "cancelled")
    assert tasks(app) == [OutboxKind.FIND_RECIPIENTS, OutboxKind.FIND_WITHDRAWALS]


def test_what_is_given_back_and_needs_nobody_any_more_is_nobodys_call(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "take")
    edit(app, shop, concern, "manager", mood=4)
    released = move(app, shop, concern, "release")
    assert (released["alert"]["state"], released["alert"]["summary"]) == ("cancelled", "cancelled")
    assert only_alert(app).taken_by_id is None


def test_ones_own_rings_by_a_rule_that_says_so_and_by_no_other(app: App, shop: Shop) -> None:
    assert log_concern(app, shop, mood=1, handling="mine")["status"] == "taken"
    with app.back_office.writing(shop.organization_id) as session:
        session.scalars(select(AlertRule).where(AlertRule.slug == "very-unhappy")).one().edit(rings_mine=True)
        session.scalars(select(AlertRule).where(AlertRule.slug == "urgent-category")).one().edit(enabled=False)
    concern = log_concern(app, shop, mood=1, handling="mine")
    assert (concern["status"], concern["alert"]["state"]) == ("open", "open")
    assert log_concern(app, shop, mood=5, handling="mine", category="allergy")["status"] == "taken"


def test_an_alert_that_was_cancelled_rings_again_when_the_mood_falls_again(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, mood=1)
    run_id = only_alert(app).run_id
    edit(app, shop, edit(app, shop, first, mood=4), mood=2)
    alert = only_alert(app)
    assert (alert.state, alert.run_id != run_id) == (AlertState.OPEN, True)
    assert tasks(app) == [OutboxKind.FIND_RECIPIENTS, OutboxKind.FIND_WITHDRAWALS, OutboxKind.FIND_RECIPIENTS]


def test_a_take_stops_the_escalation_and_withdraws_from_the_others(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    taken = move(app, shop, concern, "take")
    alert = only_alert(app)
    assert (alert.state, alert.taken_by_id) == (AlertState.TAKEN, shop.staff["manager"])
    assert taken["alert"]["summary"] == "Manager of acme is on the way"
    assert tasks(app) == ["find_recipients", "find_withdrawals"]


def test_ones_own_repeated_take_queues_nothing(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "take")
    move(app, shop, concern, "take")
    assert tasks(app) == ["find_recipients", "find_withdrawals"]


def test_resolving_what_still_rings_takes_it_and_withdraws_from_the_others(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    assert move(app, shop, concern, "resolve", "floor")["alert"]["summary"] == "resolved"
    alert = only_alert(app)
    assert (alert.state, alert.closed_at, alert.next_step_at) == (AlertState.RESOLVED, app.clock(), None)
    assert (alert.taken_by_id, alert.taken_at) == (shop.staff["floor"], app.clock())
    assert tasks(app) == ["find_recipients", "find_withdrawals"]


def test_resolving_what_was_taken_has_nobody_left_to_withdraw_from(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "take")
    move(app, shop, concern, "resolve")
    assert only_alert(app).taken_by_id == shop.staff["manager"]
    assert tasks(app) == ["find_recipients", "find_withdrawals"]


@pytest.mark.parametrize("steps", [("take", "release"), ("resolve", "reopen")])
def test_what_is_given_back_or_reopened_rings_again_in_a_new_run(app: App, shop: Shop, steps: tuple[str, str]) -> None:
    concern = log_concern(app, shop)
    first = only_alert(app)
    app.clock.move(minutes=3)
    for step in steps:
        changed = move(app, shop, concern, step)
    alert = only_alert(app)
    assert alert.run_id != first.run_id
    assert (alert.state, alert.step, alert.taken_by_id, alert.taken_at) == (AlertState.OPEN, 0, None, None)
    assert (alert.next_step_at, alert.closed_at) == (app.clock() + timedelta(minutes=20), None)
    assert (changed["taken_by"], changed["alert"]["summary"]) == (None, "calling for help")
    assert tasks(app) == ["find_recipients", "find_withdrawals", "find_recipients"]
    assert [row for row in rows(app, OutboxMessage) if row.alert_id][-1].run_id == alert.run_id


def test_ones_own_that_is_given_back_calls_for_help(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1, handling="mine")
    assert tasks(app) == []
    assert move(app, shop, concern, "release", "floor")["alert"]["state"] == "open"
    assert tasks(app) == ["find_recipients"]


def test_a_recovery_action_rings_nobody(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=3)
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    action = app.request("POST", path, (shop, "floor"), json={"remedy": "apology"})
    assert action.status_code == 201, action.text
    assert app.request("POST", f"/v1/recovery-actions/{action.json['id']}/reverse", (shop, "floor")).status_code == 200
    assert tasks(app) == []


def test_nothing_is_queued_when_the_step_is_refused(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "take")
    lost = app.request("POST", f"/v1/concerns/{concern['id']}/take", (shop, "floor"))
    assert lost.status_code == 409
    assert tasks(app) == ["find_recipients", "find_withdrawals"]


def test_what_was_logged_too_late_stays_silent_when_it_is_released(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=4)
    app.clock.move(hours=3)
    edit(app, shop, concern, mood=1)
    move(app, shop, concern, "take")
    assert move(app, shop, concern, "release")["alert"]["state"] == "late"


def test_a_second_failure_that_is_found_out_later_calls_the_managers_once(app: App, shop: Shop) -> None:
    customer = log_concern(app, shop, mood=3, customer={"phone": "912 345 678"})["customer_id"]
    app.clock.move(hours=1)
    set_escalation_steps(app.back_office, shop, DEFAULT_POLICY["steps"])
    concern = log_concern(app, shop, mood=1)
    first = rows(app, Alert)[-1]
    edit(app, shop, concern, customer_id=customer)
    called = rows(app, Alert)[-1]
    assert (called.run_id != first.run_id, called.policy["steps"][0]["whom"]) == (True, ["on_shift", "managers"])
    edit(app, shop, concern, category="allergy")
    assert rows(app, Alert)[-1].run_id == called.run_id


def test_a_second_failure_found_out_after_a_quarter_of_an_hour_takes_no_call_back(app: App, shop: Shop) -> None:
    customer = log_concern(app, shop, mood=3, customer={"phone": "912 345 678"})["customer_id"]
    app.clock.move(hours=1)
    set_escalation_steps(app.back_office, shop, DEFAULT_POLICY["steps"])
    occurred_at = (app.clock() - timedelta(minutes=14)).isoformat()
    concern = log_concern(app, shop, mood=1, occurred_at=occurred_at)
    app.clock.move(minutes=2)
    edited = edit(app, shop, concern, customer_id=customer)
    called = rows(app, Alert)[-1]
    assert (edited["alert"]["state"], called.policy["steps"][0]["whom"]) == ("open", ["on_shift", "managers"])
    assert tasks(app) == [OutboxKind.FIND_RECIPIENTS, OutboxKind.FIND_RECIPIENTS]


def switch_off(app: App, shop: Shop, *slugs: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        for rule in session.scalars(select(AlertRule).where(AlertRule.slug.in_(slugs))):
            rule.edit(enabled=False)
