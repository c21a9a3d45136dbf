"""Workers side by side: each has its share, and what one has in hand is left to it however long it takes."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from models.db.session import Database, DatabaseRole
from models.outbox.message import OUTBOX_LEASE
from notifications.channels.base import Message
from tests.support.app import World
from tests.support.databases import only_on_postgresql
from tests.support.factories import Shop, give_phone
from tests.support.worker import Notebook, log_concern, notifications, over, queued, work, worker_of

PATIENCE = 60.0


@only_on_postgresql
def test_two_workers_share_the_letters_and_none_is_sent_twice(world: World, shop: Shop) -> None:
    """The first letter of each waits for the first of the other: neither gets on unless both do."""
    for number in range(40):
        give_phone(world.back_office, shop, "manager", f"phone-{number}")
    log_concern(world, shop)
    with worker_of(world, over(Notebook()), name="reacher") as reacher:
        reacher._decide()
    books, both = (Notebook(), Notebook()), threading.Barrier(2)

    def be_a_worker(book: Notebook) -> None:
        met = threading.Lock()

        def meet(_letter: Message) -> None:
            if met.acquire(blocking=False):
                both.wait(PATIENCE)

        book.meanwhile = meet
        with closing(Database(world.url, DatabaseRole.WORKER, clock=world.clock)) as database:
            mine = World.__new__(World)
            mine.back_office = database
            with worker_of(mine, over(book), name=f"worker {id(book)}") as worker:
                work(worker)

    with ThreadPoolExecutor(2) as crew:
        for done in [crew.submit(be_a_worker, book) for book in books]:
            done.result(PATIENCE)
    assert all(book.messages for book in books)
    sent = Counter(message.notification_id for book in books for message in book.messages)
    assert Counter(sent.values()) == {1: 40}
    assert {row.state for row in notifications(world)} == {"accepted"}
    assert queued(world) == []


def test_a_letter_that_takes_longer_than_a_lease_is_left_to_the_worker_that_has_it(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    slow, other, answer = Notebook(), Notebook(), threading.Event()
    slow.meanwhile = lambda _: answer.wait(PATIENCE)
    with (
        worker_of(world, over(slow), name="slow", max_wait=0.0) as first,
        worker_of(world, over(other), name="other") as second,
    ):
        while not slow.messages:
            first.work_once()
        for _ in range(8):  # four leases
            world.clock.at += OUTBOX_LEASE / 2
            first.work_once()
            second.work_once()
        answer.set()
    assert (len(slow.messages), len(other.messages)) == (1, 0)
    assert notifications(world)[0].state == "accepted"


def test_a_worker_that_drains_holds_on_to_what_is_still_out(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    slow, other, answer = Notebook(), Notebook(), threading.Event()
    slow.meanwhile = lambda _: answer.wait(PATIENCE)
    with (
        worker_of(world, over(other), name="other") as second,
        ThreadPoolExecutor(1) as crew,
        worker_of(world, over(slow), name="slow", max_wait=0.01) as first,
    ):
        while not slow.messages:
            first.work_once()
        renewed, renew = threading.Semaphore(0), first._dispatcher.renew_leases

        def renew_and_tell() -> None:
            renew()
            renewed.release()

        first._dispatcher.renew_leases = renew_and_tell  # type: ignore[method-assign]
        drained = crew.submit(first.close)
        for _ in range(8):
            world.clock.at += OUTBOX_LEASE / 2
            for _ in range(2):  # one may have been under way when the clock was moved
                assert renewed.acquire(timeout=PATIENCE)
            second.work_once()
        answer.set()
        drained.result(PATIENCE)
    assert (len(slow.messages), len(other.messages)) == (1, 0)
