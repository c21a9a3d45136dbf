"""A message to deliver."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from notifications.channels.base import AddressKind, Message, MessageKind, Platform

NOON = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


def new_message(**changes: Any) -> Message:
    """Give a ring for an Android phone that is worth two minutes, with changes."""
    values: dict[str, Any] = {
        "notification_id": uuid4(),
        "alert_id": uuid4(),
        "concern_id": uuid4(),
        "kind": MessageKind.RING,
        "address": "phone-1",
        "address_kind": AddressKind.FCM_TOKEN,
        "platform": Platform.ANDROID,
        "title": "Unhappy customer, table 12",
        "body": "waiting time",
        "severity": "normal",
        "sent_at": NOON,
        "expires_at": NOON + timedelta(minutes=2),
    }
    return Message(**(values | changes))


@pytest.fixture
def make_message() -> Callable[..., Message]:
    return new_message
