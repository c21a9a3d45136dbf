"""The outbox over real databases: what is due, who holds it and for how long, and when it goes."""

from datetime import timedelta

from models.db.session import EVERYTHING
from models.outbox.admin import FORGOTTEN_AT_ONCE, KEPT_FOR, forget_done
from models.outbox.message import LEASE, Outgoing, Task
from notifications.channels.log import Log
from tests.support.app import World
from tests.support.factories import Shop, give_phone
from tests.support.worker import Notebook, log_concern, over, rows, work, worker_of

A_LITTLE = timedelta(seconds=1)


def claim(world: World, *, limit: int = 9) -> list[Outgoing]:
    with world.back_office.writing(EVERYTHING) as session:
        return list(Outgoing.claim(session, [Task.REACH], at=world.clock(), limit=limit))


def test_a_row_from_a_web_process_whose_clock_is_ahead_rings_at_once(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    world.clock.move(seconds=20)
    log_concern(world, shop)
    world.clock.move(seconds=-20)
    book = Notebook()
    with worker_of(world, over(book)) as worker:
        work(worker)
    assert book.seen() == [("ring", "phone")]


def test_a_row_that_was_put_off_waits_for_its_time(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    with world.back_office.writing(EVERYTHING) as session:
        (row,) = Outgoing.claim(session, [Task.REACH], at=world.clock(), limit=1)
        row.put_off(until=world.clock() + A_LITTLE, reason="away")
    assert claim(world) == []
    world.clock.at += A_LITTLE
    assert len(claim(world)) == 1


def test_a_lease_taken_before_the_clock_was_set_back_does_not_hold_for_ever(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    world.clock.move(hours=1)
    assert len(claim(world)) == 1
    world.clock.move(hours=-1)
    assert len(claim(world)) == 1


def test_the_lease_of_a_worker_whose_clock_is_a_little_ahead_is_left_alone(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    world.clock.at += LEASE / 2
    assert len(claim(world)) == 1
    world.clock.at -= LEASE / 2
    assert claim(world) == []


def test_a_lease_that_is_renewed_holds_and_one_that_is_not_ends(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    log_concern(world, shop)
    held, _left = claim(world)
    world.clock.at += LEASE - A_LITTLE
    with world.back_office.writing(EVERYTHING) as session:
        Outgoing.renew(session, [held], at=world.clock())
    world.clock.at += 2 * A_LITTLE
    (again,) = claim(world)
    assert again.id != held.id
    with world.back_office.writing(EVERYTHING) as session:
        assert Outgoing.held(session, held) is not None


def test_what_is_done_is_kept_for_a_week_and_removed_bit_by_bit(world: World, shop: Shop) -> None:
    for _ in range(3):
        log_concern(world, shop)
    with worker_of(world, over(Log())) as worker:
        work(worker)
        log_concern(world, shop)
        world.clock.at += KEPT_FOR
        with world.back_office.writing(EVERYTHING) as session:
            assert forget_done(session, at=world.clock()) == 0
        world.clock.at += A_LITTLE
        with world.back_office.writing(EVERYTHING) as session:
            assert forget_done(session, at=world.clock(), limit=2) == 2
        assert len(rows(world, Outgoing)) == 2
        worker.work_once()
        (left,) = (row for row in rows(world, Outgoing) if row.task is Task.REACH)
    assert left.done_at == world.clock()  # what waited for its worker for a week was not removed undone
    assert FORGOTTEN_AT_ONCE >= 100
