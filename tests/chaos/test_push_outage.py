"""A push service that is away loses no alert. `make chaos-fcm` is the long version."""

from datetime import timedelta
from pathlib import Path

import pytest

from models.staff.device import AddressKind
from notifications.channels.push.channel import PushChannel
from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.push_outage import MODES, run_chaos
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.rows import notifications
from tests.support.worker import for_all_kinds, running_worker, work_until_idle


@pytest.mark.parametrize("mode", MODES)
def test_ten_minutes_without_the_push_service_lose_nothing(app: App, tmp_path: Path, mode: str) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = run_chaos(app, tmp_path, mode=mode, step=timedelta(minutes=1), seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert {"accepted", "expired"} == set(figures.states)
    assert figures.posts > 0


def test_requests_go_on_while_the_push_service_hangs(app: App, shop: Shop, tmp_path: Path) -> None:
    """Nothing is locked during a send: these requests are answered before the push service answers."""
    give_phone(app.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    with FcmStandIn(tmp_path) as fcm:
        push = PushChannel.from_credentials(fcm.credentials, fcm.url)
        with running_worker(app, for_all_kinds(push), max_wait=0.01) as worker:
            fcm.queue(fcm_answers.hang())
            concern = log_concern(app, shop)
            work_until_idle(worker)
            fcm.wait_for(1)
            move(app, shop, concern, "take")
            move(app, shop, concern, "resolve")
            log_concern(app, shop)
            receipts = {
                "receipts": [
                    {
                        "notification_id": str(notifications(app)[0].id),
                        "event": "shown",
                        "at": (app.clock() + timedelta(seconds=1)).isoformat(),
                    }
                ]
            }
            answer = app.request("POST", "/v1/notifications/receipts", (shop, "manager"), json=receipts)
            assert answer.json == {"recorded": 1, "unknown": []}
            assert len(fcm.posts) == 1
            fcm.release()
