"""The watchdog: finds stuck rows, repairs and counts them, and pings the dead man's switch only when all is clean."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from models.alerts.alert import Alert
from models.db.session import ALL_TENANTS
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from models.outbox.metric_counter import MetricCounter
from models.outbox.watchdog_run import WatchdogRun
from notifications.worker.jobs.watchdog import WATCHDOG_INTERVAL, WatchdogJob
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

Change = Callable[..., None]


def auditor_of(world: App, url: str | None = None) -> WatchdogJob:
    return WatchdogJob(world.back_office, lease=OUTBOX_LEASE, dead_man_url=url)


def change(world: App, model: type, **values: Any) -> None:
    """What no verb of ours does: a fault."""
    with world.back_office.writing(ALL_TENANTS) as session:
        session.execute(sa.update(model).values(**values).execution_options(synchronize_session=False))


def found(world: App) -> dict[str, int]:
    with world.back_office.reading(ALL_TENANTS) as session:
        last = session.scalars(sa.select(WatchdogRun)).one()
    return {kind: count for kind, count in last.findings.items() if count}


def look(world: App) -> bool:
    auditor = auditor_of(world)
    assert auditor.take_turn()
    return auditor.check()


@contextmanager
def dead_man(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Somebody who waits for a sign of life; his address, and what he heard."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """It keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        listening = threading.Thread(target=server.serve_forever, args=[0.01])
        listening.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/ping/42?all=well", heard
        finally:
            server.shutdown()
            listening.join()


