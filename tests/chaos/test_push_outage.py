"""A push service that is away: nobody is forgotten. `make chaos-fcm` is the long version."""

from datetime import timedelta
from pathlib import Path

import pytest

from models.staff.device import AddressKind
from notifications.channels.push.channel import PushChannel
from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.push_outage import MODES, undergo
from tests.support.app import World
from tests.support.factories import Shop, give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.worker import log_concern, move, notifications, over, work, worker_of


@pytest.mark.parametrize("mode", MODES)
def test_ten_minutes_without_the_push_service_lose_nothing(world: World, tmp_path: Path, mode: str) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = undergo(world, tmp_path, mode=mode, step=timedelta(minutes=1), seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert {"accepted", "expired"} == set(figures.states)
    assert figures.posts > 0


def test_requests_go_on_while_the_push_service_hangs(world: World, shop: Shop, tmp_path: Path) -> None:
    """Nothing is locked while a letter is out: these requests are answered before the push service says a word."""
    give_phone(world.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    with FcmStandIn(tmp_path) as fcm:
        push = PushChannel.from_credentials(fcm.credentials, fcm.url)
        with worker_of(world, over(push), max_wait=0.01) as worker:
            fcm.queue(fcm_answers.hang())
            concern = log_concern(world, shop)
            work(worker)
            fcm.wait_for(1)
            move(world, shop, concern, "take")
            move(world, shop, concern, "resolve")
            log_concern(world, shop)
            receipts = {
                "receipts": [
                    {
                        "notification_id": str(notifications(world)[0].id),
                        "event": "shown",
                        "at": (world.clock() + timedelta(seconds=1)).isoformat(),
                    }
                ]
            }
            answer = world.request("POST", "/v1/notifications/receipts", (shop, "manager"), json=receipts)
            assert answer.json == {"recorded": 1, "unknown": []}
            assert len(fcm.posts) == 1
            fcm.release()
