"""Shared phones: one push for everybody it is for, and what is said, withdrawn and reported of it."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from models.alerts.notification import Notification, NotificationKind, NotificationRecipient
from models.outbox.message import OutboxMessage
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind, Device
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.staff import add_sign_in, give_phone, give_shared_phone, sign_in_on
from tests.support.rows import only_alert, rows
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.worker import work_until_idle

K = NotificationKind


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    """A store where nobody has a personal phone."""
    with store_scenario(app) as scenario:
        yield scenario


@pytest.fixture
def bar(scenario: StoreScenario) -> UUID:
    """A shared phone on which all three who are on shift signed in."""
    phone = give_shared_phone(scenario.app.back_office, scenario.shop, "bar", kind=AddressKind.FCM_TOKEN)
    for login in ("floor", "colleague", "lead"):
        sign_in(scenario, phone, login)
    return phone


def sign_in(scenario: StoreScenario, phone: UUID, login: str) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        device = session.get_one(Device, (scenario.shop.organization_id, phone))
        add_sign_in(session, device, scenario.shop.staff[login], at=scenario.app.clock())


def sign_out(scenario: StoreScenario, *logins: str) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        ids = [scenario.shop.staff[login] for login in logins]
        session.execute(delete(StaffSession).where(StaffSession.staff_id.in_(ids), StaffSession.device_id.is_not(None)))


def leave(scenario: StoreScenario, login: str) -> None:
    """Let the time of a planned leave come; nothing else has happened yet."""
    scenario.set_preferences(login, leaves_at=scenario.app.clock())


def whom(scenario: StoreScenario, notification: Notification) -> set[str]:
    logins = {id_: login for login, id_ in scenario.shop.staff.items()}
    links = [row for row in rows(scenario.app, NotificationRecipient) if row.notification_id == notification.id]
    return {logins[link.staff_id] for link in links}


def only_notification(scenario: StoreScenario) -> Notification:
    (notification,) = rows(scenario.app, Notification)
    return notification


def inform(scenario: StoreScenario, kind: NotificationKind, login: str) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        tenant, staff_id = scenario.shop.organization_id, scenario.shop.staff[login]
        session.add(OutboxMessage.information(kind, tenant, staff_id=staff_id, at=scenario.app.clock()))
    work_until_idle(scenario.worker)


# ------------------------------------------------------------------------------------------------------------- rings


def test_one_push_rings_for_everybody_but_who_logged_it(scenario: StoreScenario, bar: UUID) -> None:
    scenario.log("floor", mood=2)
    ring = only_notification(scenario)
    assert (ring.device_id, ring.staff_id, whom(scenario, ring)) == (bar, None, {"colleague", "lead"})
    assert [message.recipient.address for _, message in scenario.messages] == ["bar"]
    assert scenario.step_log() == [(0, 1, None)]


def test_it_says_nothing_about_whom_it_is_for(scenario: StoreScenario, bar: UUID) -> None:
    scenario.log("floor", mood=2)
    ((_, message),) = scenario.messages
    assert (message.title, message.body) == ("Unhappy customer", "Open to see what it is about")


def test_it_does_not_ring_for_who_logged_it_alone(scenario: StoreScenario, bar: UUID) -> None:
    sign_out(scenario, "colleague", "lead")
    scenario.log("floor", mood=2)
    assert scenario.messages == []
    assert scenario.step_log()[0] == (0, 0, "no_phone")


def test_it_rings_if_one_of_its_people_is_not_in_a_pause(scenario: StoreScenario, bar: UUID) -> None:
    scenario.pause("lead", until=scenario.app.clock() + timedelta(minutes=5))
    scenario.log("floor", mood=2)
    assert whom(scenario, only_notification(scenario)) == {"colleague"}


def test_it_is_silent_while_all_its_people_pause(scenario: StoreScenario, bar: UUID) -> None:
    for login in ("lead", "colleague"):
        scenario.pause(login, until=scenario.app.clock() + timedelta(minutes=5))
    scenario.log("floor", mood=2)
    assert scenario.messages == []
    assert scenario.step_log()[0] == (0, 0, "paused")


def test_a_personal_phone_rings_as_well(scenario: StoreScenario, bar: UUID) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "of the lead")
    scenario.log("floor", mood=2)
    assert {(row.staff_id, frozenset(whom(scenario, row))) for row in rows(scenario.app, Notification)} == {
        (scenario.shop.staff["lead"], frozenset()),
        (None, frozenset({"colleague", "lead"})),
    }
    assert scenario.step_log() == [(0, 2, None)]


GOES = {
    "checks out": lambda scenario, login: scenario.check_out(login),
    "pauses": lambda scenario, login: scenario.pause(login, until=scenario.app.clock() + timedelta(minutes=5)),
    "signs out": sign_out,
    "leaves": leave,
}


@pytest.mark.parametrize("way", GOES)
def test_a_queued_ring_goes_out_while_one_of_its_people_is_left(scenario: StoreScenario, bar: UUID, way: str) -> None:
    scenario.channel.next.append(DeliveryResult.later("unavailable"))
    scenario.log("floor", mood=2)
    GOES[way](scenario, "lead")
    scenario.let_pass(seconds=5)
    assert [message.recipient.address for _, message in scenario.messages] == ["bar", "bar"]
    assert only_notification(scenario).state == "accepted"


@pytest.mark.parametrize("way", GOES)
def test_a_queued_ring_is_suppressed_once_all_its_people_are_gone(scenario: StoreScenario, bar: UUID, way: str) -> None:
    scenario.channel.next.append(DeliveryResult.later("unavailable"))
    scenario.log("floor", mood=2)
    GOES[way](scenario, "lead")
    GOES[way](scenario, "colleague")
    scenario.let_pass(seconds=5)
    assert len(scenario.messages) == 1
    ring = only_notification(scenario)
    assert (ring.state, ring.failure) == ("suppressed", "off-shift")


def test_who_takes_it_on_the_phone_silences_it_once(scenario: StoreScenario, bar: UUID) -> None:
    concern = scenario.log("floor", mood=2)
    scenario.let_pass(minutes=3)  # the step of the lead rings it again
    move(scenario.app, scenario.shop, concern, "take", "lead")
    scenario.let_pass(seconds=1)
    kinds = [str(message.kind) for _, message in scenario.messages]
    assert (kinds.count("withdraw"), kinds[-1]) == (1, "withdraw")
    assert all(row.withdrawn_at for row in rows(scenario.app, Notification))


def test_a_shared_phone_that_became_personal_gets_nothing_of_before(scenario: StoreScenario, bar: UUID) -> None:
    scenario.channel.next.append(DeliveryResult.later("unavailable"))
    scenario.log("floor", mood=2)
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        phone = session.get_one(Device, (scenario.shop.organization_id, bar))
        phone.staff_id, phone.store_id = scenario.shop.staff["lead"], None
    scenario.let_pass(seconds=5)
    assert (len(scenario.messages), only_notification(scenario).failure) == (1, "changed-hands")


# ------------------------------------------------------------------------------------------------------- information


def test_it_informs_its_people_with_one_push(scenario: StoreScenario, bar: UUID) -> None:
    concern = log_concern(scenario.app, scenario.shop, "floor", mood=2)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.act(concern, "lead")
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    scenario.let_pass(seconds=1)
    (outcome,) = (row for row in rows(scenario.app, Notification) if row.kind is K.OUTCOME)
    assert (outcome.device_id, outcome.staff_id, whom(scenario, outcome)) == (bar, None, {"floor", "lead"})


def test_a_hand_over_and_a_reminder_reach_one_of_its_people(scenario: StoreScenario, bar: UUID) -> None:
    concern = scenario.log("floor", mood=2)
    body = {"staff_id": str(scenario.shop.staff["lead"])}
    path = f"/v1/concerns/{concern['id']}/hand-over"
    assert scenario.app.request("POST", path, (scenario.shop, "floor"), json=body).status_code == 200
    scenario.let_pass(seconds=1)
    move(scenario.app, scenario.shop, concern, "take", "lead")
    scenario.let_pass(minutes=11)
    people = {row.kind: whom(scenario, row) for row in rows(scenario.app, Notification) if row.kind is not K.RING}
    assert people == {K.HAND_OVER: {"lead"}, K.REMINDER: {"lead"}}


@pytest.mark.parametrize("way", GOES)
def test_information_is_not_sent_once_its_people_are_gone(scenario: StoreScenario, bar: UUID, way: str) -> None:
    scenario.channel.next.append(DeliveryResult.later("unavailable"))
    scenario.log("floor", mood=1, handling="mine")  # informs the lead
    GOES[way](scenario, "lead")
    scenario.let_pass(seconds=5)
    assert (len(scenario.messages), only_notification(scenario).failure) == (1, "off-shift")


@pytest.mark.parametrize("kind", [K.CODE_MADE, K.PHONE_TAKEN])
def test_what_protects_a_sign_in_goes_to_personal_phones(
    scenario: StoreScenario, bar: UUID, kind: NotificationKind
) -> None:
    for address in ("first", "second"):
        give_phone(scenario.app.back_office, scenario.shop, "lead", address)
    inform(scenario, kind, "lead")
    assert {message.recipient.address for _, message in scenario.messages} == {"first", "second"}


@pytest.mark.parametrize("kind", [K.CODE_MADE, K.PHONE_TAKEN])
def test_without_a_personal_phone_it_goes_to_shared_ones_and_a_pause_does_not_hide_it(
    scenario: StoreScenario, bar: UUID, kind: NotificationKind
) -> None:
    scenario.pause("lead", until=scenario.app.clock() + timedelta(minutes=5))
    inform(scenario, kind, "lead")
    assert whom(scenario, only_notification(scenario)) == {"lead"}
    assert only_notification(scenario).state == "accepted"


def test_a_test_push_reaches_the_shared_phone_it_was_asked_on(scenario: StoreScenario, bar: UUID) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "of the lead")
    sign_in_on(scenario.app.back_office, scenario.shop, "lead", bar, at=scenario.app.clock())
    answer = scenario.app.request("POST", "/v1/me/test-push", (scenario.shop, "lead"))
    assert answer.status_code in (200, 202), answer.text
    work_until_idle(scenario.worker)
    assert (only_notification(scenario).device_id, whom(scenario, only_notification(scenario))) == (bar, {"lead"})


# -------------------------------------------------------------------------------------------------- what is known of it


def test_it_is_listed_with_the_phone_and_its_people(scenario: StoreScenario, bar: UUID) -> None:
    scenario.log("floor", mood=2)
    path = f"/v1/alerts/{only_alert(scenario.app).id}/notifications"
    (shown,) = scenario.app.request("GET", path, (scenario.shop, "manager")).json["items"]
    assert (shown["staff"], shown["device"]) == (None, {"id": str(bar), "name": "bar"})
    assert sorted(person["name"] for person in shown["recipients"]) == ["Colleague of acme", "Lead"]
    (redacted,) = scenario.app.request("GET", path, (scenario.shop, "hq")).json["items"]
    assert (redacted["staff"], redacted["recipients"], redacted["device"]) == (None, None, None)
    assert redacted["device_id"] == str(bar)


def test_the_line_under_the_concern_names_the_phone(scenario: StoreScenario, bar: UUID) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "of the lead", kind=AddressKind.FCM_TOKEN)
    scenario.log("floor", mood=2)
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        for row in session.scalars(select(Notification)):
            row.opened_at = row.received_at = scenario.app.clock()
    alert_path = f"/v1/alerts/{only_alert(scenario.app).id}"
    shown = scenario.app.request("GET", alert_path, (scenario.shop, "floor")).json
    assert shown["summary"] == "on 2 phones, opened by Lead and on bar"
