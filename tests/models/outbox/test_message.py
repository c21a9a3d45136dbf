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


def claim(app: App, *, limit: int = 9) -> list[OutboxMessage]:
    with app.back_office.writing(ALL_TENANTS) as session:
        return list(OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=app.clock(), limit=limit))


def test_a_row_from_a_web_process_whose_clock_is_ahead_rings_at_once(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    app.clock.move(seconds=20)
    log_concern(app, shop)
    app.clock.move(seconds=-20)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone")]


def test_a_row_that_was_put_off_waits_for_its_time(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    with app.back_office.writing(ALL_TENANTS) as session:
        (row,) = OutboxMessage.claim(session, [OutboxKind.FIND_RECIPIENTS], at=app.clock(), limit=1)
        row.retry_at(until=app.clock() + A_LITTLE, reason="away")
    assert claim(app) == []
    app.clock.at += A_LITTLE
    assert len(claim(app)) == 1


def test_a_lease_taken_before_the_clock_was_set_back_does_not_hold_for_ever(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    app.clock.move(hours=1)
    assert len(claim(app)) == 1
    app.clock.move(hours=-1)
    assert len(claim(app)) == 1


def test_the_lease_of_a_worker_whose_clock_is_a_little_ahead_is_left_alone(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    app.clock.at += OUTBOX_LEASE / 2
    assert len(claim(app)) == 1
    app.clock.at -= OUTBOX_LEASE / 2
    assert claim(app) == []


def test_a_lease_that_is_renewed_holds_and_one_that_is_not_ends(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    log_concern(app, shop)
    held, _left = claim(app)
    app.clock.at += OUTBOX_LEASE - A_LITTLE
    with app.back_office.writing(ALL_TENANTS) as session:
        OutboxMessage.renew(session, [held], at=app.clock())
    app.clock.at += 2 * A_LITTLE
    (again,) = claim(app)
    assert again.id != held.id
    with app.back_office.writing(ALL_TENANTS) as session:
        assert OutboxMessage.lock_claimed(session, held) is not None


def test_what_is_done_is_kept_for_a_week_and_removed_bit_by_bit(app: App, shop: Shop) -> None:
    for _ in range(3):
        log_concern(app, shop)
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        work_until_idle(worker)
        log_concern(app, shop)
        app.clock.at += DONE_MESSAGE_TTL
        with app.back_office.writing(ALL_TENANTS) as session:
            assert delete_done(session, at=app.clock()) == 0
        app.clock.at += A_LITTLE
        with app.back_office.writing(ALL_TENANTS) as session:
            assert delete_done(session, at=app.clock(), limit=2) == 2
        assert len(rows(app, OutboxMessage)) == 2
        worker.work_once()
        (left,) = (row for row in rows(app, OutboxMessage) if row.kind is OutboxKind.FIND_RECIPIENTS)
    assert left.done_at == app.clock()  # what waited for its worker for a week was not removed undone
    assert DELETE_BATCH >= 100
