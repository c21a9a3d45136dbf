"""Delivery: from a result to the state of the rows, and which messages are no longer sent."""

from datetime import timedelta

import pytest

from models.alerts.notification import NotificationKind, NotificationState
from models.staff.device import AddressKind, Device, Platform
from notifications.channels.base import DeliveryResult, Message, Recipient
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone, sign_in_anew
from tests.support.rows import notification_of_device, notifications, only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

# Rules of ours, the same on both databases; what PostgreSQL makes of locks and races is tried in test_worker.py.
pytestmark = only_on_sqlite


@pytest.fixture
def channel() -> RecordingChannel:
    return RecordingChannel()


def round_of(app: App, channel: RecordingChannel) -> None:
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)


def register(app: App, shop: Shop, login: str, address: str, installation: str) -> None:
    sign_in_anew(app.back_office, shop, login, at=app.clock())
    body = {"platform": "android", "address": address, "address_kind": "fcm_token"}
    answer = app.request("PUT", f"/v1/me/devices/{installation}", (shop, login), json=body)
    assert answer.status_code == 200, answer.text


def test_sent_is_accepted_under_the_providers_id(app: App, shop: Shop, channel: RecordingChannel, phone: str) -> None:
    log_concern(app, shop, place="table-12", category="waiting-time")
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.accepted_at) == (NotificationState.ACCEPTED, app.clock())
    assert notification.provider_id == "a provider's id"
    assert pending_messages(app) == []
    (message,) = channel.messages
    assert message == Message(
        notification_id=notification.id,
        alert_id=only_alert(app).id,
        concern_id=only_alert(app).concern_id,
        kind=message.kind,
        notification_kind=NotificationKind.RING,
        tag=str(only_alert(app).id),
        link=f"/v1/concerns/{only_alert(app).concern_id}",
        recipient=Recipient(
            channel="device", address=phone, address_kind=AddressKind.FCM_TOKEN, platform=Platform.ANDROID
        ),
        title="Unhappy customer, table 12",
        body="Waiting time",
        severity="normal",
        sent_at=app.clock(),
        expires_at=app.clock() + timedelta(minutes=10),
    )


def test_each_phone_gets_its_own_language(app: App, shop: Shop, channel: RecordingChannel) -> None:
    for locale in ("pt-BR", "es", "tlh", None):
        body = {"platform": "ios", "address": f"phone in {locale}", "address_kind": "fid", "locale": locale}
        sign_in_anew(app.back_office, shop, "manager", at=app.clock())
        app.request("PUT", f"/v1/me/devices/{locale}", (shop, "manager"), json=body)
    log_concern(app, shop, mood=1)
    round_of(app, channel)
    assert {message.recipient.address: (message.title, message.body) for message in channel.messages} == {
        "phone in pt-BR": ("Cliente muito insatisfeito", "Abra para ver do que se trata"),
        "phone in es": ("Cliente muy descontento", "Abra para ver de qué se trata"),
        "phone in tlh": ("Very unhappy customer", "Open to see what it is about"),
        "phone in None": ("Very unhappy customer", "Open to see what it is about"),
    }


def test_later_is_tried_again_by_our_own_pause(app: App, shop: Shop, channel: RecordingChannel, phone: str) -> None:
    channel.next.append(DeliveryResult.later("unavailable"))
    log_concern(app, shop)
    round_of(app, channel)
    (task,) = pending_messages(app)
    assert (task.attempts, task.failures, task.lease_id, task.last_error) == (1, 0, None, "unavailable")
    assert timedelta(0) < task.due_at - app.clock() <= timedelta(seconds=1)
    assert notifications(app)[0].state is NotificationState.QUEUED
    assert only_alert(app).summary == "the push service does not answer: walk over"
    app.clock.move(seconds=1)
    round_of(app, channel)
    assert [message.notification_id for message in channel.messages] == [notifications(app)[0].id] * 2
    assert notifications(app)[0].state is NotificationState.ACCEPTED


def test_the_providers_own_pause_is_respected(app: App, shop: Shop, channel: RecordingChannel, phone: str) -> None:
    channel.next.append(DeliveryResult.later("quota-exceeded", retry_after=timedelta(minutes=2)))
    log_concern(app, shop)
    round_of(app, channel)
    app.clock.move(seconds=119)
    round_of(app, channel)
    assert len(channel.messages) == 1
    app.clock.move(seconds=1)
    round_of(app, channel)
    assert len(channel.messages) == 2


def test_later_ends_when_the_message_is_of_no_use_any_more(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.result = DeliveryResult.later("unavailable")
    log_concern(app, shop)
    started = app.clock()
    with running_worker(app, for_all_kinds(channel)) as worker:
        while work_until_idle(worker) or pending_messages(app):
            app.clock.move(seconds=5)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.EXPIRED, "unavailable")
    assert only_alert(app).summary == "no phone reached: walk over"
    assert channel.messages[-1].sent_at >= started + timedelta(minutes=9)
    assert 20 <= len(channel.messages) <= 50  # pauses of half a minute at most, over ten minutes


