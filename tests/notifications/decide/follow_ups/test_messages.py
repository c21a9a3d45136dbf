"""Messages about follow-ups: their content, which are dropped, and how many statements they cost."""

from datetime import timedelta

from sqlalchemy import select

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.factories.follow_ups import change_follow_up, follow_up_row, hand_over_follow_up, make_follow_up
from tests.support.factories.staff import give_phone, hire
from tests.support.rows import notifications, pending_messages, rows
from tests.support.store_scenario import StoreScenario

K = NotificationKind


def test_a_reminder_that_waits_for_its_channel_is_not_sent_for_what_was_kept(scenario: StoreScenario) -> None:
    scenario.channel.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = make_follow_up(scenario, minutes=20)
    change_follow_up(scenario, promised, "keep")
    scenario.let_pass(minutes=5)
    (told,) = notifications(scenario.app)
    assert (told.kind, told.state, told.failure, len(scenario.messages)) == ("follow_up", "suppressed", "answered", 1)


def test_a_reminder_that_waits_for_its_channel_is_not_sent_to_who_handed_it_over(scenario: StoreScenario) -> None:
    scenario.channel.next.append(DeliveryResult.later("busy", retry_after=timedelta(minutes=2)))
    promised = make_follow_up(scenario, minutes=20)
    hand_over_follow_up(scenario, promised, "colleague")
    scenario.let_pass(minutes=5)
    assert [(row.state, row.failure) for row in notifications(scenario.app)] == [
        ("suppressed", "answered"),
        ("accepted", None),
    ]


def test_what_is_left_of_an_earlier_run_does_nothing_whenever_it_comes(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    first = [row.id for row in pending_messages(scenario.app, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)]
    hand_over_follow_up(scenario, promised, "colleague")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.id.in_(first))):
            row.due_at = scenario.app.clock()
    sent_before = len(scenario.messages)
    scenario.let_pass(minutes=1)
    assert (len(scenario.messages), follow_up_row(scenario, promised).status) == (sent_before, "open")
    assert len(pending_messages(scenario.app, OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP)) == 2


def test_nothing_of_the_follow_up_is_in_a_message(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3, place="table-12", category="food", customer={"name": "Planted Person"})
    make_follow_up(scenario, concern=concern, minutes=40, what="Planted words", kind="visit")
    scenario.let_pass(hours=1)
    texts = [(message.kind, message.title, message.body) for _, message in scenario.messages]
    assert texts == [
        ("inform", "A promise to keep, table 12", "Open to see more · Food"),
        ("inform", "A promise was not kept, table 12", "Open to see more · Food"),
    ]


def test_informing_many_managers_costs_as_much_as_informing_one(scenario: StoreScenario) -> None:
    scenario.check_out("floor", "lead")
    costs = []
    for _ in range(2):
        make_follow_up(scenario, minutes=10)
        costs.append(cost_of_breaking(scenario))
        for number in range(10):
            login = f"manager-{number}"
            if login not in scenario.shop.staff:
                hire_manager(scenario, login)
    assert costs[0] == costs[1]
    last = [row for row in rows(scenario.app, Notification) if row.kind is K.BROKEN][-11:]
    assert len({row.staff_id for row in last}) == 11


def cost_of_breaking(scenario: StoreScenario) -> list[int]:
    """Return the statements of each round that finds the readers of a broken follow-up."""
    scenario.app.clock.move(minutes=10)
    costs = []
    for _ in range(2):  # its time has come; find the readers
        with scenario.app.counting(scenario.app.back_office) as statements:
            assert scenario.worker._decide() == 1
        costs.append(len(statements))
    scenario.let_pass(seconds=0)
    return costs


def hire_manager(scenario: StoreScenario, login: str) -> None:
    hire(scenario.app.back_office, scenario.shop, login, at=scenario.began_at)
    give_phone(scenario.app.back_office, scenario.shop, login, login, kind=AddressKind.LOG)
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        session.get_one(Staff, (scenario.shop.organization_id, scenario.shop.staff[login])).role = "manager"
