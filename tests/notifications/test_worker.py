"""The worker through the real push channel, to a stand-in for Firebase."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.alerts.notification import NotificationState
from models.db.session import ALL_TENANTS
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from models.staff.device import AddressKind, Device
from notifications.channels.base import DeliveryResult
from notifications.channels.push.channel import PushChannel
from notifications.worker.worker import Worker
from tests.support.app import World
from tests.support.databases import only_on_sqlite
from tests.support.factories import Shop, give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.worker import (
    Notebook,
    log_concern,
    move,
    notifications,
    over,
    queued,
    rows,
    the_alert,
    work,
    worker_of,
)

PRIVATE = {
    "their_words": "It is stone cold, says Quentin.",
    "our_reading": "tired, and right",
    "stake": "her birthday, forty minutes",
    "wanted": "a word from the chef",
    "customer": {"name": "Quentina Quill", "phone": "+351912345678", "email": "quentina@example.org"},
}


@pytest.fixture
def push(fcm: FcmStandIn) -> PushChannel:
    """The channel of the one worker that closes it."""
    return PushChannel.from_credentials(fcm.credentials, fcm.url)


@pytest.fixture
def worker(world: World, push: PushChannel) -> Iterator[Worker]:
    with worker_of(world, over(push)) as worker:
        yield worker


@pytest.fixture
def phone(world: World, shop: Shop) -> str:
    """The manager's only phone, by its address."""
    give_phone(world.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    return "phone-1"


def test_an_unhappy_customer_becomes_a_message_of_http_v1(
    world: World, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    concern = log_concern(world, shop, mood=1, place="table-12", category="waiting-time", **PRIVATE)
    work(worker)
    (post,) = fcm.accepted
    (notification,) = notifications(world)
    assert post.path == "/v1/projects/stand-in/messages:send"
    assert (post.bearer or "").startswith("bearer-")  # only the token_uri of the service account hands these out
    assert fcm.token_requests == 1
    assert post.message["token"] == phone
    assert post.message["data"] == {
        "type": "alert.ring",
        "notification_id": str(notification.id),
        "alert_id": concern["alert"]["id"],
        "concern_id": concern["id"],
    }
    assert post.message["notification"] == {"title": "Very unhappy customer, table 12", "body": "Waiting time"}
    whole = json.dumps(post.message, ensure_ascii=False)
    for secret in ("uentin", "+351", "912345678", "@example", "cold", "tired", "birthday", "chef", "of acme"):
        assert secret not in whole
    assert notification.state is NotificationState.ACCEPTED
    assert (notification.provider_id or "").startswith("projects/stand-in/messages/")


def test_a_phone_that_removed_the_app_is_retired_and_not_written_to_again(
    world: World, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    fcm.answers[phone] = fcm_answers.unregistered()
    log_concern(world, shop)
    work(worker)
    (device,) = rows(world, Device)
    assert (device.address, device.retired_reason) == (None, "unregistered")
    assert (notifications(world)[0].state, the_alert(world).summary) == (
        NotificationState.FAILED,
        "no phone reached: walk over",
    )
    log_concern(world, shop)
    world.clock.move(minutes=1)
    work(worker)
    assert len(fcm.posts) == 1


def test_unavailable_is_tried_again_by_our_own_pause_and_not_before(
    world: World, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    fcm.queue(fcm_answers.unavailable(), fcm_answers.unavailable(retry_after=20))
    log_concern(world, shop)
    tried = []
    for seconds in (0, 0, 1, 19, 1):
        world.clock.move(seconds=seconds)
        work(worker)
        tried.append(len(fcm.posts))
    assert tried == [1, 1, 2, 2, 3]
    assert len({post.notification_id for post in fcm.posts}) == 1
    assert notifications(world)[0].state is NotificationState.ACCEPTED


@only_on_sqlite
@pytest.mark.parametrize(
    "mode",
    [
        "quota",
        "unavailable",
        "internal",
        "bad_gateway",
        "gateway_timeout",
        "unauthenticated",
        "third_party_auth",
        "permission_denied",
        "drop",
        "drop_after_accept",
        "hang",
    ],
)
def test_an_attempt_is_one_post_whatever_goes_wrong(world: World, shop: Shop, fcm: FcmStandIn, mode: str) -> None:
    give_phone(world.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    answer = fcm_answers.ANSWERS[mode]
    fcm.queue(answer(), answer())
    push = PushChannel.from_credentials(fcm.credentials, fcm.url, timeout=0.3 if mode == "hang" else 10.0)
    with worker_of(world, over(push)) as worker:
        log_concern(world, shop)
        posts = []
        for _ in range(4):
            work(worker)
            posts.append(len(fcm.posts))
            world.clock.move(seconds=30)
    assert posts == [1, 2, 3, 3]
    assert notifications(world)[0].state is NotificationState.ACCEPTED
    assert len({post.notification_id for post in fcm.posts}) == 1


@only_on_sqlite
@pytest.mark.parametrize("mode", ["unregistered", "sender_id_mismatch", "invalid_token", "invalid_payload", "too_big"])
def test_what_can_never_succeed_is_one_post_for_good(world: World, shop: Shop, fcm: FcmStandIn, mode: str) -> None:
    give_phone(world.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    fcm.queue(fcm_answers.ANSWERS[mode]())
    with worker_of(world, over(PushChannel.from_credentials(fcm.credentials, fcm.url))) as worker:
        log_concern(world, shop)
        for _ in range(3):
            work(worker)
            world.clock.move(minutes=1)
    assert len(fcm.posts) == 1
    assert notifications(world)[0].state is NotificationState.FAILED
    assert (rows(world, Device)[0].address is None) == (mode not in {"invalid_payload", "too_big"})


def test_a_take_withdraws_the_others_notifications(
    world: World, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    give_phone(world.back_office, shop, "floor", "phone-2", kind=AddressKind.FCM_TOKEN)
    concern = log_concern(world, shop, "key")
    work(worker)
    assert sorted(post.address for post in fcm.accepted) == [phone, "phone-2"]
    fcm.forget_posts()
    move(world, shop, concern, "take", "floor")
    work(worker)
    removals = {post.address: post.message for post in fcm.accepted}
    assert phone in removals
    assert removals[phone]["data"]["type"] == "alert.withdraw"
    assert removals[phone]["data"]["alert_id"] == concern["alert"]["id"]
    assert "notification" not in removals[phone]  # nothing to show
    assert {row.withdrawn_at for row in notifications(world)} == {world.clock()}


def test_a_crash_between_claim_and_send_delays_and_loses_nothing(
    world: World, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    log_concern(world, shop)
    claim_and_vanish(world, OutboxKind.FIND_RECIPIENTS)
    work(worker)
    assert notifications(world) == []
    world.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
    worker._decide()
    claim_and_vanish(world, OutboxKind.DELIVER_RING)
    work(worker)
    assert fcm.posts == []
    world.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
    work(worker)
    assert len(fcm.accepted) == 1
    assert {row.attempts for row in rows(world, OutboxMessage)} == {0}


def claim_and_vanish(world: World, task: OutboxKind) -> None:
    """What a worker does that is killed right after its claim."""
    with world.back_office.writing(ALL_TENANTS) as session:
        (claimed,) = OutboxMessage.claim(session, [task], at=world.clock(), limit=9)
    assert claimed.lease_until == world.clock() + OUTBOX_LEASE


def test_a_worker_that_lost_its_lease_repeats_the_same_notification_and_records_nothing(
    world: World, shop: Shop, fcm: FcmStandIn, push: PushChannel, phone: str
) -> None:
    fcm.queue(fcm_answers.unavailable())
    log_concern(world, shop)
    first = Notebook()
    first.result = DeliveryResult.gone("unregistered")
    with worker_of(world, over(push), name="second") as second:

        def take_over(_letter: object) -> None:
            """The first worker stands still for longer than its lease while its letter is out."""
            world.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
            second.work_once()

        first.meanwhile = take_over
        with worker_of(world, over(first), name="first") as worker:
            worker.work_once()
        # What the first one brings home counts no longer: the row is the second one's, which tries again.
        assert (rows(world, Device)[0].address, notifications(world)[0].state) == (phone, NotificationState.QUEUED)
        world.clock.move(seconds=1)
        work(second)
    (message,) = first.messages
    assert [post.notification_id for post in fcm.posts] == [str(message.notification_id)] * 2
    assert notifications(world)[0].state is NotificationState.ACCEPTED
    assert queued(world) == []


def test_a_phone_that_does_not_answer_holds_up_nobody_else(
    world: World, shop: Shop, push: PushChannel, fcm: FcmStandIn, phone: str
) -> None:
    fcm.queue(fcm_answers.hang())
    with worker_of(world, over(push), max_wait=0.01) as worker:
        first = log_concern(world, shop, mood=1)
        work(worker)
        fcm.wait_for(1)
        assert len(worker._dispatcher._in_flight) == 1  # the round did not wait for it
        log_concern(world, shop)
        work(worker)
        fcm.wait_for(1, accepted=True)
        assert len(fcm.posts) == 2
        world.clock.move(minutes=20)  # the climb goes on as well
        work(worker)
        answer = world.request("GET", f"/v1/alerts/{first['alert']['id']}", (shop, "floor"))
        assert answer.json["state"] == "unanswered"
        fcm.release()
