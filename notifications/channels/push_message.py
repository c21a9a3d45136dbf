"""What a letter looks like as a Firebase message: small, visible only as far as a lock screen may show."""

import json
import unicodedata
from datetime import timedelta

from firebase_admin import messaging

from notifications.channels import BODY_LIMIT, TITLE_LIMIT, AddressKind, Letter, LetterKind, Platform

SHORTEST_TTL = timedelta(seconds=1)
LONGEST_TTL = timedelta(minutes=10)

# With these, everything but the address stays under 1 KiB in any script: at most 1,000 octets, on iOS.
TITLE_OCTETS = 160
BODY_OCTETS = 320


def message_for(letter: Letter) -> messaging.Message:
    """Build the message; raise ValueError for an address that is not one of Firebase's.

    Only the part of the phone's own platform is sent, which keeps the whole under 1 KiB.
    """
    ring = letter.kind == LetterKind.RING
    message = messaging.Message(
        data={
            "notification_id": str(letter.notification_id),
            "alert_id": str(letter.alert_id),
            "concern_id": str(letter.concern_id),
            "type": f"alert.{letter.kind}",
        },
        notification=messaging.Notification(
            title=shortened(letter.title, TITLE_LIMIT, TITLE_OCTETS),
            body=shortened(letter.body, BODY_LIMIT, BODY_OCTETS),
        )
        if ring
        else None,
    )
    if letter.address_kind == AddressKind.FID:
        message.fid = letter.address
    elif letter.address_kind == AddressKind.FCM_TOKEN:
        # Set here and not in the constructor, which warns that `token` is deprecated. Phones still hold tokens, and
        # silencing a warning with a filter is either not thread-safe or lost whenever somebody resets the filters.
        message.token = letter.address
    else:
        raise ValueError(f"not an address of Firebase: {letter.address_kind}")
    if letter.platform == Platform.ANDROID:
        message.android = _android_ring(letter) if ring else _android_withdraw(letter)
    elif letter.platform == Platform.IOS:
        message.apns = _apns_ring(letter) if ring else _apns_withdraw(letter)
    else:
        message.webpush = _webpush(letter, ring=ring)
    return message


def ttl_of(letter: Letter) -> timedelta:
    """How long the provider may keep trying: until the letter expires, in whole seconds, from 1 s to 10 min."""
    left = min(max(letter.expires_at - letter.sent_at, SHORTEST_TTL), LONGEST_TTL)
    return timedelta(seconds=int(left.total_seconds()))


def shortened(text: str, characters: int, octets: int) -> str:
    """Drop control characters and cut to both limits, with an ellipsis; octets as counted in JSON."""
    # A lone surrogate cannot be written as UTF-8, and the provider would turn the whole message down.
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text).strip()
    if len(text) <= characters and _octets(text) <= octets:
        return text
    text = text[: characters - 1]
    while _octets(text) + len("…".encode()) > octets:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _octets(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')


def _android_ring(letter: Letter) -> messaging.AndroidConfig:
    # No collapse key: a phone keeps at most four of them, and a fifth alert would push out another one unseen.
    return messaging.AndroidConfig(
        priority="high",
        ttl=ttl_of(letter),
        notification=messaging.AndroidNotification(
            tag=str(letter.alert_id),
            channel_id="alerts_severe" if letter.severity == "severe" else "alerts_normal",
            visibility="private",
        ),
    )


def _android_withdraw(letter: Letter) -> messaging.AndroidConfig:
    # High priority is for what is shown: Android lowers the rank of an app that uses it for anything else.
    return messaging.AndroidConfig(priority="normal", ttl=ttl_of(letter))


def _apns_expiration(letter: Letter) -> str:
    return str(int((letter.sent_at + ttl_of(letter)).timestamp()))


def _apns_ring(letter: Letter) -> messaging.APNSConfig:
    return messaging.APNSConfig(
        headers={
            "apns-priority": "10",
            "apns-push-type": "alert",
            "apns-collapse-id": str(letter.alert_id),
            "apns-expiration": _apns_expiration(letter),
        },
        payload=messaging.APNSPayload(
            messaging.Aps(
                sound="default",
                thread_id=str(letter.alert_id),
                custom_data={"interruption-level": "time-sensitive"},
            ),
        ),
    )


def _apns_withdraw(letter: Letter) -> messaging.APNSConfig:
    return messaging.APNSConfig(
        headers={
            "apns-priority": "5",
            "apns-push-type": "background",
            "apns-expiration": _apns_expiration(letter),
        },
        payload=messaging.APNSPayload(messaging.Aps(content_available=True)),
    )


def _webpush(letter: Letter, *, ring: bool) -> messaging.WebpushConfig:
    return messaging.WebpushConfig(
        headers={"TTL": str(int(ttl_of(letter).total_seconds())), "Urgency": "high" if ring else "normal"},
        notification=messaging.WebpushNotification(tag=str(letter.alert_id)) if ring else None,
    )
