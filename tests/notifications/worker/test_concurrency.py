"""Concurrent workers, and connections that break: what only real databases can show."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from uuid import UUID

import sqlalchemy as sa

from models.access import Actor
from models.alerts.notification import NotificationState
from models.concerns.concern import Concern
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from models.outbox.admin import count_by_state
from models.outbox.listener import OutboxListener
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.__main__ import run
from notifications.channels.base import Message
from notifications.decide.announce import announce
from notifications.decide.withdrawals import find_withdrawals
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages, rows
from tests.support.threads import wait_for_blocked_transaction
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

PATIENCE = 60.0  # seconds until a test gives up on a busy machine


@only_on_postgresql
def test_three_workers_at_once_never_send_the_same_claim_twice(app: App, shop: Shop) -> None:
    for number in range(20):
        give_phone(app.back_office, shop, "manager", f"phone-{number}")
    for _ in range(5):
        log_concern(app, shop)
    channel, stopping = RecordingChannel(), threading.Event()
    start = threading.Barrier(3)

    def be_a_worker(number: int) -> None:
        with closing(Database(app.url, DatabaseRole.WORKER, clock=app.clock)) as database:
            worker = Worker(database, for_all_kinds(channel), name=f"worker {number}", max_wait=PATIENCE)
            start.wait(PATIENCE)
            while not stopping.is_set():
                worker.work_once()
            worker.close()

    with ThreadPoolExecutor(3) as workers:
        at_work = [workers.submit(be_a_worker, number) for number in range(3)]
        ends_at = time.monotonic() + PATIENCE
        while time.monotonic() < ends_at and not (len(notifications(app)) == 100 and not pending_messages(app)):
            stopping.wait(0.05)
        stopping.set()
        for worker in at_work:
            worker.result()
    assert Counter(Counter(message.notification_id for message in channel.messages).values()) == {1: 100}
    assert {row.state for row in notifications(app)} == {NotificationState.ACCEPTED}
    with app.back_office.reading(ALL_TENANTS) as session:
        counted = count_by_state(session, at=app.clock())
    assert counted == {"due": 0, "later": 0, "leased": 0, "done": 105, "dead_lettered": 0}


@only_on_postgresql
def test_two_claims_at_once_lease_different_rows(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    log_concern(app, shop)
    with app.back_office.writing(ALL_TENANTS) as one, app.back_office.writing(ALL_TENANTS) as other:
        first = OutboxMessage.claim(one, [OutboxKind.FIND_RECIPIENTS], at=app.clock(), limit=1)
        second = OutboxMessage.claim(other, [OutboxKind.FIND_RECIPIENTS], at=app.clock(), limit=9)
        assert (len(first), len(second)) == (1, 1)
        assert first[0].id != second[0].id


@only_on_postgresql
def test_a_push_that_is_marked_outdated_while_it_is_recorded_is_withdrawn(app: App, shop: Shop) -> None:
    """Whoever marks it holds it when the answer comes: recording waits for it, and sees the mark."""
    give_phone(app.back_office, shop, "manager", "phone-1")
    concern = log_concern(app, shop)
    channel = RecordingChannel()
    by = Actor(shop.organization_id, frozenset(), None, staff_id=shop.staff["floor"])
    workers = ThreadPoolExecutor(1)

    def take_slowly(message: Message) -> None:
        if message.kind == "ring":
            written = threading.Event()
            workers.submit(take, written)
            assert written.wait(PATIENCE)

    def take(written: threading.Event) -> None:
        with app.database.writing(shop.organization_id) as session:
            mine = Concern.get_visible(session, UUID(concern["id"]), actor=by, lock=True)
            event = mine.take(by=by, at=app.clock())
            assert event
            announce(session, event)
            session.flush()
            is_withdrawal = OutboxMessage.kind == OutboxKind.FIND_WITHDRAWALS
            task = session.scalars(sa.select(OutboxMessage).where(is_withdrawal)).one()
            find_withdrawals(session, task, at=app.clock())
            session.flush()
            written.set()
            wait_for_blocked_transaction(app)

    channel.meanwhile = take_slowly
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        workers.shutdown()
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone-1"), ("withdraw", "phone-1")]
    assert notifications(app)[0].withdrawn_at == app.clock()


@only_on_postgresql
def test_takes_escalations_and_records_at_once_end_without_a_deadlock(app: App, shop: Shop) -> None:
    for login in ("manager", "floor"):
        for number in range(4):
            give_phone(app.back_office, shop, login, f"{login} {number}")
    concerns = [log_concern(app, shop, "key") for _ in range(10)]
    stopping = threading.Event()

    def answer_them(login: str) -> list[int]:
        statuses = []
        for concern in concerns:
            for step in ("take", "release", "take"):
                path = f"/v1/concerns/{concern['id']}/{step}"
                statuses.append(app.request("POST", path, (shop, login)).status_code)
        return statuses

    with running_worker(app, for_all_kinds(RecordingChannel())) as worker, ThreadPoolExecutor(3) as workers:

        def be_a_worker() -> None:
            while not stopping.is_set():
                worker.work_once()

        at_work = workers.submit(be_a_worker)
        answers = [workers.submit(answer_them, login) for login in ("manager", "floor")]
        answered = {status for answer in answers for status in answer.result(PATIENCE)}
        stopping.set()
        at_work.result(PATIENCE)
        work_until_idle(worker)
    assert answered <= {200, 403, 409}
    assert pending_messages(app) == []
    assert [row.last_error for row in rows(app, OutboxMessage) if row.last_error] == []


@only_on_postgresql
def test_a_database_that_hangs_up_during_a_send_costs_no_more_than_a_connection(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone-1")
    log_concern(app, shop)
    channel = RecordingChannel()
    channel.meanwhile = lambda _: hang_up(app)
    with running_worker(app, for_all_kinds(channel)) as worker:
        with suppress(sa.exc.OperationalError):  # where the worker looks for more at that moment: it tries again
            work_until_idle(worker)
        work_until_idle(worker)
    assert notifications(app)[0].state is NotificationState.ACCEPTED
    assert len(channel.messages) == 1


def hang_up(app: App) -> None:
    """End every connection to this database but our own."""
    engine = sa.create_engine(app.url)
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


def test_whoever_sleeps_is_woken_by_a_new_row(app: App, shop: Shop) -> None:
    with OutboxListener(app.back_office.engine) as listener, ThreadPoolExecutor(1) as workers:
        asleep = threading.Event()
        listener.wait(PATIENCE, asleep)  # the first time it only begins to listen
        began = time.monotonic()
        logged = workers.submit(log_concern, app, shop)
        listener.wait(PATIENCE, asleep)
        assert time.monotonic() - began < PATIENCE / 2
        logged.result()


def test_nobody_is_woken_when_nothing_happens(app: App, shop: Shop) -> None:
    with OutboxListener(app.back_office.engine) as listener:
        never = threading.Event()
        for seconds in (PATIENCE, 0.1):
            began = time.monotonic()
            listener.wait(seconds, never)
        assert time.monotonic() - began >= 0.1


@only_on_postgresql
def test_the_one_who_listens_has_the_workers_role_and_comes_back_after_a_hang_up(app: App, shop: Shop) -> None:
    with OutboxListener(app.back_office.engine) as listener, ThreadPoolExecutor(1) as workers:
        never = threading.Event()
        listener.wait(PATIENCE, never)
        assert listener._connection.execute("SELECT current_user").fetchone() == ("amends_worker",)
        hang_up(app)
        listener.wait(0.01, never)
        assert listener._connection is None
        listener.wait(0.01, never)
        logged = workers.submit(log_concern, app, shop)
        began = time.monotonic()
        listener.wait(PATIENCE, never)
        assert time.monotonic() - began < PATIENCE / 2
        logged.result()


def test_the_loop_outlives_a_database_that_is_away(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone-1")
    log_concern(app, shop)
    channel, stopping = RecordingChannel(), threading.Event()
    channel.meanwhile = lambda _: stopping.set()
    with running_worker(app, for_all_kinds(channel)) as worker, OutboxListener(app.back_office.engine) as listener:
        real, failures = worker.work_once, iter(range(2))

        def work_once() -> int:
            if next(failures, None) is not None:
                raise sa.exc.OperationalError("SELECT 1", {}, ConnectionError("gone"))
            return real()

        worker.work_once = work_once  # type: ignore[method-assign]
        run(worker, listener, stopping)
    assert len(channel.messages) == 1
