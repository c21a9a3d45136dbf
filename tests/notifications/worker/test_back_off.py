"""Back-off: the pauses between attempts to send."""

from datetime import timedelta

from models.policy_defaults import PUSH_TTL
from notifications.channels.base import DeliveryResult
from notifications.worker.delivery import LAST_TRY_BEFORE, MAX_BACK_OFF, back_off
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import pending_messages
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

A_MINUTE = timedelta(minutes=1)


def test_pauses_double_up_to_half_a_minute_and_never_come_in_step() -> None:
    for tries, most in enumerate((1, 2, 4, 8, 16, 30, 30)):
        pauses = {back_off(tries) for _ in range(50)}
        assert len(pauses) > 40
        assert all(timedelta(seconds=most / 2) <= pause <= timedelta(seconds=most) for pause in pauses)
    assert back_off(10_000) <= MAX_BACK_OFF


def test_the_last_try_comes_a_moment_before_it_is_too_late(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    channel = RecordingChannel()
    channel.result = DeliveryResult.later("third-party-auth")  # which opens no circuit
    log_concern(app, shop)
    ends_at = app.clock() + PUSH_TTL
    with running_worker(app, for_all_kinds(channel)) as worker:
        while work_until_idle(worker) or pending_messages(app):
            app.clock.move(seconds=0.5 if ends_at - app.clock() < A_MINUTE else 5)
    assert ends_at - LAST_TRY_BEFORE <= channel.messages[-1].sent_at < ends_at
