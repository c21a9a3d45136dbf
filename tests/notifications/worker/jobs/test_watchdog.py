"""The watchdog: finds stuck rows, repairs and counts them, and pings the dead-man's switch only when all is clean."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

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


def watchdog_of(app: App, url: str | None = None) -> WatchdogJob:
    return WatchdogJob(app.back_office, lease=OUTBOX_LEASE, dead_man_url=url)


def change(app: App, model: type, **values: Any) -> None:
    """What no verb of ours does: a fault."""
    with app.back_office.writing(ALL_TENANTS) as session:
        session.execute(sa.update(model).values(**values).execution_options(synchronize_session=False))


def found(app: App) -> dict[str, int]:
    with app.back_office.reading(ALL_TENANTS) as session:
        last = session.scalars(sa.select(WatchdogRun)).one()
    return {kind: count for kind, count in last.findings.items() if count}


def look(app: App) -> bool:
    watchdog = watchdog_of(app)
    assert watchdog.take_turn()
    return watchdog.check()


@contextmanager
def dead_man(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Somebody who waits for a sign of life; his address, and what he heard."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/inside")
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


def test_an_outbox_without_stuck_rows_is_clean(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    assert look(app)
    assert found(app) == {}
    assert rows(app, Alert)[0].next_step_at


def test_a_step_that_is_late_is_taken(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
    app.clock.move(minutes=21)
    assert not look(app)
    assert found(app) == {"late_step": 1}
    assert only_alert(app).state == "unanswered"
    app.clock.at += WATCHDOG_INTERVAL
    assert look(app)


def test_an_alert_without_a_next_step_escalates_again(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    change(app, Alert, next_step_at=None, recipients_found_at=app.clock())
    assert not look(app)
    assert found(app) == {"no_next_step": 1}
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        work_until_idle(worker)
        app.clock.move(minutes=20)
        work_until_idle(worker)
    assert only_alert(app).state == "unanswered"


def test_an_alert_that_nobody_reached_for_rings_after_all_and_once(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    change(app, OutboxMessage, done_at=app.clock())
    app.clock.move(seconds=31)
    for _ in range(2):
        assert not look(app)
        app.clock.at += WATCHDOG_INTERVAL
        assert found(app) == {"unreached": 1}
        assert len(pending_messages(app, OutboxKind.FIND_RECIPIENTS)) == 1
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone")]
    app.clock.at += WATCHDOG_INTERVAL
    assert look(app)


def test_what_is_leased_for_longer_than_twice_its_lease_is_let_go(app: App, shop: Shop) -> None:
    for _ in range(3):
        log_concern(app, shop)
    change(app, Alert, recipients_found_at=app.clock())
    with app.back_office.writing(ALL_TENANTS) as session:
        well, long, ahead = OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=app.clock(), limit=3)
        long.lease_until = app.clock() - OUTBOX_LEASE - timedelta(seconds=1)
        ahead.lease_until = app.clock() + timedelta(hours=1)
    assert not look(app)
    assert found(app) == {"stuck_lease": 2}
    assert {row.id for row in rows(app, OutboxMessage) if row.lease_id} == {well.id}


def test_a_dead_letter_is_reported_until_somebody_has_looked_at_it(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    change(app, Alert, recipients_found_at=app.clock())
    change(app, OutboxMessage, done_at=app.clock(), dead_lettered_at=app.clock())
    for looks in (1, 2):
        assert not look(app)
        assert found(app) == {"dead_lettered": 1}
        with app.back_office.reading(ALL_TENANTS) as session:
            assert session.get(MetricCounter, ("found", "dead_lettered", "")).count == looks
        app.clock.at += WATCHDOG_INTERVAL


def test_an_alert_that_breaks_stops_neither_the_escalation_of_others_nor_their_messages(app: App, shop: Shop) -> None:
    broken = log_concern(app, shop)["alert"]["id"]
    change(app, Alert, policy={"steps": "none"})
    sound = log_concern(app, shop)["alert"]["id"]
    give_phone(app.back_office, shop, "manager", "phone")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        app.clock.move(minutes=20)
        for _ in range(5):
            log_concern(app, shop)
            worker.work_once()
            app.clock.move(seconds=31)
    states = {str(alert.id): alert.state for alert in rows(app, Alert)}
    assert (states[broken], states[sound]) == ("open", "unanswered")
    assert len([message for message in channel.messages if message.kind == "ring"]) == 5
    assert found(app)["late_step"] == 1  # the broken one is reported each time


def test_an_alert_that_breaks_keeps_nobody_from_being_reminded_nor_a_forgotten_one_from_being_given_back(
    app: App, shop: Shop
) -> None:
    log_concern(app, shop)
    change(app, Alert, policy={"steps": "none"})
    taken = log_concern(app, shop)
    move(app, shop, taken, "take")
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        app.clock.move(minutes=10)
        worker.work_once()
        reminded = {str(alert.concern_id): alert.reminded_at for alert in rows(app, Alert)}
        assert reminded[taken["id"]] == app.clock()
        app.clock.move(minutes=5)
        worker.work_once()
    assert {str(alert.concern_id): alert.state for alert in rows(app, Alert)}[taken["id"]] == "open"


def test_a_reminder_that_is_late_is_found(app: App, shop: Shop) -> None:
    taken = log_concern(app, shop)
    move(app, shop, taken, "take")
    change(app, OutboxMessage, done_at=app.clock())
    app.clock.move(minutes=11)
    assert not look(app)
    assert found(app) == {"late_step": 1}
    assert [row.notification_kind for row in pending_messages(app, OutboxKind.FIND_READERS)] == ["reminder"]


def test_one_of_several_workers_looks_in_a_minute(app: App) -> None:
    first, second = watchdog_of(app), watchdog_of(app)
    turns = []
    for _ in range(3):
        turns.append((first.take_turn(), second.take_turn()))
        app.clock.at += WATCHDOG_INTERVAL / 2
    assert turns == [(True, False), (False, False), (True, False)]


@only_on_postgresql
def test_the_turn_has_one_winner_however_close_they_come(app: App) -> None:
    assert watchdog_of(app).take_turn()
    app.clock.at += WATCHDOG_INTERVAL
    start, won = threading.Barrier(4), []

    def try_it() -> None:
        watchdog = watchdog_of(app)
        start.wait(60)
        won.append(watchdog.take_turn())

    workers = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert sorted(won) == [False, False, False, True]


def test_a_clock_that_is_set_back_does_not_silence_the_watchdog(app: App) -> None:
    watchdog = watchdog_of(app)
    assert watchdog.take_turn()
    app.clock.move(days=-1)
    assert watchdog.take_turn()


def test_the_dead_mans_switch_is_pinged_once_a_minute_while_all_is_clean_and_never_else(app: App, shop: Shop) -> None:
    with dead_man() as (url, heard):
        with running_worker(app, for_all_kinds(RecordingChannel()), dead_man_url=url) as worker:
            for _ in range(6):  # two and a half minutes
                worker.work_once()
                settled(worker)
                app.clock.move(seconds=30)
            assert heard == ["/ping/42?all=well"] * 3
            log_concern(app, shop)
            change(app, OutboxMessage, done_at=app.clock(), dead_lettered_at=app.clock())
            for _ in range(4):
                worker.work_once()
                settled(worker)
                app.clock.move(seconds=30)
        assert len(heard) == 3


def settled(worker: Worker) -> None:
    if worker._watchdog._ping is not None:
        worker._watchdog._ping.result(60)


def test_the_ping_follows_no_redirect_and_takes_it_for_a_failure(app: App) -> None:
    with dead_man(status=302) as (url, heard), capture_logs() as logged:
        watchdog_of(app, url).ping()
    assert heard == ["/ping/42?all=well"]
    assert [(line["event"], line["status"]) for line in logged] == [("dead-man ping failed", 302)]


@pytest.mark.parametrize("gone", [True, False])
def test_a_dead_mans_switch_that_is_away_or_broken_is_no_reason_to_stop(app: App, gone: bool) -> None:  # noqa: FBT001 a case
    with dead_man(status=500) as (url, heard):
        watchdog_of(app, "http://127.0.0.1:9/" if gone else url).ping()
    assert len(heard) == (not gone)


def test_nothing_is_locked_while_the_dead_mans_switch_is_pinged(app: App, shop: Shop) -> None:
    """However long that takes: a concern is logged meanwhile, on SQLite with its one writer too."""
    with (
        dead_man() as (url, heard),
        running_worker(app, for_all_kinds(RecordingChannel()), dead_man_url=url) as worker,
    ):
        ping = worker._watchdog.ping

        def slow_ping() -> None:
            log_concern(app, shop)
            ping()

        worker._watchdog.ping = slow_ping  # type: ignore[method-assign]
        worker.work_once()
        settled(worker)
    assert len(heard) == len(rows(app, Alert)) == 1
