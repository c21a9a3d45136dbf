"""The worker through the real push channel, to a stand-in for Firebase."""

import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from models.alerts.alert import Alert
from models.alerts.notification import NotificationKind, NotificationState
from models.db.session import ALL_TENANTS
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from models.staff.device import AddressKind, Device
from notifications.channels.base import DeliveryResult
from notifications.channels.push.channel import PushChannel
from notifications.worker.lane import OLDEST_SHARE
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.rows import notifications, only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

PRIVATE = {
    "their_words": "It is stone cold, says Quentin.",
    "our_reading": "tired, and right",
    "stake": "her birthday, forty minutes",
    "wanted": "a word from the chef",
    "question": "Where is Quentin?",  # kept as typed
    "customer": {"name": "Quentina Quill", "phone": "+351912345678", "email": "quentina@example.org"},
}


@pytest.fixture
def push(fcm: FcmStandIn) -> PushChannel:
    """The channel of the one worker that closes it."""
    return PushChannel.from_credentials(fcm.credentials, fcm.url)


@pytest.fixture
def worker(app: App, push: PushChannel) -> Iterator[Worker]:
    with running_worker(app, for_all_kinds(push)) as worker:
        yield worker


def test_an_unhappy_customer_becomes_a_message_of_http_v1(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    concern = log_concern(app, shop, mood=1, place="table-12", category="waiting-time", **PRIVATE)
    work_until_idle(worker)
    (post,) = fcm.accepted
    (notification,) = notifications(app)
    assert post.path == "/v1/projects/stand-in/messages:send"
    assert (post.bearer or "").startswith("bearer-")  # only the token_uri of the service account hands these out
    assert fcm.token_requests == 1
    assert post.message["token"] == phone
    assert post.message["data"] == {
        "type": "alert.ring",
        "notification_id": str(notification.id),
        "alert_id": concern["alert"]["id"],
        "concern_id": concern["id"],
        "kind": "ring",
        "severity": "severe",
        "link": f"/v1/concerns/{concern['id']}",
    }
    assert post.message["notification"] == {"title": "Very unhappy customer, table 12", "body": "Waiting time"}
    whole = json.dumps(post.message, ensure_ascii=False)
    for secret in ("uentin", "+351", "912345678", "@example", "cold", "tired", "birthday", "chef", "of acme"):
        assert secret not in whole
    assert notification.state is NotificationState.ACCEPTED
    assert (notification.provider_id or "").startswith("projects/stand-in/messages/")


def test_a_phone_that_removed_the_app_is_retired_and_not_written_to_again(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    fcm.answers[phone] = fcm_answers.unregistered()
    log_concern(app, shop)
    work_until_idle(worker)
    (device,) = rows(app, Device)
    assert (device.address, device.retired_reason) == (None, "unregistered")
    assert (notifications(app)[0].state, only_alert(app).summary) == (
        NotificationState.FAILED,
        "no phone reached: walk over",
    )
    log_concern(app, shop)
    app.clock.move(minutes=1)
    work_until_idle(worker)
    assert len(fcm.posts) == 1


def test_unavailable_is_tried_again_by_our_own_pause_and_not_before(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    fcm.queue(fcm_answers.unavailable(), fcm_answers.unavailable(retry_after=20))
    log_concern(app, shop)
    tried = []
    for seconds in (0, 0, 1, 19, 1):
        app.clock.move(seconds=seconds)
        work_until_idle(worker)
        tried.append(len(fcm.posts))
    assert tried == [1, 1, 2, 2, 3]
    assert len({post.notification_id for post in fcm.posts}) == 1
    assert notifications(app)[0].state is NotificationState.ACCEPTED


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
def test_an_attempt_is_one_post_whatever_goes_wrong(app: App, shop: Shop, fcm: FcmStandIn, mode: str) -> None:
    give_phone(app.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    answer = fcm_answers.ANSWERS[mode]
    fcm.queue(answer(), answer())
    push = PushChannel.from_credentials(fcm.credentials, fcm.url, timeout=0.3 if mode == "hang" else 10.0)
    with running_worker(app, for_all_kinds(push)) as worker:
        log_concern(app, shop)
        posts = []
        for _ in range(4):
            work_until_idle(worker)
            posts.append(len(fcm.posts))
            app.clock.move(seconds=30)
    assert posts == [1, 2, 3, 3]
    assert notifications(app)[0].state is NotificationState.ACCEPTED
    assert len({post.notification_id for post in fcm.posts}) == 1


@only_on_sqlite
@pytest.mark.parametrize("mode", ["unregistered", "sender_id_mismatch", "invalid_token", "invalid_payload", "too_big"])
def test_what_can_never_succeed_is_one_post_for_good(app: App, shop: Shop, fcm: FcmStandIn, mode: str) -> None:
    give_phone(app.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    fcm.queue(fcm_answers.ANSWERS[mode]())
    with running_worker(app, for_all_kinds(PushChannel.from_credentials(fcm.credentials, fcm.url))) as worker:
        log_concern(app, shop)
        for _ in range(3):
            work_until_idle(worker)
            app.clock.move(minutes=1)
    assert len(fcm.posts) == 1
    assert notifications(app)[0].state is NotificationState.FAILED
    assert (rows(app, Device)[0].address is None) == (mode not in {"invalid_payload", "too_big"})


def test_a_take_withdraws_the_others_notifications(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    give_phone(app.back_office, shop, "floor", "phone-2", kind=AddressKind.FCM_TOKEN)
    concern = log_concern(app, shop, "key")
    work_until_idle(worker)
    assert sorted(post.address for post in fcm.accepted) == [phone, "phone-2"]
    fcm.forget_posts()
    move(app, shop, concern, "take", "floor")
    work_until_idle(worker)
    removals = {post.address: post.message for post in fcm.accepted}
    assert phone in removals
    assert removals[phone]["data"]["type"] == "alert.withdraw"
    assert removals[phone]["data"]["alert_id"] == concern["alert"]["id"]
    assert "notification" not in removals[phone]  # nothing to show
    assert {row.withdrawn_at for row in notifications(app)} == {app.clock()}


def test_a_crash_between_claim_and_send_delays_and_loses_nothing(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, phone: str
) -> None:
    log_concern(app, shop)
    claim_and_vanish(app, OutboxKind.FIND_RECIPIENTS)
    work_until_idle(worker)
    assert notifications(app) == []
    app.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
    worker._decide()
    claim_and_vanish(app, OutboxKind.DELIVER_RING)
    work_until_idle(worker)
    assert fcm.posts == []
    app.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
    work_until_idle(worker)
    assert len(fcm.accepted) == 1
    assert {row.attempts for row in rows(app, OutboxMessage)} == {0}


def test_what_a_round_has_no_time_for_is_given_back_and_whoever_took_much_time_waits(
    app: App, shop: Shop, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One decision fits into a round. That of the other organization is later, and comes first all the same."""
    other = make_shop(app.back_office, "other")
    monkeypatch.setattr("notifications.worker.worker.DECIDING_SECONDS", 0.0)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        worker._spent[shop.organization_id] = 60.0
        for _ in range(3):
            log_concern(app, shop)
        log_concern(app, other)
        decided = []
        for _ in range(4):
            worker._decide()
            assert not any(row.lease_id for row in pending_messages(app, OutboxKind.FIND_RECIPIENTS))
            decided.append(Counter(row.organization_id for row in rows(app, Alert) if row.recipients_found_at))
        work_until_idle(worker)
    noisy, quiet = shop.organization_id, other.organization_id
    assert decided == [{quiet: 1}, {quiet: 1, noisy: 1}, {quiet: 1, noisy: 2}, {quiet: 1, noisy: 3}]


def test_what_is_urgent_is_decided_first_and_the_oldest_take_turns_at_it(app: App, shop: Shop, phone: str) -> None:
    other = make_shop(app.back_office, "other")
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for at, organization in ((-9, other), (-8, shop), (-7, other)):
            add_information(app, organization, seconds=at)
        log_concern(app, shop)
        worker._spent[shop.organization_id] = 60.0
        orders = []
        for worker._rounds in (0, OLDEST_SHARE - 1):
            waiting: deque[OutboxMessage] = deque()
            worker._claim_decisions(waiting)
            orders.append([(row.urgent, row.organization_id) for row in waiting])
            worker._claims.give_back(waiting)
    noisy, quiet = shop.organization_id, other.organization_id
    assert orders == [
        [(True, noisy), (False, quiet), (False, quiet), (False, noisy)],
        [(False, quiet), (True, noisy), (False, quiet), (False, noisy)],
    ]


def test_what_was_claimed_is_given_back_when_the_database_fails_meanwhile(
    app: App, shop: Shop, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_concern(app, shop)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        claim = worker._claims.claim

        def claim_or_fail(kinds: Sequence[OutboxKind], *, limit: int, oldest_first: bool = False) -> object:
            if oldest_first:
                raise OSError("the connection broke")
            return claim(kinds, limit=limit)

        monkeypatch.setattr(worker._claims, "claim", claim_or_fail)
        with pytest.raises(OSError, match="broke"):
            worker._decide()
    (waiting,) = pending_messages(app, OutboxKind.FIND_RECIPIENTS)
    assert waiting.lease_id is None


def add_information(app: App, shop: Shop, *, seconds: int) -> None:
    at = app.clock() + timedelta(seconds=seconds)
    with app.back_office.writing(shop.organization_id) as session:
        session.add(OutboxMessage.information(NotificationKind.OUTCOME, shop.organization_id, at=at))


def claim_and_vanish(app: App, task: OutboxKind) -> None:
    """What a worker does that is killed right after its claim."""
    with app.back_office.writing(ALL_TENANTS) as session:
        (claimed,) = OutboxMessage.claim(session, [task], at=app.clock(), limit=9)
    assert claimed.lease_until == app.clock() + OUTBOX_LEASE


def test_a_worker_that_lost_its_lease_repeats_the_same_notification_and_records_nothing(
    app: App, shop: Shop, fcm: FcmStandIn, push: PushChannel, phone: str
) -> None:
    fcm.queue(fcm_answers.unavailable())
    log_concern(app, shop)
    first = RecordingChannel()
    first.result = DeliveryResult.gone("unregistered")
    with running_worker(app, for_all_kinds(push), name="second") as second:

        def take_over(_message: object) -> None:
            """The first worker stalls for longer than its lease while its message is being sent."""
            app.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
            second.work_once()

        first.meanwhile = take_over
        with running_worker(app, for_all_kinds(first), name="first") as worker:
            worker.work_once()
        # What the first one brings home counts no longer: the row is the second one's, which tries again.
        assert (rows(app, Device)[0].address, notifications(app)[0].state) == (phone, NotificationState.QUEUED)
        app.clock.move(seconds=1)
        work_until_idle(second)
    (message,) = first.messages
    assert [post.notification_id for post in fcm.posts] == [str(message.notification_id)] * 2
    assert notifications(app)[0].state is NotificationState.ACCEPTED
    assert pending_messages(app) == []


def test_a_phone_that_does_not_answer_holds_up_nobody_else(
    app: App, shop: Shop, push: PushChannel, fcm: FcmStandIn, phone: str
) -> None:
    fcm.queue(fcm_answers.hang())
    with running_worker(app, for_all_kinds(push), max_wait=0.01) as worker:
        first = log_concern(app, shop, mood=1)
        work_until_idle(worker)
        fcm.wait_for(1)
        assert len(worker._dispatcher._in_flight) == 1  # the round did not wait for it
        log_concern(app, shop)
        work_until_idle(worker)
        fcm.wait_for(1, accepted=True)
        assert len(fcm.posts) == 2
        app.clock.move(minutes=20)  # the escalation goes on as well
        work_until_idle(worker)
        answer = app.request("GET", f"/v1/alerts/{first['alert']['id']}", (shop, "floor"))
        assert answer.json["state"] == "unanswered"
        fcm.release()
