"""The push channel through the real firebase-admin: what arrives at FCM, and that it arrives once."""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import firebase_admin
import pytest
from google.auth._regional_access_boundary_utils import _RegionalAccessBoundaryManager

from models.staff.device import AddressKind
from notifications.channels.base import Channel, DeliveryOutcome, Message, MessageKind
from notifications.channels.push.channel import FCM, PushChannel
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import ANSWERS, Answer, hang, slow

MakeMessage = Callable[..., Message]
TOO_SHORT_SECONDS = 0.2


def test_a_message_arrives_as_fcm_v1_with_a_bearer_from_the_token_endpoint(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    ring = make_message()
    result = push.deliver(ring)
    assert result.outcome is DeliveryOutcome.SENT
    assert result.provider_id is not None
    assert result.provider_id.startswith("projects/stand-in/messages/")
    [post] = fcm.posts
    assert post.path == "/v1/projects/stand-in/messages:send"
    assert (post.bearer or "").startswith("bearer-")
    assert post.message["token"] == "phone-1"
    assert post.message["notification"] == {"title": ring.title, "body": ring.body}
    assert fcm.token_requests == 1


def test_the_bearer_is_fetched_once_for_many_messages(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    for _ in range(5):
        push.deliver(make_message())
    assert len(fcm.accepted) == 5
    assert fcm.token_requests == 1


def test_opening_the_channel_sends_and_fetches_nothing(fcm: FcmStandIn, push: PushChannel) -> None:
    assert isinstance(push, PushChannel)
    assert (fcm.posts, fcm.token_requests) == ([], 0)


def test_an_installation_id_is_sent_as_fid(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    push.deliver(make_message(address="installation-1", address_kind=AddressKind.FID))
    [message] = fcm.messages
    assert message["fid"] == "installation-1"
    assert "token" not in message


def test_a_token_is_sent_without_a_deprecation_warning_in_any_thread(
    push: PushChannel, make_message: MakeMessage
) -> None:
    with warnings.catch_warnings(record=True) as seen, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        results = list(pool.map(push.deliver, [make_message() for _ in range(16)]))
    assert {result.outcome for result in results} == {DeliveryOutcome.SENT}
    assert [w for w in seen if issubclass(w.category, DeprecationWarning)] == []


def test_an_address_of_the_log_is_not_for_firebase(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    with pytest.raises(ValueError, match="not an address of Firebase: log"):
        push.deliver(make_message(address_kind=AddressKind.LOG))
    assert fcm.posts == []


@pytest.mark.parametrize("name", sorted(ANSWERS.keys() - {"slow", "hang"}))
def test_every_answer_costs_exactly_one_post(
    name: str, fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    ring = make_message()
    fcm.answer = ANSWERS[name]()
    push.deliver(ring)
    assert fcm.attempts(ring.notification_id) == 1
    # Something posted behind our back would come before the next message, on the same connection.
    push.deliver(make_message())
    assert len(fcm.posts) == 2


@pytest.mark.parametrize("make", [slow, hang])
def test_a_time_out_costs_exactly_one_post(
    make: Callable[..., Answer], fcm: FcmStandIn, make_message: MakeMessage
) -> None:
    fcm.answer = make(threading.Event()) if make is slow else make()
    push = PushChannel.from_credentials(fcm.credentials, fcm.url, timeout=TOO_SHORT_SECONDS)
    ring = make_message()
    result = push.deliver(ring)
    push.close()
    assert (result.outcome, result.reason) == (DeliveryOutcome.LATER, "timed-out")
    assert fcm.attempts(ring.notification_id) == 1


def test_an_accepted_message_whose_answer_was_lost_keeps_its_notification_id(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    ring = make_message()
    fcm.queue(ANSWERS["drop_after_accept"]())
    assert push.deliver(ring).outcome is DeliveryOutcome.LATER
    assert push.deliver(ring).outcome is DeliveryOutcome.SENT
    assert {post.notification_id for post in fcm.accepted} == {str(ring.notification_id)}
    assert len(fcm.accepted) == 2


def test_sixteen_threads_share_one_channel(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    messages = [make_message(address=f"phone-{n}") for n in range(160)]
    everybody_is_here = threading.Barrier(16)

    def send(share: int) -> list[DeliveryOutcome]:
        everybody_is_here.wait()
        return [push.deliver(message).outcome for message in messages[share::16]]

    with ThreadPoolExecutor(16) as pool:
        outcomes = [outcome for share in pool.map(send, range(16)) for outcome in share]
    assert outcomes == [DeliveryOutcome.SENT] * 160
    assert sorted(post.notification_id for post in fcm.posts) == sorted(
        str(message.notification_id) for message in messages
    )


def test_a_slow_message_does_not_hold_up_the_others(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    answered = threading.Event()
    fcm.answers["slow-phone"] = slow(answered)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(push.deliver, make_message(address="slow-phone"))
        fcm.wait_for(1)
        assert push.deliver(make_message()).outcome is DeliveryOutcome.SENT
        assert not waiting.done()
        answered.set()
        assert waiting.result().outcome is DeliveryOutcome.SENT


def test_two_channels_can_be_open_at_once_and_closing_leaves_nothing_behind(
    fcm: FcmStandIn, make_message: MakeMessage
) -> None:
    before = set(firebase_admin._apps)
    channels: list[Channel] = [PushChannel.from_credentials(fcm.credentials, fcm.url) for _ in range(2)]
    for channel in channels:
        assert channel.deliver(make_message(kind=MessageKind.WITHDRAW)).outcome is DeliveryOutcome.SENT
        channel.close()
    assert set(firebase_admin._apps) == before


def test_without_an_endpoint_messages_go_to_google_through_one_adapter_without_retries(fcm: FcmStandIn) -> None:
    push = PushChannel.from_credentials(fcm.credentials)
    session = push._session()
    adapter = session.get_adapter(f"{FCM}/v1/projects/stand-in/messages:send")
    assert (adapter.max_retries.total, adapter._pool_maxsize) == (0, 32)
    assert session._max_refresh_attempts == 0
    assert session._auth_request.session.get_adapter("https://oauth2.googleapis.com/token").max_retries.total == 0
    assert session.trust_env
    push.close()


def test_with_an_endpoint_nothing_is_looked_up_at_google_and_no_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, fcm: FcmStandIn, make_message: MakeMessage
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    looked_up: list[object] = []
    monkeypatch.setattr(_RegionalAccessBoundaryManager, "maybe_start_refresh", lambda *args: looked_up.append(args))
    push = PushChannel.from_credentials(fcm.credentials, fcm.url)
    assert push.deliver(make_message()).outcome is DeliveryOutcome.SENT
    push.close()
    assert looked_up == []


def test_a_file_that_is_not_a_service_account_is_refused_at_the_start(tmp_path: Path) -> None:
    before = set(firebase_admin._apps)
    path = tmp_path / "wrong.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="service_account"):
        PushChannel.from_credentials(path)
    with pytest.raises(FileNotFoundError):
        PushChannel.from_credentials(tmp_path / "missing.json")
    assert set(firebase_admin._apps) == before
