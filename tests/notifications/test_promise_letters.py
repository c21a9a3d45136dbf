"""Letters about promises: what stands in them, which are not sent any more, what they cost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.app import World
from tests.support.factories import give_phone
from tests.support.follow_ups import hand_over, of, promise, step
from tests.support.store_evening import Evening, evening_in, hire
from tests.support.worker import notifications, queued, rows

K = NotificationKind


@pytest.fixture
def evening(world: World) -> Iterator[Evening]:
    with evening_in(world) as evening:
        evening.give_phones()
        yield evening


def test_a_reminder_that_waits_for_its_way_out_is_not_sent_for_what_was_kept(evening: Evening) -> None:
    evening.book.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = promise(evening, minutes=20)
    step(evening, promised, "keep")
    evening.let_pass(minutes=5)
    (told,) = notifications(evening.world)
    assert (told.kind, told.state, told.failure, len(evening.messages)) == ("follow_up", "suppressed", "answered", 1)


def test_a_reminder_that_waits_for_its_way_out_is_not_sent_to_who_handed_it_over(evening: Evening) -> None:
    evening.book.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = promise(evening, minutes=20)
    hand_over(evening, promised, "colleague")
    evening.let_pass(minutes=5)
    assert [(row.state, row.failure) for row in notifications(evening.world)] == [
        ("suppressed", "answered"),
        ("accepted", None),
    ]


def test_what_is_left_of_an_earlier_run_does_nothing_whenever_it_comes(evening: Evening) -> None:
    promised = promise(evening)
    first = [row.id for row in queued(evening.world, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)]
    hand_over(evening, promised, "colleague")
    with evening.world.back_office.writing(evening.shop.organization_id) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.id.in_(first))):
            row.due_at = evening.world.clock()
    told = len(evening.messages)
    evening.let_pass(minutes=1)
    assert (len(evening.messages), of(evening, promised).status) == (told, "open")
    assert len(queued(evening.world, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)) == 2


def test_nothing_of_the_promise_is_in_a_letter(evening: Evening) -> None:
    concern = evening.log(mood=3, place="table-12", category="food", customer={"name": "Planted Person"})
    promise(evening, concern=concern, minutes=40, what="Planted words", kind="visit")
    evening.let_pass(hours=1)
    said = [(message.kind, message.title, message.body) for _, message in evening.messages]
    assert said == [
        ("inform", "A promise to keep, table 12", "Open to see more · Food"),
        ("inform", "A promise was not kept, table 12", "Open to see more · Food"),
    ]


def test_telling_many_managers_costs_as_much_as_telling_one(evening: Evening) -> None:
    evening.check_out("floor", "lead")
    costs = []
    for _ in range(2):
        promise(evening, minutes=10)
        costs.append(cost_of_breaking(evening))
        for number in range(10):
            login = f"manager-{number}"
            if login not in evening.shop.staff:
                hire_manager(evening, login)
    assert costs[0] == costs[1]
    last = [row for row in rows(evening.world, Notification) if row.kind is K.BROKEN][-11:]
    assert len({row.staff_id for row in last}) == 11


def cost_of_breaking(evening: Evening) -> list[int]:
    """Statements of each round in which it is decided whom to tell that a promise was broken."""
    evening.world.clock.move(minutes=10)
    costs = []
    for _ in range(2):  # its time has come; find out who is told
        with evening.world.counting(evening.world.back_office) as statements:
            assert evening.worker._decide() == 1
        costs.append(len(statements))
    evening.let_pass(seconds=0)
    return costs


def hire_manager(evening: Evening, login: str) -> None:
    hire(evening.world.back_office, evening.shop, login, at=evening.began_at)
    give_phone(evening.world.back_office, evening.shop, login, login, kind=AddressKind.LOG)
    with evening.world.back_office.writing(evening.shop.organization_id) as session:
        session.get_one(Staff, (evening.shop.organization_id, evening.shop.staff[login])).role = "manager"
