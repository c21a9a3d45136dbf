"""Circuit breaker: messages wait for a service that is away, single probes test whether it is back, others go on."""

from datetime import datetime, timedelta

import pytest

from models.alerts.notification import NotificationState
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult
from notifications.worker.circuit_breaker import MAX_FAILURES_IN_A_ROW, MAX_PROBE_AFTER, CircuitBreaker
from notifications.worker.dispatcher import MAX_PUSHES_IN_FLIGHT
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

AWAY = DeliveryResult.later("unavailable")


def opened(at: datetime = NOON) -> CircuitBreaker:
    breaker = CircuitBreaker()
    breaker.record(DeliveryResult.later("unauthenticated", alarm=True), at=at)
    return breaker


def test_three_failed_messages_in_a_row_open_it() -> None:
    breaker = CircuitBreaker()
    for result in (AWAY, AWAY, DeliveryResult.sent(), AWAY, AWAY):
        breaker.record(result, at=NOON)
        assert not breaker.open
    breaker.record(AWAY, at=NOON)
    assert breaker.open
    assert not breaker.healthy


def test_an_alarm_opens_it_at_once() -> None:
    assert opened().open


@pytest.mark.parametrize(
    "answer",
    [DeliveryResult.refused("no-credentials", alarm=True), DeliveryResult.later("third-party-auth", alarm=True)],
    ids=lambda answer: str(answer.reason),
)
def test_an_alarm_that_is_an_answer_or_of_some_phones_only_keeps_nothing_back_and_is_shown(
    answer: DeliveryResult,
) -> None:
    breaker = CircuitBreaker()
    breaker.record(answer, at=NOON)
    assert (breaker.open, breaker.healthy) == (False, False)


@pytest.mark.parametrize(
    "answer", [DeliveryResult.sent(), DeliveryResult.gone("unregistered"), DeliveryResult.refused("invalid-argument")]
)
def test_any_answer_shows_that_the_service_is_there(answer: DeliveryResult) -> None:
    breaker = opened()
    breaker.record(answer, at=NOON + timedelta(seconds=1))
    assert (breaker.open, breaker.healthy) == (False, True)
    breaker.record(AWAY, at=NOON + timedelta(seconds=1))
    assert not breaker.open  # it counts from zero again


def test_each_probe_that_fails_makes_the_pause_longer_up_to_half_a_minute() -> None:
    breaker, at, pauses = opened(), NOON, []
    for _ in range(7):
        began = at
        while not breaker.may_probe(at):
            at += timedelta(seconds=1)
        pauses.append((at - began).total_seconds())
        breaker.record(AWAY, at=at)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_what_left_before_it_opened_makes_no_pause_longer() -> None:
    breaker = opened()
    for _ in range(15):
        breaker.record(AWAY, at=NOON)
    assert breaker.may_probe(NOON + timedelta(seconds=1))


def test_a_clock_that_is_set_back_keeps_nothing_waiting() -> None:
    breaker = opened()
    assert not breaker.may_probe(NOON)
    assert breaker.may_probe(NOON - timedelta(hours=1))


def test_one_probe_at_a_time_goes_to_a_service_that_is_away_and_all_messages_when_it_is_back(
    app: App, shop: Shop
) -> None:
    for number in range(40):
        give_phone(app.back_office, shop, "manager", f"phone-{number}", kind=AddressKind.FCM_TOKEN)
    push = RecordingChannel()
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, for_all_kinds(push)) as worker:
        log_concern(app, shop)
        work_until_idle(worker)
        first = len(push.messages)
        assert MAX_FAILURES_IN_A_ROW <= first <= MAX_PUSHES_IN_FLIGHT  # those that were on their way together
        for tried in range(1, 5):
            app.clock.move(seconds=30)
            work_until_idle(worker)
            assert len(push.messages) == first + tried
        waiting = pending_messages(app, OutboxKind.DELIVER_RING)
        assert len(waiting) == 40
        assert sum(row.attempts for row in waiting) == len(push.messages)
        assert sum(row.failures for row in waiting) == 0
        push.result = DeliveryResult.sent()
        app.clock.move(seconds=30)
        work_until_idle(worker)
    assert {row.state for row in notifications(app)} == {NotificationState.ACCEPTED}
    assert pending_messages(app) == []


def test_other_channels_go_on_while_one_is_away(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FID)
    give_phone(app.back_office, shop, "manager", "terminal", kind=AddressKind.LOG)
    push, terminal = RecordingChannel(), RecordingChannel()
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, {**for_all_kinds(push), AddressKind.LOG: terminal}) as worker:
        for _ in range(3):
            log_concern(app, shop)
            work_until_idle(worker)
    assert (len(push.messages), len(terminal.messages)) == (1, 3)


def test_a_message_that_expires_while_it_waits_is_recorded_as_expired(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FCM_TOKEN)
    push = RecordingChannel()
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, for_all_kinds(push)) as worker:
        log_concern(app, shop)
        work_until_idle(worker)
        concern = log_concern(app, shop)
        work_until_idle(worker)
        assert len(push.messages) == 1
        worker._dispatcher._breakers["push"]._probe_at = app.clock() + timedelta(minutes=10) + MAX_PROBE_AFTER / 2
        app.clock.move(minutes=10)
        work_until_idle(worker)
        assert len(push.messages) == 1
        answer = app.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, "floor"))
        assert answer.json["summary"] == "no phone reached: walk over"
    assert {row.state for row in notifications(app)} == {NotificationState.EXPIRED}


def test_a_ring_that_was_answered_while_it_waited_is_not_sent(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FCM_TOKEN)
    push = RecordingChannel()
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, for_all_kinds(push)) as worker:
        concern = log_concern(app, shop)
        work_until_idle(worker)
        move(app, shop, concern, "take")
        push.result = DeliveryResult.sent()
        app.clock.move(seconds=30)
        work_until_idle(worker)
    assert push.seen() == [("ring", "phone")]
    assert (only_alert(app).state, pending_messages(app)) == ("taken", [])
    assert all(row.done_at for row in rows(app, OutboxMessage))


def test_a_probe_that_does_not_answer_stays_the_only_one(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    give_phone(app.back_office, shop, "manager", "phone-2", kind=AddressKind.FCM_TOKEN)
    push, silences = RecordingChannel(), []
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, for_all_kinds(push), max_wait=0.0) as worker:
        log_concern(app, shop)
        while len(push.messages) < 2 or worker._dispatcher._in_flight:
            worker.work_once()

        def be_silent(_message: object) -> None:
            """While it is out, the worker goes round and round and sends no other."""
            for _ in range(3):
                app.clock.move(seconds=30)
                silences.append(worker.work_once())

        push.meanwhile = be_silent
        app.clock.move(seconds=30)
        worker._dispatcher._max_wait = 60.0
        worker.work_once()
    assert (len(push.messages), silences) == (3, [0, 0, 0])
