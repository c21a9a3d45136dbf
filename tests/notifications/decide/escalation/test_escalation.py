"""Escalation: who is reached, what happens when nobody answers, whose phones are cleared."""

from datetime import timedelta

from models.access import Role
from models.alerts.enums import AlertState
from models.alerts.escalation_policy import DEFAULT_POLICY, RecipientGroup, policy_step
from models.alerts.notification import NotificationState
from models.db.session import ALL_TENANTS
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from notifications.decide.escalation import count_overdue, escalate_due
from notifications.worker.jobs.heartbeat import LATE_STEP_AFTER
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, make_shop, set_escalation_steps
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, only_alert, pending_messages
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def rung(world: App, shop: Shop, **said: object) -> set[str]:
    """Log a concern and let the worker work; the addresses that rang."""
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        log_concern(world, shop, **said)
        work_until_idle(worker)
    return {message.recipient.address for message in book.messages}


def set_shift(world: App, shop: Shop, login: str, *, on: bool) -> None:
    by = (shop, login)
    if on:
        answer = world.request("PUT", "/v1/me/shift", by, json={"store_id": str(shop.store_id)})
    else:
        answer = world.request("DELETE", "/v1/me/shift", by)
    assert answer.status_code in (200, 204), answer.text


def test_it_rings_those_on_shift_and_the_managers_and_nobody_else(world: App, shop: Shop) -> None:
    for login in shop.staff:
        give_phone(world.back_office, shop, login, f"phone of {login}")
    set_shift(world, shop, "colleague", on=True)
    # `floor` logs it; the manager is at home; head office, the regional and the other store are not this store's.
    assert rung(world, shop) == {"phone of colleague", "phone of manager"}


def test_the_reporter_is_not_rung_not_even_on_the_second_phone(world: App, shop: Shop) -> None:
    for address in ("first", "second"):
        give_phone(world.back_office, shop, "manager", f"manager's {address}")
    give_phone(world.back_office, shop, "floor", "floor's")
    assert rung(world, shop, login="manager") == {"floor's"}


def test_every_phone_of_a_person_rings(world: App, shop: Shop) -> None:
    for address in ("first", "second"):
        give_phone(world.back_office, shop, "manager", address)
    assert rung(world, shop) == {"first", "second"}


def test_a_concern_of_the_till_rings_everybody_on_the_floor(world: App, shop: Shop) -> None:
    for login in ("floor", "manager"):
        give_phone(world.back_office, shop, login, login)
    assert rung(world, shop, login="key") == {"floor", "manager"}


