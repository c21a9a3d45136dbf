"""Messages about follow-ups: their content, which are dropped, and how many statements they cost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.factories.follow_ups import change_follow_up, follow_up_row, hand_over_follow_up, make_follow_up
from tests.support.factories.staff import give_phone, hire
from tests.support.rows import notifications, pending_messages, rows
from tests.support.store_scenario import StoreScenario, store_scenario

K = NotificationKind


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def test_a_reminder_that_waits_for_its_channel_is_not_sent_for_what_was_kept(evening: StoreScenario) -> None:
    evening.book.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = make_follow_up(evening, minutes=20)
    change_follow_up(evening, promised, "keep")
    evening.let_pass(minutes=5)
    (told,) = notifications(evening.world)
    assert (told.kind, told.state, told.failure, len(evening.messages)) == ("follow_up", "suppressed", "answered", 1)


def test_a_reminder_that_waits_for_its_channel_is_not_sent_to_who_handed_it_over(evening: StoreScenario) -> None:
    evening.book.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = make_follow_up(evening, minutes=20)
    hand_over_follow_up(evening, promised, "colleague")
    evening.let_pass(minutes=5)
    assert [(row.state, row.failure) for row in notifications(evening.world)] == [
        ("suppressed", "answered"),
        ("accepted", None),
    ]


def test_what_is_left_of_an_earlier_run_does_nothing_whenever_it_comes(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    first = [row.id for row in pending_messages(evening.world, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)]
    hand_over_follow_up(evening, promised, "colleague")
    with evening.world.back_office.writing(evening.shop.organization_id) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.id.in_(first))):
            row.due_at = evening.world.clock()
    told = len(evening.messages)
    evening.let_pass(minutes=1)
    assert (len(evening.messages), follow_up_row(evening, promised).status) == (told, "open")
    assert len(pending_messages(evening.world, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)) == 2


def test_nothing_of_the_follow_up_is_in_a_message(evening: StoreScenario) -> None:
    concern = evening.log(mood=3, place="table-12", category="food", customer={"name": "Planted Person"})
    make_follow_up(evening, concern=concern, minutes=40, what="Planted words", kind="visit")
    evening.let_pass(hours=1)
    said = [(message.kind, message.title, message.body) for _, message in evening.messages]
    assert said == [
        ("inform", "A promise to keep, table 12", "Open to see more · Food"),
        ("inform", "A promise was not kept, table 12", "Open to see more · Food"),
    ]


def test_informing_many_managers_costs_as_much_as_informing_one(evening: StoreScenario) -> None:
    evening.check_out("floor", "lead")
    costs = []
    for _ in range(2):
        make_follow_up(evening, minutes=10)
        costs.append(cost_of_breaking(evening))
        for number in range(10):
            login = f"manager-{number}"
            if login not in evening.shop.staff:
                hire_manager(evening, login)
    assert costs[0] == costs[1]
    last = [row for row in rows(evening.world, Notification) if row.kind is K.BROKEN][-11:]
    assert len({row.staff_id for row in last}) == 11


def cost_of_breaking(evening: StoreScenario) -> list[int]:
    """Return the statements of each round that finds the readers of a broken follow-up."""
    evening.world.clock.move(minutes=10)
    costs = []
    for _ in range(2):  # its time has come; find the readers
        with evening.world.counting(evening.world.back_office) as statements:
            assert evening.worker._decide() == 1
        costs.append(len(statements))
    evening.let_pass(seconds=0)
    return costs


def hire_manager(evening: StoreScenario, login: str) -> None:
    hire(evening.world.back_office, evening.shop, login, at=evening.began_at)
    give_phone(evening.world.back_office, evening.shop, login, login, kind=AddressKind.LOG)
    with evening.world.back_office.writing(evening.shop.organization_id) as session:
        session.get_one(Staff, (evening.shop.organization_id, evening.shop.staff[login])).role = "manager"
