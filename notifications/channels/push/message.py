"""Firebase messages: built from ours, below 1 KiB, with nothing that a lock screen may not show."""

import json
import unicodedata
from datetime import timedelta

from firebase_admin import messaging

from models.policy_defaults import PUSH_TTL
from models.staff.device import AddressKind, Platform
from notifications.channels.base import BODY_LIMIT, TITLE_LIMIT, Message, MessageKind

SHORTEST_TTL = timedelta(seconds=1)

# With these, everything but the address stays under 1 KiB in any script: at most 1,000 octets, on iOS.
TITLE_OCTETS = 160
BODY_OCTETS = 210


def message_for(message: Message) -> messaging.Message:
    """Build the Firebase message. It contains the part for the device's platform only, which keeps it under 1 KiB.

    Raises:
        ValueError: the address is not one of Firebase's.

    """
    fcm_message = messaging.Message(data=_data(message), notification=_visible_part(message))
    if message.recipient.address_kind == AddressKind.FID:
        fcm_message.fid = message.recipient.address
    elif message.recipient.address_kind == AddressKind.FCM_TOKEN:
        # Set here and not in the constructor, which warns that `token` is deprecated. Phones still hold tokens, and
        # silencing a warning with a filter is either not thread-safe or lost whenever somebody resets the filters.
        fcm_message.token = message.recipient.address
    else:
        raise ValueError(f"not an address of Firebase: {message.recipient.address_kind}")
    match message.recipient.platform:
        case Platform.ANDROID:
            fcm_message.android = _android(message)
        case Platform.IOS:
            fcm_message.apns = _apns(message)
        case Platform.WEB:
            fcm_message.webpush = _webpush(message)
    return fcm_message


def _data(message: Message) -> dict[str, str]:
    ids = {
        "notification_id": message.notification_id,
        "alert_id": message.alert_id,
        "concern_id": message.concern_id,
        "recovery_action_id": message.recovery_action_id,
        "follow_up_id": message.follow_up_id,
    }
    data = {name: str(value) for name, value in ids.items() if value}
    data |= {"type": f"alert.{message.kind}", "kind": message.notification_kind.value}
    if message.kind is MessageKind.WITHDRAW:
        return data | {"tag": message.tag}
    return data | {"severity": message.severity, "link": message.link}


def _visible_part(message: Message) -> messaging.Notification | None:
    if message.kind is MessageKind.WITHDRAW:
        return None
    return messaging.Notification(
        title=shortened(message.title, TITLE_LIMIT, TITLE_OCTETS),
        body=shortened(message.body, BODY_LIMIT, BODY_OCTETS),
    )


def ttl_of(message: Message) -> timedelta:
    """Return how long the provider may keep trying: until the message expires, in whole seconds, from 1 s to 10 min."""
    ttl = min(max(message.expires_at - message.sent_at, SHORTEST_TTL), PUSH_TTL)
    return timedelta(seconds=int(ttl.total_seconds()))


def shortened(text: str, characters: int, octets: int) -> str:
    """Return the text without control characters, cut to both limits with an ellipsis. Octets are counted in JSON."""
    # A lone surrogate cannot be written as UTF-8, and the provider would refuse the whole message.
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


# High priority is for rings only: Android lowers the rank of an app that uses it for messages that show nothing.
def _android(message: Message) -> messaging.AndroidConfig:
    shown = messaging.AndroidNotification(
        tag=message.tag,
        channel_id=_android_channel(message),
        visibility="private",
    )
    # No collapse key: a phone keeps at most four of them, and a fifth alert would push out another one unseen.
    return messaging.AndroidConfig(
        priority="high" if message.kind is MessageKind.RING else "normal",
        ttl=ttl_of(message),
        notification=None if message.kind is MessageKind.WITHDRAW else shown,
    )


def _android_channel(message: Message) -> str:
    """Return the notification channel of the app; people set the sound of each on their phone."""
    if message.kind is MessageKind.UPDATE:
        return "updates"
    if message.kind is MessageKind.INFORM:
        return "information"
    return "alerts_severe" if message.severity == "severe" else "alerts_normal"


def _apns(message: Message) -> messaging.APNSConfig:
    expires_at = int((message.sent_at + ttl_of(message)).timestamp())
    headers = {"apns-priority": "5", "apns-push-type": "alert", "apns-expiration": str(expires_at)}
    match message.kind:
        case MessageKind.RING:
            headers |= {"apns-priority": "10", "apns-collapse-id": message.tag}
            loud = {"interruption-level": "time-sensitive"}
            aps = messaging.Aps(sound="default", thread_id=message.tag, custom_data=loud)
        case MessageKind.INFORM:
            headers |= {"apns-collapse-id": message.tag}
            aps = messaging.Aps(sound="default", thread_id=message.tag)
        case MessageKind.UPDATE:
            headers |= {"apns-collapse-id": message.tag}
            aps = messaging.Aps(thread_id=message.tag, custom_data={"interruption-level": "passive"})
        case MessageKind.WITHDRAW:
            headers |= {"apns-push-type": "background"}
            aps = messaging.Aps(content_available=True)
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps))


def _webpush(message: Message) -> messaging.WebpushConfig:
    urgency = "high" if message.kind is MessageKind.RING else "normal"
    silent = True if message.kind is MessageKind.UPDATE else None
    shown = messaging.WebpushNotification(tag=message.tag, silent=silent)
    return messaging.WebpushConfig(
        headers={"TTL": str(int(ttl_of(message).total_seconds())), "Urgency": urgency},
        notification=None if message.kind is MessageKind.WITHDRAW else shown,
    )
