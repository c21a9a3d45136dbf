"""What phones show and is no longer true is withdrawn, once, from each that shows it: every kind of notification."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.alerts.notification import Notification, NotificationKind, NotificationState
from models.organizations.store import Store
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.channels.base import DeliveryResult, Message, MessageKind
from notifications.decide.validity import CHECKS
from notifications.decide.withdrawals import find_withdrawals
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.follow_ups import change_follow_up, hand_over_follow_up, make_follow_up
from tests.support.rows import notifications, pending_messages
from tests.support.store_scenario import StoreScenario, store_scenario

K = NotificationKind
Act = Callable[[StoreScenario], object]
# What has happened once and for all, what goes by mail, and what is said to a phone for the last time.
STAYS_TRUE = {
    K.DECISION,
    K.DAY_LIMIT,
    K.DAILY_LOG,
    K.SHIFT_ENDED,
    K.CODE_MADE,
    K.FACTOR_REMOVED,
    K.CODE_BY_MAIL,
    K.PHONE_TAKEN,
    K.SIGN_IN_EXPIRED,
    K.PHONE_ELSEWHERE,
    K.TEST,
}


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        scenario.give_phones()
        yield scenario


def post(scenario: StoreScenario, path: str, login: str, **body: Any) -> Any:
    answer = scenario.app.request("POST", path, (scenario.shop, login), json=body or None)
    assert answer.status_code < 300, answer.text
    return answer.json


def step(scenario: StoreScenario, concern: dict[str, Any], verb: str, login: str) -> Act:
    return lambda _: move(scenario.app, scenario.shop, concern, verb, login)


def void(concern: dict[str, Any]) -> Act:
    path = f"/v1/concerns/{concern['id']}/void"
    return lambda scenario: post(scenario, path, "manager", reason="Logged twice.")


def ring(scenario: StoreScenario) -> Act:
    return step(scenario, scenario.log(mood=2), "take", "colleague")


def hand_over(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=3)
    post(scenario, f"/v1/concerns/{concern['id']}/hand-over", "colleague", staff_id=str(scenario.shop.staff["lead"]))
    return step(scenario, concern, "take", "colleague")


def reminder(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.let_pass(minutes=10)
    return lambda scenario: scenario.act(concern, "colleague")


def unanswered(scenario: StoreScenario, mood: int = 2) -> Act:
    concern = scenario.log(mood=mood)
    scenario.let_pass(minutes=20)
    return step(scenario, concern, "take", "manager")


def unanswered_severe(scenario: StoreScenario) -> Act:
    return unanswered(scenario, mood=1)


def late(scenario: StoreScenario) -> Act:
    occurred_at = (scenario.app.clock() - timedelta(minutes=16)).isoformat()
    return void(scenario.log(mood=2, occurred_at=occurred_at))


def closed_store(scenario: StoreScenario) -> Act:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        store = session.get_one(Store, (scenario.shop.organization_id, scenario.shop.store_id))
        store.closed_at = scenario.app.clock() - timedelta(minutes=1)
    return void(scenario.log(mood=2))


def own(scenario: StoreScenario) -> Act:
    return step(scenario, scenario.log(mood=2, handling="mine"), "release", "floor")


def outcome(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=3)
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    return step(scenario, concern, "reopen", "colleague")


def praise(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=5, kind="praise", praised_id=str(scenario.shop.staff["colleague"]))
    return lambda scenario: edit(scenario.app, scenario.shop, concern, "manager", kind="concern")


def approval(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=3)
    body = {"remedy": "voucher", "cost": {"amount": 4000, "currency": "EUR"}}
    action = post(scenario, f"/v1/concerns/{concern['id']}/recovery-actions", "floor", **body)
    path = f"/v1/recovery-actions/{action['id']}/decline"
    return lambda scenario: post(scenario, path, "manager", note="The soup was eaten.")


def follow_up(scenario: StoreScenario) -> Act:
    promised = make_follow_up(scenario)
    hand_over_follow_up(scenario, promised, "colleague")
    return lambda scenario: change_follow_up(scenario, promised, "cancel", note="They moved away.")


def contact_missing(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=3, customer={"name": "Ana Silva"})
    make_follow_up(scenario, concern=concern)
    path, body = f"/v1/customers/{concern['customer_id']}", {"phone": "912 345 678"}

    def add_contact(scenario: StoreScenario) -> None:
        who = (scenario.shop, "manager")
        etag = scenario.app.request("GET", path, who).headers["ETag"]
        answer = scenario.app.request("PATCH", path, who, json=body, headers={"If-Match": etag})
        assert answer.status_code == 200, answer.text

    return add_contact


def broken(scenario: StoreScenario) -> Act:
    promised = make_follow_up(scenario, minutes=40)
    scenario.let_pass(minutes=41)
    return lambda scenario: change_follow_up(scenario, promised, "keep", note="Late, and glad.")


def carried_over(scenario: StoreScenario) -> Act:
    concern = scenario.log(mood=3)
    scenario.let_pass(hours=22)
    return step(scenario, concern, "resolve", "manager")


def pause(scenario: StoreScenario) -> Act:
    post(scenario, "/v1/me/pause", "colleague", minutes=5)
    return lambda scenario: scenario.app.request("DELETE", "/v1/me/pause", (scenario.shop, "colleague"))


def still_here(scenario: StoreScenario) -> Act:
    for login in ("floor", "lead"):
        scenario.check_out(login)
    scenario.let_pass(hours=15, minutes=50)
    return lambda scenario: post(scenario, "/v1/me/shift/extend", "colleague")


UNTRUE: dict[NotificationKind, Callable[[StoreScenario], Act]] = {
    K.RING: ring,
    K.HAND_OVER: hand_over,
    K.REMINDER: reminder,
    K.UNANSWERED: unanswered,
    K.UNANSWERED_SEVERE: unanswered_severe,
    K.LATE: late,
    K.CLOSED_STORE: closed_store,
    K.OWN: own,
    K.OUTCOME: outcome,
    K.PRAISE: praise,
    K.APPROVAL: approval,
    K.FOLLOW_UP: follow_up,
    K.CONTACT_MISSING: contact_missing,
    K.BROKEN: broken,
    K.CARRIED_OVER: carried_over,
    K.PAUSE: pause,
    K.STILL_HERE: still_here,
}


def test_of_every_kind_it_is_said_what_makes_it_untrue() -> None:
    assert set(CHECKS) == set(NotificationKind) == UNTRUE.keys() | STAYS_TRUE
    assert UNTRUE.keys().isdisjoint(STAYS_TRUE)


def shown(scenario: StoreScenario, kind: NotificationKind) -> list[Notification]:
    return [row for row in notifications(scenario.app) if row.kind is kind and row.is_delivered]


def withdrawn_by(scenario: StoreScenario, act: Act) -> list[Message]:
    """Return the withdrawals that follow from what somebody does."""
    scenario.messages.clear()
    act(scenario)
    scenario.let_pass(seconds=0)
    return [message for _, message in scenario.messages if message.kind is MessageKind.WITHDRAW]


@only_on_sqlite
@pytest.mark.parametrize("kind", UNTRUE)
def test_it_is_withdrawn_once_from_each_phone_that_shows_it(scenario: StoreScenario, kind: NotificationKind) -> None:
    act = UNTRUE[kind](scenario)
    scenario.let_pass(seconds=0)
    before = {row.device_id: row for row in shown(scenario, kind)}
    assert before, "it was told to nobody"
    withdrawals = withdrawn_by(scenario, act)
    assert sorted(message.tag for message in withdrawals if message.notification_kind is kind) == sorted(
        row.tag for row in before.values()
    )
    assert len({(message.recipient.address, message.tag) for message in withdrawals}) == len(withdrawals)
    assert all(row.outdated_at and row.withdrawn_at for row in shown(scenario, kind) if row.id in before)
    assert withdrawn_by(scenario, lambda scenario: scenario.let_pass(minutes=1)) == []


@only_on_sqlite
@pytest.mark.parametrize("kind", [K.OUTCOME, K.APPROVAL, K.FOLLOW_UP])
def test_what_waits_for_its_channel_is_not_sent_once_it_is_untrue(
    scenario: StoreScenario, kind: NotificationKind
) -> None:
    for login in ("floor", "colleague", "lead", "manager", "regional"):
        scenario.channel.answers[login] = DeliveryResult.later("unreachable")
    act = UNTRUE[kind](scenario)
    scenario.let_pass(seconds=0)
    act(scenario)
    scenario.channel.answers.clear()
    scenario.messages.clear()
    scenario.let_pass(minutes=1)
    assert kind not in {message.notification_kind for _, message in scenario.messages}
    assert {row.state for row in notifications(scenario.app) if row.kind is kind} == {NotificationState.SUPPRESSED}


def test_what_becomes_untrue_while_it_is_sent_is_withdrawn_when_it_has_arrived(scenario: StoreScenario) -> None:
    act = outcome(scenario)
    seen = scenario.channel.meanwhile

    def reopen_meanwhile(message: Message) -> None:
        seen(message)
        if message.notification_kind is K.OUTCOME and message.kind is MessageKind.INFORM:
            act(scenario)

    scenario.channel.meanwhile = reopen_meanwhile
    scenario.let_pass(seconds=0)
    kinds = [str(message.kind) for _, message in scenario.messages if message.notification_kind is K.OUTCOME]
    assert kinds == ["inform", "withdraw"]


def test_an_approval_that_nobody_decided_leaves_the_phones_by_itself(scenario: StoreScenario) -> None:
    approval(scenario)
    scenario.let_pass(seconds=0)
    assert {message.tag for message in withdrawn_by(scenario, lambda scenario: scenario.let_pass(minutes=15))} == {
        row.tag for row in shown(scenario, K.APPROVAL)
    }


def test_a_pause_and_a_question_about_the_shift_leave_the_phones_when_their_time_is_over(
    scenario: StoreScenario,
) -> None:
    pause(scenario)
    scenario.let_pass(seconds=0)
    assert [message.notification_kind for message in withdrawn_by(scenario, lambda it: it.let_pass(minutes=5))] == [
        K.PAUSE
    ]
    still_here(scenario)
    withdrawals = withdrawn_by(scenario, lambda it: it.let_pass(minutes=15))
    assert K.STILL_HERE in {message.notification_kind for message in withdrawals}


def test_a_pause_takes_nothing_else_off_the_phones(scenario: StoreScenario) -> None:
    carried_over(scenario)
    for login in ("colleague", "manager"):
        scenario.check_in(login, lead=login == "manager")
    end_pause = pause(scenario)
    scenario.let_pass(seconds=0)
    tags = {kind: {row.tag for row in shown(scenario, kind)} for kind in (K.CARRIED_OVER, K.PAUSE)}
    assert [message.tag for message in withdrawn_by(scenario, end_pause)] == [*tags[K.PAUSE]]
    assert tags[K.PAUSE].isdisjoint(tags[K.CARRIED_OVER])


def test_the_number_of_today_replaces_that_of_yesterday_and_is_withdrawn_alone(scenario: StoreScenario) -> None:
    """The number of today replaced that of yesterday on the phone, and goes when nothing of it is left."""
    carried_over(scenario)
    scenario.let_pass(seconds=0)
    later = log_concern(scenario.app, scenario.shop, "manager", mood=3)
    scenario.let_pass(hours=24)
    tags = {row.tag for row in shown(scenario, K.CARRIED_OVER)}
    assert tags == {str(scenario.shop.store_id)}
    assert len(withdrawn_by(scenario, step(scenario, later, "resolve", "manager"))) == 1
    assert pending_messages(scenario.app) == []


def test_a_decision_says_yes_or_no_and_how_much(scenario: StoreScenario) -> None:
    decline = approval(scenario)
    scenario.let_pass(seconds=0)
    decline(scenario)
    scenario.let_pass(seconds=0)
    shown_as = {message.notification_kind: message for _, message in scenario.messages if message.kind != "withdraw"}
    assert shown_as[K.APPROVAL].title == "May a colleague give €40.00?"
    assert shown_as[K.DECISION].title == "Declined: €40.00"
    (action_id,) = {row.recovery_action_id for row in shown(scenario, K.DECISION)}
    assert shown_as[K.APPROVAL].link == shown_as[K.DECISION].link == f"/v1/recovery-actions/{action_id}"


# ------------------------------------------------------------------------------------------------------------ updates


def updates_by(scenario: StoreScenario, act: Act) -> list[tuple[str, str]]:
    """Return address and title of the updates that follow from what somebody does."""
    scenario.messages.clear()
    act(scenario)
    scenario.let_pass(seconds=0)
    return sorted((m.recipient.address, m.title) for _, m in scenario.messages if m.kind is MessageKind.UPDATE)


def test_a_call_that_says_something_else_by_now_is_shown_anew_without_a_sound(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)

    def correct(**fields: Any) -> Act:
        return lambda scenario: edit(scenario.app, scenario.shop, concern, **fields)

    assert updates_by(scenario, correct(place="table-12")) == [
        ("colleague", "Unhappy customer, table 12"),
        ("lead", "Unhappy customer, table 12"),
    ]
    assert updates_by(scenario, correct(their_words="We waited.")) == []
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        of_lead = select(Notification).where(Notification.staff_id == scenario.shop.staff["lead"])
        session.scalars(of_lead).one().opened_at = scenario.app.clock()
    assert updates_by(scenario, correct(mood=1)) == [("colleague", "Very unhappy customer, table 12")]
    assert {row.state for row in shown(scenario, K.RING)} == {NotificationState.ACCEPTED}


def test_several_changes_before_the_worker_comes_by_are_one_update(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)

    def correct_twice(scenario: StoreScenario) -> None:
        edit(scenario.app, scenario.shop, concern, mood=1)
        edit(scenario.app, scenario.shop, concern, place="table-12")

    assert [title for _, title in updates_by(scenario, correct_twice)] == ["Very unhappy customer, table 12"] * 2


def test_changes_while_no_push_gets_through_wait_as_one_update_of_each_phone(scenario: StoreScenario) -> None:
    changed = OutboxMessage(concern_id=UUID(scenario.log(mood=2)["id"]))
    for _ in range(5):
        at = scenario.app.clock.move(seconds=1)
        with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
            find_withdrawals(session, changed, at=at)
    updates = [row for row in pending_messages(scenario.app) if row.kind is OutboxKind.DELIVER_UPDATE]
    assert [row.created_at for row in updates] == [scenario.app.clock()] * 2, "the phones of colleague and lead"


def test_the_number_of_what_was_carried_over_goes_down_with_each_that_is_resolved(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3)
    resolve = carried_over(scenario)
    scenario.let_pass(seconds=0)
    assert updates_by(scenario, resolve) == [("manager", "Still open from yesterday: 1")]
    resolve_last = step(scenario, concern, "resolve", "manager")
    assert [message.tag for message in withdrawn_by(scenario, resolve_last)] == [str(scenario.shop.store_id)]


def test_a_call_that_is_answered_before_its_update_is_only_withdrawn(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)

    def edit_and_take(scenario: StoreScenario) -> None:
        edit(scenario.app, scenario.shop, concern, place="table-12")
        move(scenario.app, scenario.shop, concern, "take", "colleague")

    assert updates_by(scenario, edit_and_take) == []
    assert {str(message.kind) for _, message in scenario.messages} == {"withdraw"}
