"""A stand-in for Firebase, and the real push channel that reaches it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifications.channels.push.channel import PushChannel
from tests.support.fakes.fcm import FcmStandIn


@pytest.fixture
def fcm(tmp_path: Path) -> Iterator[FcmStandIn]:
    with FcmStandIn(tmp_path) as stand_in:
        yield stand_in


@pytest.fixture
def push(fcm: FcmStandIn) -> Iterator[PushChannel]:
    channel = PushChannel.from_credentials(fcm.credentials, fcm.url)
    yield channel
    channel.close()
