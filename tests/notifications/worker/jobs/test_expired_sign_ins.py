"""Personal phones on which nobody is signed in: nothing is sent to them; of an expired sign-in they are told once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxKind
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind, Device
from notifications.channels.base import DeliveryResult
from notifications.channels.push.channel import PushChannel
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import add_sign_in, give_phone, sign_in_anew
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import unavailable
from tests.support.rows import pending_messages, rows
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.worker import for_all_kinds, running_worker, work_until_idle

K = NotificationKind


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    """A store where the lead has the only phone, and is signed in on it for a day."""
    with store_scenario(app) as scenario:
        give_phone(app.back_office, scenario.shop, "lead", "lead", signed_in_for=timedelta(days=1))
        yield scenario


def device(scenario: StoreScenario) -> Device:
    (device,) = rows(scenario.app, Device)
    return device


def sign_in_again(scenario: StoreScenario) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        add_sign_in(session, device(scenario), scenario.shop.staff["lead"], at=scenario.app.clock())


def begin_shifts(scenario: StoreScenario) -> None:
    """Let them come to work again: the shifts of the day before are over."""
    scenario.check_in("floor")
    scenario.check_in("lead", lead=True)


def kinds(scenario: StoreScenario) -> list[tuple[NotificationKind, str, str | None]]:
    return [(row.kind, str(row.state), row.failure) for row in rows(scenario.app, Notification)]


def test_of_an_expired_sign_in_the_phone_is_told_once(scenario: StoreScenario) -> None:
    scenario.let_pass(days=1)
    for _ in range(3):
        scenario.app.clock.move(hours=2)
        work_until_idle(scenario.worker)
    assert kinds(scenario) == [(K.SIGN_IN_EXPIRED, "accepted", None)]
    ((_, message),) = scenario.messages
    assert (message.title, message.kind) == ("You are signed out here", "inform")
    assert (device(scenario).address, device(scenario).retired_reason) == (None, "sign-in-expired")
    assert [row for row in rows(scenario.app, StaffSession) if row.device_id is not None] == []


def test_a_phone_whose_sign_in_expired_is_not_rung_even_before_that_was_noticed(scenario: StoreScenario) -> None:
    work_until_idle(scenario.worker)  # the next clean-up is in an hour
    scenario.app.clock.move(days=1, minutes=-30)
    work_until_idle(scenario.worker)
    scenario.app.clock.move(minutes=40)
    begin_shifts(scenario)
    scenario.log("floor", mood=2)
    assert scenario.messages == []
    assert scenario.step_log()[0] == (0, 0, "no_phone")


def test_a_ring_that_waits_while_the_sign_in_expires_is_not_sent(scenario: StoreScenario) -> None:
    scenario.app.clock.move(days=1, seconds=-2)
    begin_shifts(scenario)
    scenario.channel.next.append(DeliveryResult.later("unavailable", retry_after=timedelta(seconds=5)))
    scenario.log("floor", mood=2)
    scenario.let_pass(seconds=10)
    assert len(scenario.messages) == 1
    assert kinds(scenario) == [(K.RING, "suppressed", "signed-out")]


def test_information_that_waits_while_the_sign_in_expires_is_not_sent(scenario: StoreScenario) -> None:
    scenario.app.clock.move(days=1, seconds=-2)
    begin_shifts(scenario)
    scenario.channel.next.append(DeliveryResult.later("unavailable", retry_after=timedelta(seconds=5)))
    scenario.log("floor", mood=2, handling="mine")
    scenario.let_pass(seconds=10)
    assert len(scenario.messages) == 1
    assert kinds(scenario) == [(K.OWN, "suppressed", "signed-out")]


def test_who_signs_in_and_registers_again_is_rung_again(scenario: StoreScenario) -> None:
    scenario.let_pass(days=1, hours=2)
    scenario.messages.clear()
    sign_in_anew(scenario.app.back_office, scenario.shop, "lead", at=scenario.app.clock())
    body = {"platform": "android", "address": "lead", "address_kind": "fcm_token"}
    path = f"/v1/me/devices/{device(scenario).installation_id}"
    assert scenario.app.request("PUT", path, (scenario.shop, "lead"), json=body).status_code == 200
    begin_shifts(scenario)
    scenario.log("floor", mood=2)
    assert [message.recipient.address for _, message in scenario.messages] == ["lead"]


def test_who_signs_in_before_it_is_sent_is_told_nothing(scenario: StoreScenario) -> None:
    scenario.channel.meanwhile = lambda _message: None
    scenario.channel.next.append(DeliveryResult.later("unavailable"))
    scenario.app.clock.move(days=1, hours=1)
    work_until_idle(scenario.worker)
    sign_in_again(scenario)
    scenario.let_pass(seconds=10)
    assert kinds(scenario) == [(K.SIGN_IN_EXPIRED, "suppressed", "signed-in")]
    assert device(scenario).address == "lead"


def test_who_signs_in_while_it_is_sent_keeps_the_phone(scenario: StoreScenario) -> None:
    scenario.channel.meanwhile = lambda _message: sign_in_again(scenario)
    scenario.app.clock.move(days=1, hours=1)
    work_until_idle(scenario.worker)
    assert (kinds(scenario), device(scenario).address) == ([(K.SIGN_IN_EXPIRED, "accepted", None)], "lead")


@pytest.mark.parametrize("why", ["left", "signed out"])
def test_who_left_or_signed_out_is_told_nothing(scenario: StoreScenario, why: str) -> None:
    if why == "left":
        scenario.set_preferences("lead", left_at=scenario.app.clock())
    else:
        with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
            StaffSession.end(session, StaffSession.device_id == device(scenario).id, at=scenario.app.clock())
    scenario.let_pass(days=1, hours=2)
    assert scenario.messages == []


# -------------------------------------------------------------------------------------- pushes that were queued before


def test_a_queued_push_to_a_phone_that_was_revoked_does_not_reach_firebase(
    app: App, shop: Shop, fcm: FcmStandIn
) -> None:
    push = PushChannel.from_credentials(fcm.credentials, fcm.url)
    phone_id = give_phone(app.back_office, shop, "manager", "manager", kind=AddressKind.FCM_TOKEN)
    fcm.queue(unavailable())
    log_concern(app, shop, "floor", mood=2)
    with running_worker(app, for_all_kinds(push)) as worker:
        work_until_idle(worker)
        with app.back_office.writing(shop.organization_id) as session:
            session.get_one(Device, (shop.organization_id, phone_id)).retire(reason="revoked", at=app.clock())
        app.clock.move(seconds=31)
        work_until_idle(worker)
    assert (len(fcm.posts), fcm.accepted) == (1, [])
    assert [(row.state, row.failure) for row in rows(app, Notification)] == [("suppressed", "address-retired")]
    assert pending_messages(app, OutboxKind.DELIVER_RING) == []