def test_a_sensitive_concern_rings_only_those_who_may_read_it(world: App, shop: Shop) -> None:
    set_shift(world, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(world.back_office, shop, login, login)
    assert rung(world, shop, sensitive=True) == {"manager"}


def test_who_has_left_is_not_rung(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    with world.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).left_at = world.clock()
    assert rung(world, shop) == set()


def test_who_may_not_be_rung_is_not_even_when_on_shift(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    with world.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).role = Role.HEAD_OFFICE
        session.add(Shift(staff_id=shop.staff["manager"], store_id=shop.store_id, started_at=world.clock()))
    assert rung(world, shop) == set()


def test_the_phone_of_another_organization_stays_silent(world: App, shop: Shop) -> None:
    other = make_shop(world.back_office, "other")
    give_phone(world.back_office, other, "manager", "theirs")
    give_phone(world.back_office, shop, "manager", "ours")
    assert rung(world, shop) == {"ours"}


def test_where_no_phone_is_registered_the_reporter_reads_to_walk_over(world: App, shop: Shop) -> None:
    assert rung(world, shop) == set()
    alert = only_alert(world)
    assert (alert.state, alert.summary) == (AlertState.OPEN, "no phone reached: walk over")


def test_reaching_twice_rings_each_phone_once(world: App, shop: Shop) -> None:
    """As after a crash between two workers: what stands is left alone, what is missing is added."""
    give_phone(world.back_office, shop, "manager", "first")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        log_concern(world, shop)
        (task,) = pending_messages(world)
        work_until_idle(worker)
        give_phone(world.back_office, shop, "manager", "second")
        with world.back_office.writing(shop.organization_id) as session:
            session.merge(task).done_at = None
        work_until_idle(worker)
    assert [message.recipient.address for message in book.messages] == ["first", "second"]


def test_an_answered_alert_reaches_nobody(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        concern = log_concern(world, shop)
        move(world, shop, concern, "take", "floor")
        work_until_idle(worker)
    assert (book.messages, notifications(world), pending_messages(world)) == ([], [], [])


def test_a_step_of_an_earlier_run_does_nothing(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        concern = log_concern(world, shop)
        for policy_step in ("take", "release"):
            move(world, shop, concern, policy_step, "floor")
        work_until_idle(worker)
    assert len(book.messages) == 1
    assert notifications(world)[0].run_id == only_alert(world).run_id


def test_after_twenty_minutes_nobody_answered_and_it_can_still_be_taken(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        concern = log_concern(world, shop)
        work_until_idle(worker)
        world.clock.move(minutes=20, seconds=-1)
        work_until_idle(worker)
        assert only_alert(world).state is AlertState.OPEN
        unanswered_at = world.clock.move(seconds=1)
        work_until_idle(worker)
        alert = only_alert(world)
        assert (alert.state, alert.unanswered_at, alert.next_step_at) == (AlertState.UNANSWERED, unanswered_at, None)
        assert alert.summary == "nobody answered: walk over"
        world.clock.move(minutes=5)
        assert move(world, shop, concern, "take")["alert"]["state"] == "taken"
        work_until_idle(worker)
    alert = only_alert(world)
    assert (alert.state, alert.unanswered_at) == (AlertState.TAKEN, unanswered_at)
    assert book.seen() == [("ring", "manager"), ("inform", "manager"), ("withdraw", "manager")]


def test_the_first_time_nobody_answered_is_kept_through_a_second_run(world: App, shop: Shop) -> None:
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        concern = log_concern(world, shop)
        unanswered_at = world.clock.move(minutes=20)
        work_until_idle(worker)
        for policy_step in ("take", "release"):
            move(world, shop, concern, policy_step)
        world.clock.move(minutes=20)
        work_until_idle(worker)
    alert = only_alert(world)
    assert (alert.state, alert.unanswered_at) == (AlertState.UNANSWERED, unanswered_at)


def test_a_policy_of_three_steps_is_run_one_by_one(world: App, shop: Shop) -> None:
    steps = [
        policy_step(0, RecipientGroup.ON_SHIFT),
        policy_step(120, RecipientGroup.MANAGERS),
        policy_step(300, RecipientGroup.ON_SHIFT, RecipientGroup.MANAGERS),
    ]
    set_escalation_steps(world.back_office, shop, steps, unanswered_after_seconds=600, reach_within_seconds=120)
    set_shift(world, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(world.back_office, shop, login, login)
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        log_concern(world, shop)
        heard = []
        for seconds in (0, 119, 1, 180, 300):
            world.clock.move(seconds=seconds)
            work_until_idle(worker)
            heard.append([message.recipient.address for message in book.messages if message.kind == "ring"])
            book.messages.clear()
    assert [sorted(policy_step) for policy_step in heard] == [
        ["colleague"],
        [],
        ["manager"],
        ["colleague", "manager"],
        [],
    ]
    assert (only_alert(world).state, only_alert(world).step) == (AlertState.UNANSWERED, 2)


def test_after_a_time_without_a_worker_every_step_that_was_due_is_rung(world: App, shop: Shop) -> None:
    set_escalation_steps(world.back_office, shop, DEFAULT_POLICY["steps"])
    set_shift(world, shop, "colleague", on=True)
    for login in ("colleague", "manager"):
        give_phone(world.back_office, shop, login, login)
    log_concern(world, shop)
    world.clock.move(minutes=6)
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        work_until_idle(worker)
    assert sorted(book.seen()) == [("ring", "colleague"), ("ring", "manager")]


def test_a_message_is_valid_until_the_next_step_and_ten_minutes_at_most(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        log_concern(world, shop)
        world.clock.move(minutes=15)
        work_until_idle(worker)
    (notification,) = notifications(world)
    assert notification.expires_at == only_alert(world).next_step_at == world.clock() + timedelta(minutes=5)


def test_an_alert_that_stood_unreached_for_twenty_minutes_is_listed_and_rings_no_more(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    log_concern(world, shop)
    world.clock.move(minutes=21)  # without a worker
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        work_until_idle(worker)
    assert (book.seen(), only_alert(world).state) == ([("inform", "manager")], AlertState.UNANSWERED)


def test_a_take_clears_every_phone_that_has_it_and_no_other(world: App, shop: Shop) -> None:
    set_shift(world, shop, "colleague", on=True)
    for login, address in {"colleague": "colleague", "manager": "manager"}.items():
        give_phone(world.back_office, shop, login, address)
    refused = give_phone(world.back_office, shop, "manager", "dead phone")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        book.answers["dead phone"] = DeliveryResult.refused("invalid-argument")
        concern = log_concern(world, shop)
        work_until_idle(worker)
        move(world, shop, concern, "take")
        world.clock.move(seconds=1)
        work_until_idle(worker)
    withdrawn = {message.recipient.address for message in book.messages if message.kind == "withdraw"}
    assert withdrawn == {"colleague", "manager"}
    by_device = {row.device_id: row for row in notifications(world)}
    assert by_device.pop(refused).state is NotificationState.FAILED
    assert {row.withdrawn_at for row in by_device.values()} == {world.clock()}


def test_two_takes_and_a_resolve_clear_a_phone_once(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        concern = log_concern(world, shop)
        work_until_idle(worker)
        for policy_step in ("take", "release", "resolve"):
            move(world, shop, concern, policy_step, "floor")
        work_until_idle(worker)
    assert book.seen() == [("ring", "manager"), ("withdraw", "manager")]


def test_an_alert_that_calls_again_is_not_taken_off_the_phone(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "manager")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        concern = log_concern(world, shop)
        work_until_idle(worker)
        book.next.append(DeliveryResult.later("unavailable"))
        move(world, shop, concern, "take", "floor")
        work_until_idle(worker)  # the removal did not get through
        move(world, shop, concern, "release", "floor")
        work_until_idle(worker)
        world.clock.move(minutes=1)
        work_until_idle(worker)
    assert book.seen() == [("ring", "manager"), ("withdraw", "manager"), ("ring", "manager")]
    assert [row.withdrawn_at for row in notifications(world)] == [None, None]
    assert pending_messages(world) == []


def test_what_is_overdue_is_counted(world: App, shop: Shop) -> None:
    log_concern(world, shop)

    def behind() -> int:
        with world.back_office.reading(ALL_TENANTS) as session:
            return count_overdue(session, at=world.clock(), by=LATE_STEP_AFTER)

    world.clock.move(seconds=30)
    assert behind() == 0
    world.clock.move(seconds=1)
    assert behind() == 1  # nobody has found out whom it reaches
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
    assert behind() == 0
    world.clock.move(minutes=20)
    assert behind() == 1  # nobody has said that nobody answered
    with world.back_office.writing(ALL_TENANTS) as session:
        assert escalate_due(session, at=world.clock()) == 1
    assert behind() == 0
