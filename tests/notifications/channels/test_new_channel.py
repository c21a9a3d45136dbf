"""A further channel to people is a file with one PersonChannel, and one entry in the registry."""

from collections.abc import Iterator

import pytest

from config import Config
from models.alerts.notification import Notification, NotificationKind, NotificationState
from notifications.__main__ import connect_channels
from notifications.channels.base import DeliveryResult
from notifications.channels.log import LogChannel
from notifications.channels.registry import PERSON_CHANNELS
from tests.support.app import App
from tests.support.fakes.sms import NUMBERS, SMS, SmsGateway
from tests.support.rows import pending_messages, rows
from tests.support.store_scenario import StoreScenario
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker

SETTINGS = {"SECRET_KEY": "a secret of the tests"}
NUMBER = NUMBERS["manager"]
UNREACHABLE = DeliveryResult.later("unreachable")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PERSON_CHANNELS, SMS.name, SMS)


@pytest.fixture
def gateway() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def scenario(app: App, gateway: RecordingChannel) -> Iterator[StoreScenario]:
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel) | {"sms": gateway}) as worker:
        scenario = StoreScenario(app, worker, channel)
        scenario.give_phones()
        scenario.set_preferences("manager", email="manager@example.com")
        yield scenario


def by_sms(scenario: StoreScenario) -> list[Notification]:
    return [row for row in rows(scenario.app, Notification) if row.channel == "sms"]


def services(scenario: StoreScenario) -> dict[str, str]:
    channels: dict[str, str] = scenario.app.request("GET", "/readyz").json["channels"]
    return channels


def test_the_worker_delivers_over_it_what_it_carries(scenario: StoreScenario, gateway: RecordingChannel) -> None:
    scenario.log(mood=2)
    scenario.let_pass(minutes=30)
    (sent,) = gateway.messages
    assert (sent.recipient.channel, sent.recipient.address) == ("sms", NUMBER)
    assert (sent.kind, sent.title) == ("inform", "Nobody answered")
    (row,) = by_sms(scenario)
    assert (row.kind, row.state, row.device_id) == (NotificationKind.UNANSWERED, NotificationState.ACCEPTED, None)
    assert {"manager", "manager@example.com"} <= set().union(
        *scenario.addresses_by_second(NotificationKind.UNANSWERED).values()
    )
    assert pending_messages(scenario.app) == []


def test_it_has_a_circuit_breaker_of_its_own(scenario: StoreScenario, gateway: RecordingChannel) -> None:
    gateway.result = DeliveryResult.later("unauthenticated", alarm=True)
    scenario.log(mood=2)
    scenario.let_pass(minutes=30)
    assert services(scenario) == {"email": "ok", "log": "ok", "push": "ok", "sms": "degraded"}
    attempts = len(gateway.messages)
    scenario.log(mood=2)
    scenario.let_pass(minutes=30)
    first, second = by_sms(scenario)
    assert (first.state, second.state) == (NotificationState.QUEUED, NotificationState.QUEUED)
    assert len(gateway.messages) > attempts  # probes, one at a time
    mailed = [row for row in rows(scenario.app, Notification) if row.channel == "email"]
    assert [row.state for row in mailed] == [NotificationState.ACCEPTED] * 2
    gateway.result = DeliveryResult.sent()
    scenario.let_pass(minutes=1)
    assert {row.state for row in by_sms(scenario)} == {NotificationState.ACCEPTED}
    scenario.let_pass(seconds=10)  # until the next heartbeat
    assert services(scenario)["sms"] == "ok"


def test_an_address_that_is_gone_is_sent_nothing_more(
    scenario: StoreScenario, gateway: RecordingChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.result = UNREACHABLE
    scenario.log(mood=2)
    scenario.let_pass(minutes=20)
    monkeypatch.delitem(NUMBERS, "manager")
    gateway.result = DeliveryResult.sent()
    scenario.let_pass(minutes=2)
    (row,) = by_sms(scenario)
    assert (row.state, row.failure) == (NotificationState.SUPPRESSED, "address-retired")


def test_what_waits_for_a_channel_that_was_removed_is_let_go(
    scenario: StoreScenario, gateway: RecordingChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.result = UNREACHABLE
    scenario.log(mood=2)
    scenario.let_pass(minutes=20)
    monkeypatch.delitem(PERSON_CHANNELS, "sms")
    with running_worker(scenario.app, for_all_kinds(RecordingChannel()), name="newer") as worker:
        scenario.app.clock.move(minutes=1)
        while worker.work_once():
            pass
    (row,) = by_sms(scenario)
    assert (row.state, pending_messages(scenario.app)) == (NotificationState.SUPPRESSED, [])


def test_it_reads_settings_of_its_own_and_prints_without_them() -> None:
    assert isinstance(connect_channels(Config.from_env(SETTINGS))["sms"], LogChannel)
    connected = connect_channels(Config.from_env(SETTINGS | {"SMS_URL": "https://sms.example.com"}))["sms"]
    assert isinstance(connected, SmsGateway)
    assert connected.url == "https://sms.example.com"
