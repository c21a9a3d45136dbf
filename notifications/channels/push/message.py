"""What a letter looks like as a Firebase message: small, visible only as far as a lock screen may show."""

import json
import unicodedata
from datetime import timedelta

from firebase_admin import messaging

from models.policy_defaults import PUSH_TTL
from notifications.channels.base import BODY_LIMIT, TITLE_LIMIT, AddressKind, Letter, LetterKind, Platform

SHORTEST_TTL = timedelta(seconds=1)

# With these, everything but the address stays under 1 KiB in any script: at most 1,000 octets, on iOS.
TITLE_OCTETS = 160
BODY_OCTETS = 320


def message_for(letter: Letter) -> messaging.Message:
    """Build the message; raise ValueError for an address that is not one of Firebase's.

    Only the part of the phone's own platform is sent, which keeps the whole under 1 KiB.
    """
    message = messaging.Message(data=_data(letter), notification=_shown(letter))
    if letter.address_kind == AddressKind.FID:
        message.fid = letter.address
    elif letter.address_kind == AddressKind.FCM_TOKEN:
        # Set here and not in the constructor, which warns that `token` is deprecated. Phones still hold tokens, and
        # silencing a warning with a filter is either not thread-safe or lost whenever somebody resets the filters.
        message.token = letter.address
    else:
        raise ValueError(f"not an address of Firebase: {letter.address_kind}")
    match letter.platform:
        case Platform.ANDROID:
            message.android = _android(letter)
        case Platform.IOS:
            message.apns = _apns(letter)
        case Platform.WEB:
            message.webpush = _webpush(letter)
    return message


def _data(letter: Letter) -> dict[str, str]:
    ids = {
        "notification_id": letter.notification_id,
        "alert_id": letter.alert_id,
        "concern_id": letter.concern_id,
    }
    return {name: str(value) for name, value in ids.items() if value} | {"type": f"alert.{letter.kind}"}


def _shown(letter: Letter) -> messaging.Notification | None:
    if letter.kind is LetterKind.WITHDRAW:
        return None
    return messaging.Notification(
        title=shortened(letter.title, TITLE_LIMIT, TITLE_OCTETS),
        body=shortened(letter.body, BODY_LIMIT, BODY_OCTETS),
    )


def ttl_of(letter: Letter) -> timedelta:
    """How long the provider may keep trying: until the letter expires, in whole seconds, from 1 s to 10 min."""
    left = min(max(letter.expires_at - letter.sent_at, SHORTEST_TTL), PUSH_TTL)
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


# High priority is for what rings: Android lowers the rank of an app that uses it for what shows nothing.
def _android(letter: Letter) -> messaging.AndroidConfig:
    shown = messaging.AndroidNotification(
        tag=letter.tag,
        channel_id=_android_channel(letter),
        visibility="private",
    )
    # No collapse key: a phone keeps at most four of them, and a fifth alert would push out another one unseen.
    return messaging.AndroidConfig(
        priority="high" if letter.kind is LetterKind.RING else "normal",
        ttl=ttl_of(letter),
        notification=None if letter.kind is LetterKind.WITHDRAW else shown,
    )


def _android_channel(letter: Letter) -> str:
    """The channel of the app whose sound it has; people set the sound of each on their phone."""
    if letter.kind is LetterKind.INFORM:
        return "information"
    return "alerts_severe" if letter.severity == "severe" else "alerts_normal"


def _apns(letter: Letter) -> messaging.APNSConfig:
    expires_at = int((letter.sent_at + ttl_of(letter)).timestamp())
    headers = {"apns-priority": "5", "apns-push-type": "alert", "apns-expiration": str(expires_at)}
    match letter.kind:
        case LetterKind.RING:
            headers |= {"apns-priority": "10", "apns-collapse-id": letter.tag}
            loud = {"interruption-level": "time-sensitive"}
            aps = messaging.Aps(sound="default", thread_id=letter.tag, custom_data=loud)
        case LetterKind.INFORM:
            headers |= {"apns-collapse-id": letter.tag}
            aps = messaging.Aps(sound="default", thread_id=letter.tag)
        case LetterKind.WITHDRAW:
            headers |= {"apns-push-type": "background"}
            aps = messaging.Aps(content_available=True)
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps))


def _webpush(letter: Letter) -> messaging.WebpushConfig:
    urgency = "high" if letter.kind is LetterKind.RING else "normal"
    shown = messaging.WebpushNotification(tag=letter.tag)
    return messaging.WebpushConfig(
        headers={"TTL": str(int(ttl_of(letter).total_seconds())), "Urgency": urgency},
        notification=None if letter.kind is LetterKind.WITHDRAW else shown,
    )
