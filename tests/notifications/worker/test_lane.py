"""Bulkheads: an alert rings at once, whatever else the worker does (mails, rollups, the day end of others)."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from models.access import Role
from models.daily_log.day_end import RETRY_AFTER_ERROR, DayEndSchedule
from models.organizations.store import Store
from models.outbox.message import OutboxKind
from models.policy_defaults import DAY_END_DELAY
from models.staff.staff import DailyLogSubscription, Staff, StaffStore
from notifications.channels.mail import EMAIL
from notifications.worker.jobs.day_end import DAY_END_BATCH, DAY_END_INTERVAL
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop, make_store, password_hash
from tests.support.factories.staff import give_phone
from tests.support.rows import pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

TOLD_AT = datetime(2026, 3, 4, 4, tzinfo=UTC) + DAY_END_DELAY  # of the day that holds NOON
MAILS, PATIENCE = 40, 10.0
NOWHERE = "Mars/Olympus"  # a zone that is new, on a machine that is not


@pytest.fixture
def shop(app: App) -> Shop:
    """Nobody is on shift; the manager has a phone."""
    shop = make_shop(app.back_office, on_shift=())
    give_phone(app.back_office, shop, "manager", "phone of manager")
    return shop


@pytest.fixture
def mails() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def phones() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def worker(app: App, shop: Shop, mails: RecordingChannel, phones: RecordingChannel) -> Iterator[Worker]:
    with running_worker(app, {**for_all_kinds(phones), "email": mails}) as worker:
        work_until_idle(worker)
        yield worker


def want_logs(app: App, shop: Shop, count: int) -> None:
    """So many more managers ask for the log of the store."""
    with app.back_office.writing(shop.organization_id) as session:
        for number in range(count):
            named = {"login": f"reader-{number}", "name": f"Reader {number}", "email": f"reader-{number}@example.org"}
            reader = Staff(role=Role.MANAGER, password_hash=password_hash(), **named)
            session.add(reader)
            session.flush()
            session.add(StaffStore(staff_id=reader.id, store_id=shop.store_id))
            session.add(DailyLogSubscription(staff_id=reader.id, store_id=shop.store_id))


def test_a_mail_server_that_hangs_keeps_no_call_from_ringing(
    app: App, shop: Shop, worker: Worker, mails: RecordingChannel, phones: RecordingChannel
) -> None:
    want_logs(app, shop, MAILS)
    out, answer, rang = threading.Semaphore(0), threading.Event(), threading.Event()

    def hang(_message: object) -> None:
        out.release()
        answer.wait()

    mails.meanwhile, phones.meanwhile = hang, lambda _: rang.set()
    worker._dispatcher._max_wait = 0.01
    try:
        app.clock.at = TOLD_AT
        worker.work_once()
        assert all(out.acquire(timeout=PATIENCE) for _ in range(EMAIL.max_in_flight))
        log_concern(app, shop, mood=1)
        worker.work_once()
        assert rang.wait(PATIENCE)
        assert (len(mails.messages), len(pending_messages(app, OutboxKind.DELIVER_INFO))) == (
            EMAIL.max_in_flight,
            MAILS,
        )
    finally:
        answer.set()
    worker._dispatcher._max_wait = 60.0
    work_until_idle(worker)
    assert len(mails.messages) == MAILS
    assert pending_messages(app) == []


def add_stores(app: App, shop: Shop, count: int, zone: str) -> list[UUID]:
    with app.back_office.writing(shop.organization_id) as session:
        stores = [make_store(f"store-{number}", shop.region_id, zone=zone) for number in range(count)]
        session.add_all(stores)
    return [store.id for store in stores]


def move_to_zone(app: App, shop: Shop, stores: list[UUID], zone: str = "Europe/Lisbon") -> None:
    with app.back_office.writing(shop.organization_id) as session:
        for store_id in stores:
            session.get_one(Store, (shop.organization_id, store_id)).time_zone = zone


def day_of(app: App, store_id: UUID) -> date:
    """Return the day of the store whose end is due next."""
    (day,) = (row.business_date for row in rows(app, DayEndSchedule) if row.store_id == store_id)
    return day


def test_a_store_in_a_zone_nobody_knows_stops_neither_calls_nor_the_days_of_others(
    app: App, shop: Shop, phones: RecordingChannel
) -> None:
    (store_id,) = add_stores(app, shop, 1, NOWHERE)
    log_concern(app, shop, mood=1)
    with running_worker(app, for_all_kinds(phones)) as worker:
        work_until_idle(worker)
        assert len(phones.messages) == 1
        assert {row.store_id for row in rows(app, DayEndSchedule)} == {shop.store_id, shop.other_store_id}
        move_to_zone(app, shop, [store_id])
        app.clock.move(hours=1)
        work_until_idle(worker)
    assert store_id in {row.store_id for row in rows(app, DayEndSchedule)}


def test_days_that_cannot_be_ended_let_others_end_and_are_tried_again(
    app: App, shop: Shop, worker: Worker, phones: RecordingChannel
) -> None:
    lost = add_stores(app, shop, DAY_END_BATCH, "Asia/Tokyo")  # whose days end before the others
    app.clock.move(hours=1)
    work_until_idle(worker)
    move_to_zone(app, shop, lost, zone=NOWHERE)
    app.clock.at = TOLD_AT
    for _ in range(2):
        work_until_idle(worker)
        app.clock.at += DAY_END_INTERVAL
    assert day_of(app, shop.store_id) == date(2026, 3, 4)
    assert {row.due_at for row in rows(app, DayEndSchedule) if row.store_id in lost} == {TOLD_AT + RETRY_AFTER_ERROR}
    move_to_zone(app, shop, lost)
    app.clock.at = TOLD_AT + RETRY_AFTER_ERROR + timedelta(seconds=1)
    work_until_idle(worker)
    assert {day_of(app, store_id) for store_id in lost} == {date(2026, 3, 4)}