def test_a_pause_beyond_the_time_to_live_ends_it_at_once(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.next.append(DeliveryResult.later("quota-exceeded", retry_after=timedelta(minutes=10)))
    log_concern(app, shop)
    round_of(app, channel)
    assert (notifications(app)[0].state, pending_messages(app)) == (NotificationState.EXPIRED, [])


def test_gone_retires_the_address_and_fails_the_notification(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    second = give_phone(app.back_office, shop, "manager", "phone-2")
    channel.answers[phone] = DeliveryResult.gone("unregistered")
    log_concern(app, shop)
    round_of(app, channel)
    dead = next(device for device in rows(app, Device) if device.id != second)
    assert (dead.address, dead.retired_at, dead.retired_reason) == (None, app.clock(), "unregistered")
    assert (notification_of_device(app, dead.id).state, notification_of_device(app, dead.id).failure) == (
        NotificationState.FAILED,
        "unregistered",
    )
    assert notification_of_device(app, second).state is NotificationState.ACCEPTED
    assert only_alert(app).summary == "sent to 1 phone, none has it yet"


def test_gone_leaves_an_address_alone_that_the_phone_has_registered_since(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.next.append(DeliveryResult.gone("unregistered"))
    channel.meanwhile = lambda _: register(app, shop, "manager", "phone-1, renewed", "installation-phone-1")
    log_concern(app, shop)
    round_of(app, channel)
    (device,) = rows(app, Device)
    assert (device.address, device.retired_at) == ("phone-1, renewed", None)


def test_refused_is_never_tried_again(app: App, shop: Shop, channel: RecordingChannel, phone: str) -> None:
    channel.next.append(DeliveryResult.refused("invalid-argument"))
    log_concern(app, shop)
    round_of(app, channel)
    app.clock.move(minutes=5)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.FAILED, "invalid-argument")
    assert (len(channel.messages), pending_messages(app), rows(app, Device)[0].address) == (1, [], phone)


def test_who_went_off_shift_before_the_send_is_not_rung(app: App, shop: Shop, channel: RecordingChannel) -> None:
    give_phone(app.back_office, shop, "floor", "phone-1")
    channel.next.append(DeliveryResult.later("unavailable"))
    log_concern(app, shop, "manager")
    round_of(app, channel)
    assert app.request("DELETE", "/v1/me/shift", (shop, "floor")).status_code == 204
    app.clock.move(seconds=2)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "off-shift")
    assert (len(channel.messages), pending_messages(app)) == (1, [])


def test_a_phone_that_changed_its_owner_before_the_send_is_not_rung(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.next.append(DeliveryResult.later("unavailable"))
    log_concern(app, shop)
    round_of(app, channel)
    register(app, shop, "floor", phone, "installation-phone-1")
    app.clock.move(seconds=2)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "phone-retired")
    assert len(channel.messages) == 1


def test_a_phone_that_was_forgotten_before_the_send_is_not_rung(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.next.append(DeliveryResult.later("unavailable"))
    log_concern(app, shop)
    round_of(app, channel)
    assert app.request("DELETE", "/v1/me/devices/installation-phone-1", (shop, "manager")).status_code == 204
    app.clock.move(seconds=2)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "address-retired")
    assert len(channel.messages) == 1


def test_a_take_before_the_send_suppresses_it(app: App, shop: Shop, channel: RecordingChannel, phone: str) -> None:
    channel.next.append(DeliveryResult.later("unavailable"))
    concern = log_concern(app, shop)
    round_of(app, channel)
    move(app, shop, concern, "take", "floor")
    app.clock.move(seconds=2)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.failure) == (NotificationState.SUPPRESSED, "answered")
    assert channel.seen() == [("ring", phone)]  # and nothing to withdraw: it never got through


def test_a_push_that_overtook_the_take_is_withdrawn(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    concern = log_concern(app, shop)

    def take(message: Message) -> None:
        if message.kind == "ring":
            move(app, shop, concern, "take", "floor")
            with running_worker(app, for_all_kinds(RecordingChannel()), name="another") as another:
                assert another.work_once() == 1  # looks for withdrawals, and finds nobody's phone showing anything yet

    channel.meanwhile = take
    round_of(app, channel)
    assert channel.seen() == [("ring", phone), ("withdraw", phone)]
    (notification,) = notifications(app)
    assert (notification.state, notification.withdrawn_at) == (NotificationState.ACCEPTED, app.clock())
    assert pending_messages(app) == []


def test_an_attempt_whose_end_nobody_knows_is_withdrawn_after_a_take(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    channel.next.append(DeliveryResult.later("timed-out", unsure=True))
    concern = log_concern(app, shop)
    round_of(app, channel)
    assert notifications(app)[0].state is NotificationState.LEASED
    move(app, shop, concern, "take", "floor")
    app.clock.move(seconds=2)
    round_of(app, channel)
    assert channel.seen() == [("ring", phone), ("withdraw", phone)]
    assert notifications(app)[0].state is NotificationState.SUPPRESSED


def test_a_removal_that_fails_is_tried_for_ten_minutes_and_spoils_nothing(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    concern = log_concern(app, shop)
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        channel.result = DeliveryResult.later("unavailable")
        move(app, shop, concern, "take", "floor")
        while work_until_idle(worker) or pending_messages(app):
            app.clock.move(seconds=30)
    (notification,) = notifications(app)
    assert (notification.state, notification.withdrawn_at) == (NotificationState.ACCEPTED, None)
    assert 10 < len(channel.messages) < 60


def test_a_receipt_that_was_faster_than_the_answer_is_not_set_back(
    app: App, shop: Shop, channel: RecordingChannel, phone: str
) -> None:
    def open_it(message: Message) -> None:
        receipt = {"notification_id": str(message.notification_id), "event": "opened", "at": "2026-03-03T12:00:00Z"}
        app.request("POST", "/v1/notifications/receipts", (shop, "manager"), json={"receipts": [receipt]})

    channel.meanwhile = open_it
    log_concern(app, shop)
    round_of(app, channel)
    (notification,) = notifications(app)
    assert (notification.state, notification.accepted_at) == (NotificationState.OPENED, app.clock())
    assert only_alert(app).summary == "on 1 phone, opened by Manager of acme"
