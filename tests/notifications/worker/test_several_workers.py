"""Several workers: each has its share, and a claimed message is left to its worker however long it takes."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from models.db.session import Database, DatabaseRole
from models.outbox.message import OUTBOX_LEASE
from notifications.channels.base import Message
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

PATIENCE = 60.0


@only_on_postgresql
def test_two_workers_share_the_messages_and_none_is_sent_twice(app: App, shop: Shop) -> None:
    """The first message of each waits for the first of the other: neither goes on unless both do."""
    for number in range(40):
        give_phone(app.back_office, shop, "manager", f"phone-{number}")
    log_concern(app, shop)
    with running_worker(app, for_all_kinds(RecordingChannel()), name="reacher") as reacher:
        reacher._decide()
    books, both = (RecordingChannel(), RecordingChannel()), threading.Barrier(2)

    def be_a_worker(channel: RecordingChannel) -> None:
        met = threading.Lock()

        def meet(_message: Message) -> None:
            if met.acquire(blocking=False):
                both.wait(PATIENCE)

        channel.meanwhile = meet
        with closing(Database(app.url, DatabaseRole.WORKER, clock=app.clock)) as database:
            mine = App.__new__(App)
            mine.back_office = database
            with running_worker(mine, for_all_kinds(channel), name=f"worker {id(channel)}") as worker:
                work_until_idle(worker)

    with ThreadPoolExecutor(2) as workers:
        for done in [workers.submit(be_a_worker, channel) for channel in books]:
            done.result(PATIENCE)
    assert all(channel.messages for channel in books)
    sent = Counter(message.notification_id for channel in books for message in channel.messages)
    assert Counter(sent.values()) == {1: 40}
    assert {row.state for row in notifications(app)} == {"accepted"}
    assert pending_messages(app) == []


def test_a_message_that_takes_longer_than_a_lease_is_left_to_the_worker_that_has_it(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    slow, other, answer = RecordingChannel(), RecordingChannel(), threading.Event()
    slow.meanwhile = lambda _: answer.wait(PATIENCE)
    with (
        running_worker(app, for_all_kinds(slow), name="slow", max_wait=0.0) as first,
        running_worker(app, for_all_kinds(other), name="other") as second,
    ):
        while not slow.messages:
            first.work_once()
        for _ in range(8):  # four leases
            app.clock.at += OUTBOX_LEASE / 2
            first.work_once()
            second.work_once()
        answer.set()
    assert (len(slow.messages), len(other.messages)) == (1, 0)
    assert notifications(app)[0].state == "accepted"


def test_a_worker_that_drains_holds_on_to_what_is_still_out(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    slow, other, answer = RecordingChannel(), RecordingChannel(), threading.Event()
    slow.meanwhile = lambda _: answer.wait(PATIENCE)
    with (
        running_worker(app, for_all_kinds(other), name="other") as second,
        ThreadPoolExecutor(1) as workers,
        running_worker(app, for_all_kinds(slow), name="slow", max_wait=0.01) as first,
    ):
        while not slow.messages:
            first.work_once()
        renewed, renew = threading.Semaphore(0), first._dispatcher.renew_leases

        def renew_and_tell() -> None:
            renew()
            renewed.release()

        first._dispatcher.renew_leases = renew_and_tell  # type: ignore[method-assign]
        drained = workers.submit(first.close)
        for _ in range(8):
            app.clock.at += OUTBOX_LEASE / 2
            for _ in range(2):  # one may have been under way when the clock was moved
                assert renewed.acquire(timeout=PATIENCE)
            second.work_once()
        answer.set()
        drained.result(PATIENCE)
    assert (len(slow.messages), len(other.messages)) == (1, 0)
