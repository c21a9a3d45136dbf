"""The heartbeat of the worker, and how /readyz reads it."""

from datetime import timedelta

from models.db.session import ALL_TENANTS
from models.outbox.heartbeat import HEARTBEAT_TTL, Heartbeat
from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult
from notifications.channels.push.channel import PushChannel
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def well(app: App) -> dict[str, str]:
    answer = app.request("GET", "/readyz")
    assert answer.status_code == 200
    states: dict[str, str] = answer.json
    return {name: states[name] for name in ("worker", "escalation", "push")}


def test_readyz_reports_the_state_of_the_worker(app: App, shop: Shop, fcm: FcmStandIn, phone: str) -> None:
    with running_worker(app, for_all_kinds(PushChannel.from_credentials(fcm.credentials, fcm.url))) as worker:
        assert well(app) == {"worker": "degraded", "escalation": "degraded", "push": "degraded"}
        worker.work_once()
        assert well(app) == {"worker": "ok", "escalation": "ok", "push": "ok"}
        fcm.answer = fcm_answers.unavailable()
        log_concern(app, shop)
        for _ in range(3):
            work_until_idle(worker)
            app.clock.move(seconds=10)
        worker.work_once()
        assert well(app) == {"worker": "ok", "escalation": "ok", "push": "degraded"}
        fcm.answer = fcm_answers.ok()
        app.clock.move(seconds=30)
        work_until_idle(worker)
        app.clock.move(seconds=5)
        worker.work_once()
        assert well(app) == {"worker": "ok", "escalation": "ok", "push": "ok"}
        app.clock.move(seconds=31)
        assert well(app)["worker"] == "degraded"


def test_a_terminal_that_prints_says_nothing_about_pushes(app: App, shop: Shop, phone: str) -> None:
    give_phone(app.back_office, shop, "floor", "terminal", kind=AddressKind.LOG)
    refused, terminal = RecordingChannel(), RecordingChannel()
    refused.result = DeliveryResult.later("permission-denied", alarm=True, retry_after=timedelta(minutes=1))
    with running_worker(app, {**for_all_kinds(refused), AddressKind.LOG: terminal}) as worker:
        for login in ("floor", "manager"):
            log_concern(app, shop, login)
            work_until_idle(worker)
        assert (len(refused.messages), len(terminal.messages)) == (1, 1)
        app.clock.move(seconds=5)
        worker.work_once()
        assert well(app)["push"] == "degraded"


def test_a_worker_that_ends_in_good_order_leaves_no_sign_of_life_and_old_ones_are_forgotten(app: App) -> None:
    with app.back_office.writing(ALL_TENANTS) as session:
        session.add(Heartbeat(worker="long gone", at=app.clock() - HEARTBEAT_TTL - timedelta(seconds=1)))
        session.add(Heartbeat(worker="killed today", at=app.clock() - timedelta(minutes=5)))
    with running_worker(app, for_all_kinds(RecordingChannel()), name="mine") as worker:
        worker.work_once()
        assert beats(app) == {"killed today", "mine"}
        app.clock.move(minutes=1)
        worker.work_once()
        assert beats(app) == {"killed today", "mine"}
    assert beats(app) == {"killed today"}


def test_a_machine_that_slept_for_a_day_goes_on_where_it_was(app: App, shop: Shop, phone: str) -> None:
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        worker.work_once()
        app.clock.move(days=1)
        log_concern(app, shop)
        work_until_idle(worker)
        assert (len(channel.messages), beats(app)) == (1, {"worker"})


def beats(app: App) -> set[str]:
    with app.back_office.reading(ALL_TENANTS) as session:
        return {beat.worker for beat in session.query(Heartbeat)}
