"""Escalation: who is reached, what happens when nobody answers, whose phones are cleared."""

from datetime import timedelta

import pytest

from models.access import Role
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.escalation_policy import DEFAULT_POLICY, RecipientGroup, policy_step
from models.alerts.notification import NotificationState
from models.db.session import ALL_TENANTS
from models.policy_defaults import LONGEST_SHIFT, MAX_PHONES_PER_STEP
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from notifications.decide.escalation import count_overdue, escalate_due
from notifications.worker.jobs.heartbeat import LATE_STEP_AFTER
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, make_shop, set_escalation_steps
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def rung(app: App, shop: Shop, **said: object) -> set[str]:
    """Log a concern and let the worker work; the addresses that rang."""
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        log_concern(app, shop, **said)
        work_until_idle(worker)
    return {message.recipient.address for message in channel.messages}


def set_shift(app: App, shop: Shop, login: str, *, on: bool) -> None:
    by = (shop, login)
    if on:
        answer = app.request("PUT", "/v1/me/shift", by, json={"store_id": str(shop.store_id)})
    else:
        answer = app.request("DELETE", "/v1/me/shift", by)
    assert answer.status_code in (200, 204), answer.text


def test_it_rings_those_on_shift_and_the_managers_and_nobody_else(app: App, shop: Shop) -> None:
    for login in shop.staff:
        give_phone(app.back_office, shop, login, f"phone of {login}")
    set_shift(app, shop, "colleague", on=True)
    # `floor` logs it; the manager is at home; head office, the regional and the other store are not this store's.
    assert rung(app, shop) == {"phone of colleague", "phone of manager"}


def test_the_reporter_is_not_rung_not_even_on_the_second_phone(app: App, shop: Shop) -> None:
    for address in ("first", "second"):
        give_phone(app.back_office, shop, "manager", f"manager's {address}")
    give_phone(app.back_office, shop, "floor", "floor's")
    assert rung(app, shop, login="manager") == {"floor's"}


