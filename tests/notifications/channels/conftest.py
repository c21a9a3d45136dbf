"""A message to deliver."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from models.alerts.notification import DEVICE_CHANNEL, NotificationKind
from models.staff.device import AddressKind, Platform
from notifications.channels.base import Message, MessageKind, Recipient

NOON = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


def new_message(**changes: Any) -> Message:
    """Return a ring for an Android phone that expires after two minutes, with changes to message and recipient."""
    recipient: dict[str, Any] = {"channel": changes.pop("channel", DEVICE_CHANNEL), "address": "phone-1"}
    if recipient["channel"] == DEVICE_CHANNEL:
        recipient |= {"address_kind": AddressKind.FCM_TOKEN, "platform": Platform.ANDROID}
    recipient |= {name: changes.pop(name) for name in ("address", "address_kind", "platform") if name in changes}
    values: dict[str, Any] = {
        "recipient": Recipient(**recipient),
        "notification_id": uuid4(),
        "alert_id": uuid4(),
        "concern_id": uuid4(),
        "kind": MessageKind.RING,
        "notification_kind": NotificationKind.RING,
        "title": "Unhappy customer, table 12",
        "body": "waiting time",
        "severity": "normal",
        "sent_at": NOON,
        "expires_at": NOON + timedelta(minutes=2),
    }
    values |= changes
    about = values["alert_id"] or values["notification_id"]
    return Message(**({"tag": str(about), "link": f"/v1/concerns/{values['concern_id']}"} | values))


@pytest.fixture
def make_message() -> Callable[..., Message]:
    return new_message
