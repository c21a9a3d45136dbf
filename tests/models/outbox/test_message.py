"""The outbox on real databases: which messages are due, their leases, and when they are deleted."""

from datetime import timedelta

from models.db.session import ALL_TENANTS
from models.outbox.admin import DELETE_BATCH, DONE_MESSAGE_TTL, delete_done
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from notifications.channels.log import LogChannel
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

A_LITTLE = timedelta(seconds=1)


def claim(world: App, *, limit: int = 9) -> list[OutboxMessage]:
    with world.back_office.writing(ALL_TENANTS) as session:
        return list(OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=world.clock(), limit=limit))


def test_a_row_from_a_web_process_whose_clock_is_ahead_rings_at_once(world: App, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    world.clock.move(seconds=20)
    log_concern(world, shop)
    world.clock.move(seconds=-20)
    book = RecordingChannel()
    with running_worker(world, for_all_kinds(book)) as worker:
        work_until_idle(worker)
    assert book.seen() == [("ring", "phone")]


def test_a_row_that_was_put_off_waits_for_its_time(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    with world.back_office.writing(ALL_TENANTS) as session:
        (row,) = OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=world.clock(), limit=1)
        row.retry_at(until=world.clock() + A_LITTLE, reason="away")
    assert claim(world) == []
    world.clock.at += A_LITTLE
    assert len(claim(world)) == 1


def test_a_lease_taken_before_the_clock_was_set_back_does_not_hold_for_ever(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    world.clock.move(hours=1)
    assert len(claim(world)) == 1
    world.clock.move(hours=-1)
    assert len(claim(world)) == 1


def test_the_lease_of_a_worker_whose_clock_is_a_little_ahead_is_left_alone(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    world.clock.at += OUTBOX_LEASE / 2
    assert len(claim(world)) == 1
    world.clock.at -= OUTBOX_LEASE / 2
    assert claim(world) == []


def test_a_lease_that_is_renewed_holds_and_one_that_is_not_ends(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    log_concern(world, shop)
    held, _left = claim(world)
    world.clock.at += OUTBOX_LEASE - A_LITTLE
    with world.back_office.writing(ALL_TENANTS) as session:
        OutboxMessage.renew(session, [held], at=world.clock())
    world.clock.at += 2 * A_LITTLE
    (again,) = claim(world)
    assert again.id != held.id
    with world.back_office.writing(ALL_TENANTS) as session:
        assert OutboxMessage.lock_claimed(session, held) is not None


def test_what_is_done_is_kept_for_a_week_and_removed_bit_by_bit(world: App, shop: Shop) -> None:
    for _ in range(3):
        log_concern(world, shop)
    with running_worker(world, for_all_kinds(LogChannel())) as worker:
        work_until_idle(worker)
        log_concern(world, shop)
        world.clock.at += DONE_MESSAGE_TTL
        with world.back_office.writing(ALL_TENANTS) as session:
            assert delete_done(session, at=world.clock()) == 0
        world.clock.at += A_LITTLE
        with world.back_office.writing(ALL_TENANTS) as session:
            assert delete_done(session, at=world.clock(), limit=2) == 2
        assert len(rows(world, OutboxMessage)) == 2
        worker.work_once()
        (left,) = (row for row in rows(world, OutboxMessage) if row.kind is OutboxKind.FIND_RECIPIENTS)
    assert left.done_at == world.clock()  # what waited for its worker for a week was not removed undone
    assert DELETE_BATCH >= 100