def test_a_step_rings_so_many_phones_and_says_how_many_it_left_out(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One phone of everybody before the second of anybody, whoever is on shift first, the last used first."""
    monkeypatch.setattr("notifications.decide.recipients.MAX_PHONES_PER_STEP", 4)
    assert MAX_PHONES_PER_STEP == 100
    for number, login in enumerate(("manager", "colleague", "floor") * 3):
        give_phone(app.back_office, shop, login, f"{login} {number // 3}", at=NOON + timedelta(seconds=number))
    set_shift(app, shop, "colleague", on=True)
    assert rung(app, shop, login="key") == {"colleague 2", "floor 2", "manager 2", "floor 1"}
    shown = app.request("GET", f"/v1/alerts/{only_alert(app).id}", (shop, "manager")).json["steps"]
    assert [(step["phones"], step["left_out"]) for step in shown] == [(4, 5)]


def test_an_organization_with_many_alerts_that_are_due_leaves_its_turn_to_another(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    set_escalation_steps(app.back_office, shop, DEFAULT_POLICY["steps"])
    set_escalation_steps(app.back_office, other, DEFAULT_POLICY["steps"])
    for _ in range(5):
        log_concern(app, shop)
    app.clock.move(seconds=1)
    log_concern(app, other)
    app.clock.move(minutes=1)
    with app.back_office.writing(ALL_TENANTS) as session:
        assert escalate_due(session, at=app.clock(), limit=2) == 2
    (step,) = (alert.step for alert in rows(app, Alert) if alert.organization_id == other.organization_id)
    assert step == 1


def test_every_phone_of_a_person_rings(app: App, shop: Shop) -> None:
    for address in ("first", "second"):
        give_phone(app.back_office, shop, "manager", address)
    assert rung(app, shop) == {"first", "second"}


def test_a_concern_of_the_till_rings_everybody_on_the_floor(app: App, shop: Shop) -> None:
    for login in ("floor", "manager"):
        give_phone(app.back_office, shop, login, login)
    assert rung(app, shop, login="key") == {"floor", "manager"}


def test_a_sensitive_concern_rings_only_those_who_may_read_it(app: App, shop: Shop) -> None:
    set_shift(app, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(app.back_office, shop, login, login)
    assert rung(app, shop, sensitive=True) == {"manager"}


def test_who_has_left_is_not_rung(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).left_at = app.clock()
    assert rung(app, shop) == set()


def test_who_may_not_be_rung_is_not_even_when_on_shift(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).role = Role.HEAD_OFFICE
        at = app.clock()
        session.add(
            Shift(staff_id=shop.staff["manager"], store_id=shop.store_id, started_at=at, ends_at=at + LONGEST_SHIFT)
        )
    assert rung(app, shop) == set()


def test_the_phone_of_another_organization_stays_silent(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    give_phone(app.back_office, other, "manager", "theirs")
    give_phone(app.back_office, shop, "manager", "ours")
    assert rung(app, shop) == {"ours"}


def test_where_no_phone_is_registered_the_reporter_reads_to_walk_over(app: App, shop: Shop) -> None:
    assert rung(app, shop) == set()
    alert = only_alert(app)
    assert (alert.state, alert.summary) == (AlertState.OPEN, "no phone reached: walk over")


def test_reaching_twice_rings_each_phone_once(app: App, shop: Shop) -> None:
    """As after a crash between two workers: what stands is left alone, what is missing is added."""
    give_phone(app.back_office, shop, "manager", "first")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        log_concern(app, shop)
        (task,) = pending_messages(app)
        work_until_idle(worker)
        give_phone(app.back_office, shop, "manager", "second")
        with app.back_office.writing(shop.organization_id) as session:
            session.merge(task).done_at = None
        work_until_idle(worker)
    assert [message.recipient.address for message in channel.messages] == ["first", "second"]


def test_an_answered_alert_reaches_nobody(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        concern = log_concern(app, shop)
        move(app, shop, concern, "take", "floor")
        work_until_idle(worker)
    assert (channel.messages, notifications(app), pending_messages(app)) == ([], [], [])


def test_a_step_of_an_earlier_run_does_nothing(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        concern = log_concern(app, shop)
        for policy_step in ("take", "release"):
            move(app, shop, concern, policy_step, "floor")
        work_until_idle(worker)
    assert len(channel.messages) == 1
    assert notifications(app)[0].run_id == only_alert(app).run_id


def test_after_twenty_minutes_nobody_answered_and_it_can_still_be_taken(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        concern = log_concern(app, shop)
        work_until_idle(worker)
        app.clock.move(minutes=20, seconds=-1)
        work_until_idle(worker)
        assert only_alert(app).state is AlertState.OPEN
        unanswered_at = app.clock.move(seconds=1)
        work_until_idle(worker)
        alert = only_alert(app)
        assert (alert.state, alert.unanswered_at, alert.next_step_at) == (AlertState.UNANSWERED, unanswered_at, None)
        assert alert.summary == "nobody answered: walk over"
        app.clock.move(minutes=5)
        assert move(app, shop, concern, "take")["alert"]["state"] == "taken"
        work_until_idle(worker)
    alert = only_alert(app)
    assert (alert.state, alert.unanswered_at) == (AlertState.TAKEN, unanswered_at)
    assert channel.seen() == [("ring", "manager"), ("inform", "manager"), ("withdraw", "manager")]


def test_the_first_time_nobody_answered_is_kept_through_a_second_run(app: App, shop: Shop) -> None:
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        concern = log_concern(app, shop)
        unanswered_at = app.clock.move(minutes=20)
        work_until_idle(worker)
        for policy_step in ("take", "release"):
            move(app, shop, concern, policy_step)
        app.clock.move(minutes=20)
        work_until_idle(worker)
    alert = only_alert(app)
    assert (alert.state, alert.unanswered_at) == (AlertState.UNANSWERED, unanswered_at)


def test_a_policy_of_three_steps_is_run_one_by_one(app: App, shop: Shop) -> None:
    steps = [
        policy_step(0, RecipientGroup.ON_SHIFT),
        policy_step(120, RecipientGroup.MANAGERS),
        policy_step(300, RecipientGroup.ON_SHIFT, RecipientGroup.MANAGERS),
    ]
    set_escalation_steps(app.back_office, shop, steps, unanswered_after_seconds=600, reach_within_seconds=120)
    set_shift(app, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(app.back_office, shop, login, login)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        log_concern(app, shop)
        heard = []
        for seconds in (0, 119, 1, 180, 300):
            app.clock.move(seconds=seconds)
            work_until_idle(worker)
            heard.append([message.recipient.address for message in channel.messages if message.kind == "ring"])
            channel.messages.clear()
    assert [sorted(policy_step) for policy_step in heard] == [
        ["colleague"],
        [],
        ["manager"],
        ["colleague", "manager"],
        [],
    ]
    assert (only_alert(app).state, only_alert(app).step) == (AlertState.UNANSWERED, 2)


def test_after_a_time_without_a_worker_every_step_that_was_due_is_rung(app: App, shop: Shop) -> None:
    set_escalation_steps(app.back_office, shop, DEFAULT_POLICY["steps"])
    set_shift(app, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(app.back_office, shop, login, login)
    log_concern(app, shop)
    app.clock.move(minutes=6)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert sorted(channel.seen()) == [("ring", "colleague"), ("ring", "manager")]


def test_a_message_is_valid_until_the_next_step_and_ten_minutes_at_most(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        log_concern(app, shop)
        app.clock.move(minutes=15)
        work_until_idle(worker)
    (notification,) = notifications(app)
    assert notification.expires_at == only_alert(app).next_step_at == app.clock() + timedelta(minutes=5)


def test_an_alert_that_stood_unreached_for_twenty_minutes_is_listed_and_rings_no_more(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    log_concern(app, shop)
    app.clock.move(minutes=21)  # without a worker
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert (channel.seen(), only_alert(app).state) == ([("inform", "manager")], AlertState.UNANSWERED)


def test_a_take_clears_every_phone_that_has_it_and_no_other(app: App, shop: Shop) -> None:
    set_shift(app, shop, "colleague", on=True)
    for login, address in {"colleague": "colleague", "manager": "manager"}.items():
        give_phone(app.back_office, shop, login, address)
    refused = give_phone(app.back_office, shop, "manager", "dead phone")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        channel.answers["dead phone"] = DeliveryResult.refused("invalid-argument")
        concern = log_concern(app, shop)
        work_until_idle(worker)
        move(app, shop, concern, "take")
        app.clock.move(seconds=1)
        work_until_idle(worker)
    withdrawn = {message.recipient.address for message in channel.messages if message.kind == "withdraw"}
    assert withdrawn == {"colleague", "manager"}
    by_device = {row.device_id: row for row in notifications(app)}
    assert by_device.pop(refused).state is NotificationState.FAILED
    assert {row.withdrawn_at for row in by_device.values()} == {app.clock()}


def test_two_takes_and_a_resolve_clear_a_phone_once(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        concern = log_concern(app, shop)
        work_until_idle(worker)
        for policy_step in ("take", "release", "resolve"):
            move(app, shop, concern, policy_step, "floor")
        work_until_idle(worker)
    assert channel.seen() == [("ring", "manager"), ("withdraw", "manager")]


def test_an_alert_that_calls_again_is_not_taken_off_the_phone(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "manager")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        concern = log_concern(app, shop)
        work_until_idle(worker)
        channel.next.append(DeliveryResult.later("unavailable"))
        move(app, shop, concern, "take", "floor")
        work_until_idle(worker)  # the removal did not get through
        move(app, shop, concern, "release", "floor")
        work_until_idle(worker)
        app.clock.move(minutes=1)
        work_until_idle(worker)
    assert channel.seen() == [("ring", "manager"), ("withdraw", "manager"), ("ring", "manager")]
    assert [row.withdrawn_at for row in notifications(app)] == [None, None]
    assert pending_messages(app) == []


def test_what_is_overdue_is_counted(app: App, shop: Shop) -> None:
    log_concern(app, shop)

    def behind() -> int:
        with app.back_office.reading(ALL_TENANTS) as session:
            return count_overdue(session, at=app.clock(), by=LATE_STEP_AFTER)

    app.clock.move(seconds=30)
    assert behind() == 0
    app.clock.move(seconds=1)
    assert behind() == 1  # nobody has found out whom it reaches
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
    assert behind() == 0
    app.clock.move(minutes=20)
    assert behind() == 1  # nobody has said that nobody answered
    with app.back_office.writing(ALL_TENANTS) as session:
        assert escalate_due(session, at=app.clock()) == 1
    assert behind() == 0
