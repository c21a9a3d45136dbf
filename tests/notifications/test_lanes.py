"""A call rings at once, whatever else the worker has to do: mails, sums, the days of other stores."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from models.access import Role
from models.day_ending import AFTERWARDS
from models.device import AddressKind
from models.outbox import Task
from models.staff import DailyLogReader, Staff, StaffStore
from notifications.worker import MAILS_AT_ONCE, Worker
from tests.factories import Shop, give_phone, make_shop, password_hash
from tests.telling import Notebook, log_concern, over, queued, work, worker_of
from tests.world import World

TOLD_AT = datetime(2026, 3, 4, 4, tzinfo=UTC) + AFTERWARDS  # of the day that holds NOON
MAILS, PATIENCE = 40, 10.0


@pytest.fixture
def shop(world: World) -> Shop:
    """Nobody is on shift; the manager has a phone."""
    shop = make_shop(world.back_office, on_shift=())
    give_phone(world.back_office, shop, "manager", "phone of manager")
    return shop


@pytest.fixture
def mails() -> Notebook:
    return Notebook()


@pytest.fixture
def phones() -> Notebook:
    return Notebook()


@pytest.fixture
def worker(world: World, shop: Shop, mails: Notebook, phones: Notebook) -> Iterator[Worker]:
    with worker_of(world, {**over(phones), AddressKind.EMAIL: mails}) as worker:
        work(worker)
        yield worker


def want_logs(world: World, shop: Shop, count: int) -> None:
    """So many more managers ask for the log of the store."""
    with world.back_office.writing(shop.organization_id) as session:
        for number in range(count):
            named = {"login": f"reader-{number}", "name": f"Reader {number}", "email": f"reader-{number}@example.org"}
            reader = Staff(role=Role.MANAGER, password_hash=password_hash(), **named)
            session.add(reader)
            session.flush()
            session.add(StaffStore(staff_id=reader.id, store_id=shop.store_id))
            session.add(DailyLogReader(staff_id=reader.id, store_id=shop.store_id))


def test_a_mail_server_that_hangs_keeps_no_call_from_ringing(
    world: World, shop: Shop, worker: Worker, mails: Notebook, phones: Notebook
) -> None:
    want_logs(world, shop, MAILS)
    out, answer, rang = threading.Semaphore(0), threading.Event(), threading.Event()

    def hang(_letter: object) -> None:
        out.release()
        answer.wait()

    mails.meanwhile, phones.meanwhile = hang, lambda _: rang.set()
    worker._patience = 0.01
    try:
        world.clock.at = TOLD_AT
        worker.work_once()
        assert all(out.acquire(timeout=PATIENCE) for _ in range(MAILS_AT_ONCE))
        log_concern(world, shop, mood=1)
        worker.work_once()
        assert rang.wait(PATIENCE)
        assert (len(mails.letters), len(queued(world, Task.INFORM))) == (MAILS_AT_ONCE, MAILS)
    finally:
        answer.set()
    worker._patience = 60.0
    work(worker)
    assert len(mails.letters) == MAILS
    assert queued(world) == []
