"""Workers that are killed, and a push service that is away: nobody goes untold. `make chaos` is the long version."""

import random
from datetime import timedelta
from pathlib import Path

from models.device import AddressKind
from models.notification import NotificationState
from notifications.channels.push import Push
from tests import fcm_answers
from tests.databases import only_on_postgresql, only_on_sqlite
from tests.factories import Shop, give_phone
from tests.fcm import FcmStandIn
from tests.ordeals.killed_workers import undergo
from tests.telling import log_concern, move, notifications, over, queued, work, worker_of
from tests.world import World


@only_on_postgresql
def test_thirty_kills_over_five_hundred_notifications_lose_none(world: World, tmp_path: Path) -> None:
    withstand(world, tmp_path, kills=30, notifications=500)


@only_on_sqlite
def test_a_few_kills_on_the_embedded_database_lose_none_either(world: World, tmp_path: Path) -> None:
    withstand(world, tmp_path, kills=4, notifications=60)


def withstand(world: World, folder: Path, *, kills: int, notifications: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = undergo(world.url, folder, kills=kills, notifications=notifications, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.lost == 0
    # However slow the machine: only what was in hand at a kill can be sent a second time.
    assert figures.duplicates <= figures.in_hand


def test_two_minutes_without_the_push_service_lose_nothing(world: World, shop: Shop, tmp_path: Path) -> None:
    for number in range(3):
        give_phone(world.back_office, shop, "manager", f"phone-{number}", kind=AddressKind.FCM_TOKEN)
    with FcmStandIn(tmp_path) as fcm:
        push = Push.from_credentials(fcm.credentials, fcm.url)
        with worker_of(world, over(push)) as worker:
            fcm.answer = fcm_answers.unavailable()
            for second in range(0, 120, 10):
                if second % 20 == 0:
                    log_concern(world, shop)
                work(worker)
                world.clock.move(seconds=10)
            assert fcm.accepted == []
            refused = len(fcm.posts)
            assert 18 <= refused <= 18 * 9  # six concerns on three phones, each at a growing pause
            assert {row.state for row in notifications(world)} == {NotificationState.QUEUED}
            fcm.answer = fcm_answers.ok()
            world.clock.move(seconds=30)  # the longest pause
            work(worker)
        told = [post.notification_id for post in fcm.accepted]
    assert sorted(told) == sorted(str(row.id) for row in notifications(world))
    assert {row.state for row in notifications(world)} == {NotificationState.ACCEPTED}
    assert queued(world) == []


def test_requests_go_on_while_the_push_service_hangs(world: World, shop: Shop, tmp_path: Path) -> None:
    """Nothing is locked while a letter is out: these requests are answered before the push service says a word."""
    give_phone(world.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    with FcmStandIn(tmp_path) as fcm:
        push = Push.from_credentials(fcm.credentials, fcm.url)
        with worker_of(world, over(push), patience=0.01) as worker:
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
