"""The pauses between attempts."""

from datetime import timedelta

from models.policy_defaults import PUSH_TTL
from notifications.channels.base import DeliveryResult
from notifications.worker.delivery import LAST_TRY_BEFORE, MAX_BACK_OFF, back_off
from tests.support.app import World
from tests.support.factories import Shop, give_phone
from tests.support.worker import Notebook, log_concern, over, queued, work, worker_of

A_MINUTE = timedelta(minutes=1)


def test_pauses_double_up_to_half_a_minute_and_never_come_in_step() -> None:
    for tries, most in enumerate((1, 2, 4, 8, 16, 30, 30)):
        pauses = {back_off(tries) for _ in range(50)}
        assert len(pauses) > 40
        assert all(timedelta(seconds=most / 2) <= pause <= timedelta(seconds=most) for pause in pauses)
    assert back_off(10_000) <= MAX_BACK_OFF


def test_the_last_try_comes_a_moment_before_it_is_too_late(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    book = Notebook()
    book.result = DeliveryResult.later("third-party-auth")  # which keeps back no other letter
    log_concern(world, shop)
    ends_at = world.clock() + PUSH_TTL
    with worker_of(world, over(book)) as worker:
        while work(worker) or queued(world):
            world.clock.move(seconds=0.5 if ends_at - world.clock() < A_MINUTE else 5)
    assert ends_at - LAST_TRY_BEFORE <= book.messages[-1].sent_at < ends_at