def test_an_outbox_without_stuck_rows_is_clean(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    assert look(world)
    assert found(world) == {}
    assert rows(world, Alert)[0].next_step_at


def test_a_step_that_is_late_is_taken(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
    world.clock.move(minutes=21)
    assert not look(world)
    assert found(world) == {"late_step": 1}
    assert only_alert(world).state == "unanswered"
    world.clock.at += WATCHDOG_INTERVAL
    assert look(world)


def test_an_alert_without_a_next_step_escalates_again(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    change(world, Alert, next_step_at=None, recipients_found_at=world.clock())
    assert not look(world)
    assert found(world) == {"no_next_step": 1}
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
        world.clock.move(minutes=20)
        work_until_idle(worker)
    assert only_alert(world).state == "unanswered"


def test_an_alert_that_nobody_reached_for_rings_after_all_and_once(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    change(world, OutboxMessage, done_at=world.clock())
    world.clock.move(seconds=31)
    for _ in range(2):
        assert not look(world)
        world.clock.at += WATCHDOG_INTERVAL
        assert found(world) == {"unreached": 1}
        assert len(pending_messages(world, OutboxKind.FIND_RECIPIENTS)) == 1
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        work_until_idle(worker)
    assert book.seen() == [("ring", "phone")]
    world.clock.at += WATCHDOG_INTERVAL
    assert look(world)


def test_what_is_leased_for_longer_than_twice_its_lease_is_let_go(world: App, shop: Shop) -> None:
    for _ in range(3):
        log_concern(world, shop)
    change(world, Alert, recipients_found_at=world.clock())
    with world.back_office.writing(ALL_TENANTS) as session:
        well, long, ahead = OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=world.clock(), limit=3)
        long.lease_until = world.clock() - OUTBOX_LEASE - timedelta(seconds=1)
        ahead.lease_until = world.clock() + timedelta(hours=1)
    assert not look(world)
    assert found(world) == {"stuck_lease": 2}
    assert {row.id for row in rows(world, OutboxMessage) if row.lease_id} == {well.id}


def test_a_dead_letter_is_reported_until_somebody_has_looked_at_it(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    change(world, Alert, recipients_found_at=world.clock())
    change(world, OutboxMessage, done_at=world.clock(), dead_lettered_at=world.clock())
    for looks in (1, 2):
        assert not look(world)
        assert found(world) == {"dead_lettered": 1}
        with world.back_office.reading(ALL_TENANTS) as session:
            assert session.get(MetricCounter, ("found", "dead_lettered", "")).count == looks
        world.clock.at += WATCHDOG_INTERVAL


def test_an_alert_that_breaks_stops_neither_the_escalation_of_others_nor_their_messages(world: App, shop: Shop) -> None:
    broken = log_concern(world, shop)["alert"]["id"]
    change(world, Alert, policy={"steps": "none"})
    sound = log_concern(world, shop)["alert"]["id"]
    give_phone(world.back_office, shop, "manager", "phone")
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        world.clock.move(minutes=20)
        for _ in range(5):
            log_concern(world, shop)
            worker.work_once()
            world.clock.move(seconds=31)
    states = {str(alert.id): alert.state for alert in rows(world, Alert)}
    assert (states[broken], states[sound]) == ("open", "unanswered")
    assert len([message for message in book.messages if message.kind == "ring"]) == 5
    assert found(world)["late_step"] == 1  # the broken one is reported each time


def test_an_alert_that_breaks_keeps_nobody_from_being_reminded_nor_a_forgotten_one_from_being_given_back(
    world: App, shop: Shop
) -> None:
    log_concern(world, shop)
    change(world, Alert, policy={"steps": "none"})
    taken = log_concern(world, shop)
    move(world, shop, taken, "take")
    with running_worker(world, for_all_kinds(RecordingChannel())) as worker:
        world.clock.move(minutes=10)
        worker.work_once()
        reminded = {str(alert.concern_id): alert.reminded_at for alert in rows(world, Alert)}
        assert reminded[taken["id"]] == world.clock()
        world.clock.move(minutes=5)
        worker.work_once()
    assert {str(alert.concern_id): alert.state for alert in rows(world, Alert)}[taken["id"]] == "open"


def test_a_reminder_that_is_late_is_found(world: App, shop: Shop) -> None:
    taken = log_concern(world, shop)
    move(world, shop, taken, "take")
    change(world, OutboxMessage, done_at=world.clock())
    world.clock.move(minutes=11)
    assert not look(world)
    assert found(world) == {"late_step": 1}
    assert [row.notification_kind for row in pending_messages(world, OutboxKind.FIND_READERS)] == ["reminder"]


def test_one_of_several_workers_looks_in_a_minute(world: App) -> None:
    first, second = auditor_of(world), auditor_of(world)
    turns = []
    for _ in range(3):
        turns.append((first.take_turn(), second.take_turn()))
        world.clock.at += WATCHDOG_INTERVAL / 2
    assert turns == [(True, False), (False, False), (True, False)]


@only_on_postgresql
def test_the_turn_has_one_winner_however_close_they_come(world: App) -> None:
    assert auditor_of(world).take_turn()
    world.clock.at += WATCHDOG_INTERVAL
    start, won = threading.Barrier(4), []

    def try_it() -> None:
        auditor = auditor_of(world)
        start.wait(60)
        won.append(auditor.take_turn())

    crew = [threading.Thread(target=try_it) for _ in range(4)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert sorted(won) == [False, False, False, True]


def test_a_clock_that_is_set_back_does_not_silence_the_watchdog(world: App) -> None:
    auditor = auditor_of(world)
    assert auditor.take_turn()
    world.clock.move(days=-1)
    assert auditor.take_turn()


def test_the_dead_mans_switch_is_pinged_once_a_minute_while_all_is_clean_and_never_else(world: App, shop: Shop) -> None:
    with dead_man() as (url, heard):
        with running_worker(world, for_all_kinds(RecordingChannel()), dead_man_url=url) as worker:
            for _ in range(6):  # two and a half minutes
                worker.work_once()
                settled(worker)
                world.clock.move(seconds=30)
            assert heard == ["/ping/42?all=well"] * 3
            log_concern(world, shop)
            change(world, OutboxMessage, done_at=world.clock(), dead_lettered_at=world.clock())
            for _ in range(4):
                worker.work_once()
                settled(worker)
                world.clock.move(seconds=30)
        assert len(heard) == 3


def settled(worker: Worker) -> None:
    if worker._watchdog._ping is not None:
        worker._watchdog._ping.result(60)


@pytest.mark.parametrize("gone", [True, False])
def test_a_dead_mans_switch_that_is_away_or_broken_is_no_reason_to_stop(world: App, gone: bool) -> None:  # noqa: FBT001 a case
    with dead_man(status=500) as (url, heard):
        auditor_of(world, "http://127.0.0.1:9/" if gone else url).ping()
    assert len(heard) == (not gone)


def test_nothing_is_locked_while_the_dead_mans_switch_is_pinged(world: App, shop: Shop) -> None:
    """However long that takes: a concern is logged meanwhile, on SQLite with its one writer too."""
    with (
        dead_man() as (url, heard),
        running_worker(world, for_all_kinds(RecordingChannel()), dead_man_url=url) as worker,
    ):
        ping = worker._watchdog.ping

        def slow_ping() -> None:
            log_concern(world, shop)
            ping()

        worker._watchdog.ping = slow_ping  # type: ignore[method-assign]
        worker.work_once()
        settled(worker)
    assert len(heard) == len(rows(world, Alert)) == 1
