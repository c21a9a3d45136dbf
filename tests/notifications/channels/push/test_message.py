"""Messages in the form of FCM, for each platform, and their size."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from firebase_admin import messaging
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alerts.notification import NotificationKind
from models.staff.device import AddressKind, Platform
from notifications.channels.base import BODY_LIMIT, TITLE_LIMIT, Message, MessageKind
from notifications.channels.push.channel import PushChannel
from notifications.channels.push.message import TITLE_OCTETS, message_for, shortened, ttl_of
from tests.notifications.channels.conftest import NOON, new_message
from tests.support.fakes.fcm import FcmStandIn

MakeMessage = Callable[..., Message]
ONE_KIBIBYTE = 1024
A_LONG_TOKEN = "d" * 22 + ":APA91b" + "x" * 134


def encoded(message: Message) -> dict[str, Any]:
    return dict(json.loads(str(message_for(message))))


def octets(message: dict[str, Any]) -> int:
    return len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())


SHOWN = sorted(set(MessageKind) - {MessageKind.WITHDRAW})


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("kind", SHOWN)
def test_the_data_says_what_it_is_about_and_where_to_open_it(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, platform: Platform, kind: MessageKind
) -> None:
    about = {"alert_id": None, "recovery_action_id": uuid4(), "follow_up_id": uuid4()}
    one = make_message(platform=platform, kind=kind, notification_kind=NotificationKind.DECISION, **about)
    push.deliver(one)
    assert fcm.messages[0]["data"] == {
        "notification_id": str(one.notification_id),
        "concern_id": str(one.concern_id),
        "recovery_action_id": str(one.recovery_action_id),
        "follow_up_id": str(one.follow_up_id),
        "type": f"alert.{kind}",
        "kind": "decision",
        "severity": "normal",
        "link": one.link,
    }


def test_a_withdrawal_says_which_tag_to_remove(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    one = make_message(kind=MessageKind.WITHDRAW)
    push.deliver(one)
    assert fcm.messages[0]["data"] == {
        "notification_id": str(one.notification_id),
        "alert_id": str(one.alert_id),
        "concern_id": str(one.concern_id),
        "type": "alert.withdraw",
        "kind": "ring",
        "tag": str(one.alert_id),
    }


@pytest.mark.parametrize(("severity", "channel"), [("normal", "alerts_normal"), ("severe", "alerts_severe")])
def test_a_ring_on_android(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, severity: str, channel: str
) -> None:
    ring = make_message(severity=severity)
    push.deliver(ring)
    assert fcm.messages[0]["android"] == {
        "priority": "high",
        "ttl": "120s",
        "notification": {"tag": str(ring.alert_id), "channel_id": channel, "visibility": "PRIVATE"},
    }
    assert not {"apns", "webpush"} & fcm.messages[0].keys()


def test_a_ring_on_ios(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    ring = make_message(platform=Platform.IOS)
    push.deliver(ring)
    assert fcm.messages[0]["apns"] == {
        "headers": {
            "apns-priority": "10",
            "apns-push-type": "alert",
            "apns-collapse-id": str(ring.alert_id),
            "apns-expiration": str(int((NOON + timedelta(minutes=2)).timestamp())),
        },
        "payload": {
            "aps": {
                "sound": "default",
                "thread-id": str(ring.alert_id),
                "interruption-level": "time-sensitive",
            },
        },
    }
    assert not {"android", "webpush"} & fcm.messages[0].keys()


def test_a_ring_on_the_web(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    ring = make_message(platform=Platform.WEB)
    push.deliver(ring)
    assert fcm.messages[0]["webpush"] == {
        "headers": {"TTL": "120", "Urgency": "high"},
        "notification": {"tag": str(ring.alert_id)},
    }


def test_what_informs_is_shown_on_android_without_the_sound_of_an_alert(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    message = make_message(kind=MessageKind.INFORM, severity="severe")
    push.deliver(message)
    assert fcm.messages[0]["notification"] == {"title": message.title, "body": message.body}
    assert fcm.messages[0]["android"] == {
        "priority": "normal",
        "ttl": "120s",
        "notification": {"tag": str(message.alert_id), "channel_id": "information", "visibility": "PRIVATE"},
    }


def test_what_informs_is_shown_on_ios_without_breaking_in(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    message = make_message(kind=MessageKind.INFORM, platform=Platform.IOS)
    push.deliver(message)
    assert fcm.messages[0]["notification"] == {"title": message.title, "body": message.body}
    assert fcm.messages[0]["apns"] == {
        "headers": {
            "apns-priority": "5",
            "apns-push-type": "alert",
            "apns-collapse-id": str(message.alert_id),
            "apns-expiration": str(int((NOON + timedelta(minutes=2)).timestamp())),
        },
        "payload": {"aps": {"sound": "default", "thread-id": str(message.alert_id)}},
    }


def test_what_informs_is_shown_on_the_web_without_urgency(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    message = make_message(kind=MessageKind.INFORM, platform=Platform.WEB)
    push.deliver(message)
    assert fcm.messages[0]["notification"] == {"title": message.title, "body": message.body}
    assert fcm.messages[0]["webpush"] == {
        "headers": {"TTL": "120", "Urgency": "normal"},
        "notification": {"tag": str(message.alert_id)},
    }


@pytest.mark.parametrize("platform", Platform)
def test_an_update_is_shown_in_the_place_of_the_former_without_a_sound(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, platform: Platform
) -> None:
    update = make_message(kind=MessageKind.UPDATE, platform=platform)
    push.deliver(update)
    (message,) = fcm.messages
    assert message["notification"] == {"title": update.title, "body": update.body}
    match platform:
        case Platform.ANDROID:
            assert message["android"]["priority"] == "normal"
            assert (message["android"]["notification"]["tag"], message["android"]["notification"]["channel_id"]) == (
                update.tag,
                "updates",
            )
        case Platform.IOS:
            assert message["apns"]["headers"]["apns-collapse-id"] == update.tag
            assert message["apns"]["payload"]["aps"] == {"thread-id": update.tag, "interruption-level": "passive"}
        case Platform.WEB:
            assert message["webpush"]["notification"] == {"tag": update.tag, "silent": True}


@pytest.mark.parametrize("platform", Platform)
def test_a_message_about_no_alert_stands_alone(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, platform: Platform
) -> None:
    about = {"alert_id": None, "concern_id": None, "link": "/v1/me"}
    alone = make_message(kind=MessageKind.INFORM, platform=platform, **about)
    push.deliver(alone)
    (message,) = fcm.messages
    assert {name for name in message["data"] if name.endswith("_id")} == {"notification_id"}
    assert json.dumps(message).count(str(alone.notification_id)) > 1
    assert "None" not in json.dumps(message)


@pytest.mark.parametrize("platform", Platform)
def test_a_withdrawal_shows_nothing_and_wakes_nobody(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, platform: Platform
) -> None:
    push.deliver(make_message(kind=MessageKind.WITHDRAW, platform=platform))
    message = fcm.messages[0]
    assert "notification" not in message
    if platform is Platform.ANDROID:
        assert message["android"] == {"priority": "normal", "ttl": "120s"}
    elif platform is Platform.IOS:
        assert message["apns"]["headers"]["apns-priority"] == "5"
        assert message["apns"]["headers"]["apns-push-type"] == "background"
        assert message["apns"]["payload"] == {"aps": {"content-available": 1}}
    else:
        assert message["webpush"] == {"headers": {"TTL": "120", "Urgency": "normal"}}


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("kind", MessageKind)
def test_nothing_is_ever_collapsed_away_on_android(platform: Platform, kind: MessageKind) -> None:
    assert "collapse_key" not in json.dumps(encoded(new_message(platform=platform, kind=kind)))


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(hours=1), 600),
        (timedelta(minutes=10), 600),
        (timedelta(seconds=90, milliseconds=900), 90),
        (timedelta(seconds=1), 1),
        (timedelta(milliseconds=1), 1),
        (timedelta(), 1),
        (timedelta(minutes=-5), 1),
    ],
)
def test_the_time_to_live_ends_with_the_message_between_a_second_and_ten_minutes(left: timedelta, seconds: int) -> None:
    ring = new_message(expires_at=NOON + left)
    assert ttl_of(ring) == timedelta(seconds=seconds)
    assert encoded(ring)["android"]["ttl"] == f"{seconds}s"
    ios = encoded(new_message(expires_at=NOON + left, platform=Platform.IOS))
    assert int(ios["apns"]["headers"]["apns-expiration"]) == int(NOON.timestamp()) + seconds


@pytest.mark.parametrize("platform", Platform)
def test_an_ordinary_message_with_its_address_stays_under_a_kibibyte(platform: Platform) -> None:
    ring = new_message(platform=platform, address=A_LONG_TOKEN, title="t" * TITLE_LIMIT, body="b" * BODY_LIMIT)
    assert encoded(ring)["notification"] == {"title": ring.title, "body": ring.body}
    assert octets(encoded(ring)) < ONE_KIBIBYTE


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("character", ["t", "é", "日", "👩", '"', "\\", "\x07"])
def test_a_full_title_and_body_stay_under_a_kibibyte(platform: Platform, character: str) -> None:
    title, body = character * TITLE_LIMIT, character * BODY_LIMIT
    ring = new_message(platform=platform, title=title, body=body, severity="severe", address="x")
    assert octets(encoded(ring)) < ONE_KIBIBYTE


@pytest.mark.parametrize("subject", ["follow_up_id", "recovery_action_id"])
@pytest.mark.parametrize("kind", NotificationKind)
def test_the_longest_of_each_kind_stays_under_a_kibibyte(kind: NotificationKind, subject: str) -> None:
    about = {"alert_id": None, subject: uuid4(), "link": f"/v1/recovery-actions/{uuid4()}", "notification_kind": kind}
    full = {"title": "日" * TITLE_LIMIT, "body": "日" * BODY_LIMIT, "severity": "severe", "address": "x"}
    assert octets(encoded(new_message(platform=Platform.IOS, **about, **full))) < ONE_KIBIBYTE


@settings(deadline=None)
@given(
    title=st.text(st.characters(), max_size=TITLE_LIMIT),
    body=st.text(st.characters(), max_size=BODY_LIMIT),
    platform=st.sampled_from(Platform),
    kind=st.sampled_from(MessageKind),
    severity=st.sampled_from(["normal", "severe"]),
)
def test_the_payload_stays_under_a_kibibyte_in_any_script(
    title: str, body: str, platform: Platform, kind: MessageKind, severity: str
) -> None:
    ring = new_message(title=title, body=body, platform=platform, kind=kind, severity=severity, address="x")
    assert octets(encoded(ring)) < ONE_KIBIBYTE


@settings(deadline=None)
@given(text=st.text(max_size=400), characters=st.integers(1, 120), octets_allowed=st.integers(3, 400))
def test_a_shortened_text_keeps_both_limits_and_can_be_written(text: str, characters: int, octets_allowed: int) -> None:
    short = shortened(text, characters, octets_allowed)
    assert len(short) <= characters
    assert len(json.dumps(short, ensure_ascii=False).encode()) - 2 <= octets_allowed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("table 12", "table 12"),
        ("table\n12\x07", "table 12"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 58 + "   yyy", "x" * 58 + "…"),
        ("\ud800 table", "? table"),
        ("👩‍🍳", "👩‍🍳"),
        ("", ""),
    ],
)
def test_only_what_does_not_fit_is_cut(text: str, shown: str) -> None:
    assert shortened(text, TITLE_LIMIT, TITLE_OCTETS) == shown


def test_an_ordinary_title_in_japanese_is_not_cut() -> None:
    title = "ご不満のお客様、12番テーブル、お待たせしすぎ、至急お願いします"
    assert shortened(title, TITLE_LIMIT, TITLE_OCTETS) == title


def test_an_address_of_firebase_goes_where_its_kind_says() -> None:
    assert encoded(new_message(address_kind=AddressKind.FID, address="i"))["fid"] == "i"
    assert encoded(new_message(address_kind=AddressKind.FCM_TOKEN, address="t"))["token"] == "t"
    assert isinstance(message_for(new_message()), messaging.Message)
