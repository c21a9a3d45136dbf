"""Delivery results for every answer of FCM and of the token endpoint, through the real firebase-admin."""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from firebase_admin import exceptions
from google.auth.exceptions import RefreshError

from notifications.channels.base import DeliveryOutcome, DeliveryResult, Message
from notifications.channels.push.channel import PushChannel
from notifications.channels.push.result import INVALID_ADDRESS, RESULTS, TOKEN_ENDPOINT_RETRYABLE, result_of
from tests.notifications.channels.conftest import NOON
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import (
    ANSWERS,
    Answer,
    drop,
    in_so_many_seconds,
    internal,
    plain_429,
    plain_503,
    quota,
    third_party_auth,
    unauthenticated,
    unavailable,
)

MakeMessage = Callable[..., Message]
SENT, LATER, GONE, REFUSED = DeliveryOutcome

# Every code of FCM's reference, every status of HTTP that comes without one, and no answer at all.
TABLE: Mapping[str, DeliveryResult] = {
    "ok": DeliveryResult.sent(),
    "slow": DeliveryResult.sent(),
    "unregistered": DeliveryResult.gone("unregistered"),
    "sender_id_mismatch": DeliveryResult.gone("sender-id-mismatch"),
    "invalid_token": DeliveryResult.gone("invalid-address"),
    "invalid_token_field": DeliveryResult.gone("invalid-address"),
    "invalid_payload": DeliveryResult.refused("invalid-argument"),
    "too_big": DeliveryResult.refused("invalid-argument"),
    "quota": DeliveryResult.later("quota-exceeded"),
    "unavailable": DeliveryResult.later("unavailable"),
    "internal": DeliveryResult.later("provider-error"),
    "unspecified": DeliveryResult.later("unspecified"),
    "third_party_auth": DeliveryResult.later("third-party-auth", alarm=True),
    "plain_400": DeliveryResult.refused("invalid-argument"),
    "unauthenticated": DeliveryResult.later("unauthenticated", alarm=True),
    "permission_denied": DeliveryResult.later("permission-denied", alarm=True),
    "unknown_code": DeliveryResult.later("permission-denied", alarm=True),
    "plain_404": DeliveryResult.later("not-found", alarm=True),
    "plain_429": DeliveryResult.later("too-many-requests"),
    "plain_500": DeliveryResult.later("provider-error"),
    "bad_gateway": DeliveryResult.later("provider-error"),
    "plain_503": DeliveryResult.later("unavailable"),
    "error_page": DeliveryResult.later("unavailable"),
    "gateway_timeout": DeliveryResult.later("provider-error"),
    "other_5xx": DeliveryResult.later("provider-error"),
    "hang": DeliveryResult.later("timed-out", unsure=True),
    "drop": DeliveryResult.later("unavailable", unsure=True),
    "drop_after_accept": DeliveryResult.later("unavailable", unsure=True),
    "not_json": DeliveryResult.later("broken-answer", unsure=True),
    "empty": DeliveryResult.later("broken-answer", unsure=True),
    "nameless": DeliveryResult.later("broken-answer", unsure=True),
    "a_list": DeliveryResult.later("broken-answer", unsure=True),
}
DOCUMENTED = {
    "UNSPECIFIED_ERROR",
    "INVALID_ARGUMENT",
    "UNREGISTERED",
    "SENDER_ID_MISMATCH",
    "QUOTA_EXCEEDED",
    "UNAVAILABLE",
    "INTERNAL",
    "THIRD_PARTY_AUTH_ERROR",
}


def test_the_table_covers_every_answer_of_the_stand_in_and_every_documented_code() -> None:
    assert TABLE.keys() == ANSWERS.keys()
    assert {sign for sign in RESULTS if isinstance(sign, str)} - {
        INVALID_ADDRESS,
        TOKEN_ENDPOINT_RETRYABLE,
    } == DOCUMENTED
    tried = str([make().body for make in ANSWERS.values()])
    assert {code for code in DOCUMENTED if f"'errorCode': '{code}'" in tried} == DOCUMENTED


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_answer_has_its_result(name: str, fcm: FcmStandIn, make_message: MakeMessage) -> None:
    answer = ANSWERS[name]()
    fcm.answer = replace(answer, hold=0.01) if name == "slow" else answer
    push = PushChannel.from_credentials(fcm.credentials, fcm.url, timeout=0.3 if name == "hang" else 10.0)
    result = push.deliver(make_message())
    push.close()
    assert replace(result, provider_id=None) == TABLE[name]
    assert (result.provider_id is not None) == (result.outcome is SENT)
    assert len(fcm.posts) == 1


def test_no_result_gives_the_address_away(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    for name in sorted(ANSWERS.keys() - {"slow", "hang"}):
        fcm.answer = ANSWERS[name]()
        assert "secret-address" not in repr(push.deliver(make_message(address="secret-address")))


@pytest.mark.parametrize("make", [quota, unavailable, plain_429, plain_503])
@pytest.mark.parametrize(
    ("header", "pause"),
    [(3, 3), (600, 600), (601, 600), (86_400, 600), (10**30, 600), (0, None), (-5, None)],
)
def test_retry_after_in_seconds_is_respected_up_to_ten_minutes(
    fcm: FcmStandIn,
    push: PushChannel,
    make_message: MakeMessage,
    make: Callable[[int], Answer],
    header: int,
    pause: int | None,
) -> None:
    fcm.answer = make(header)
    result = push.deliver(make_message())
    assert result.outcome is LATER
    assert result.retry_after == (None if pause is None else timedelta(seconds=pause))
    assert len(fcm.posts) == 1


def test_retry_after_as_a_date_is_measured_by_the_clock_of_the_answer(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    fcm.answer = quota(in_so_many_seconds(60))
    result = push.deliver(make_message(sent_at=NOON - timedelta(days=400), expires_at=NOON))
    assert result.retry_after is not None
    # The stand-in's answer carries its own Date, up to a few seconds after the header was made.
    assert timedelta(seconds=30) <= result.retry_after <= timedelta(seconds=60)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "Sat, 07 Mar 2026 12:00:30 GMT"}, timedelta(seconds=30)),
        ({"Retry-After": "Sat, 07 Mar 2026 12:00:30 GMT", "Date": "Sat, 07 Mar 2026 12:00:10 GMT"}, timedelta(0, 20)),
        ({"Retry-After": "Sun, 08 Mar 2026 12:00:00 GMT"}, timedelta(minutes=10)),
        ({"Retry-After": "Sat, 07 Mar 2026 11:00:00 GMT"}, None),
        ({"Retry-After": "Sat, 07 Mar 2026 12:00:30"}, None),
        ({"Retry-After": "Sat, 99 Mar 2026 12:00:30 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "1.5"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_any_other_form(headers: dict[str, str], pause: timedelta | None) -> None:
    response = requests.Response()
    response.status_code = 503
    response.headers.update(headers)
    result = result_of(exceptions.UnavailableError("busy", http_response=response), NOON)
    assert result == DeliveryResult.later("unavailable", retry_after=pause)


def test_a_revoked_bearer_is_not_posted_again_but_the_next_attempt_gets_a_new_one(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    push.deliver(make_message())
    fcm.forget_tokens()
    ring = make_message()
    assert push.deliver(ring) == DeliveryResult.later("unauthenticated", alarm=True)
    assert (fcm.attempts(ring.notification_id), fcm.token_requests) == (1, 1)
    assert push.deliver(ring).outcome is SENT
    assert (fcm.attempts(ring.notification_id), fcm.token_requests) == (2, 2)


def test_a_late_401_for_an_old_bearer_leaves_the_new_one_alone(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    push.deliver(make_message())
    let_go = threading.Event()
    fcm.answers["slow-phone"] = replace(unauthenticated(), hold=let_go)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(push.deliver, make_message(address="slow-phone"))
        fcm.wait_for(2)
        fcm.forget_tokens()
        assert push.deliver(make_message()).reason == "unauthenticated"
        assert push.deliver(make_message()).outcome is SENT
        assert fcm.token_requests == 2
        let_go.set()
        assert late.result().reason == "unauthenticated"
    assert push.deliver(make_message()).outcome is SENT
    assert fcm.token_requests == 2


def test_many_threads_with_a_revoked_bearer_all_recover_on_their_next_attempt(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    push.deliver(make_message())
    fcm.forget_tokens()
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(push.deliver, [make_message() for _ in range(32)]))
        second = list(pool.map(push.deliver, [make_message() for _ in range(32)]))
    assert {result.outcome for result in first} <= {SENT, LATER}
    assert {result.outcome for result in second} == {SENT}


def test_a_wrong_key_for_apple_does_not_cost_us_our_own_bearer(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage
) -> None:
    fcm.queue(third_party_auth())
    push.deliver(make_message())
    push.deliver(make_message())
    assert fcm.token_requests == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (unavailable(), DeliveryResult.later("token-endpoint-unavailable")),
        (internal(), DeliveryResult.later("token-endpoint-unavailable")),
        (drop(), DeliveryResult.later("token-endpoint-unreachable")),
        (Answer("refusal", 400, {"error": "invalid_grant"}), DeliveryResult.later("credentials-refused", alarm=True)),
        (Answer("refusal", 401, {"error": "invalid_client"}), DeliveryResult.later("credentials-refused", alarm=True)),
    ],
)
def test_without_a_token_nothing_is_posted_and_the_token_endpoint_is_asked_once(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, answer: Answer, expected: DeliveryResult
) -> None:
    fcm.token_answer = answer
    assert push.deliver(make_message()) == expected
    assert (fcm.posts, fcm.token_requests) == ([], 1)
    fcm.token_answer = None
    assert push.deliver(make_message()).outcome is SENT


def test_a_token_endpoint_that_is_down_means_later(fcm: FcmStandIn, tmp_path: Path, make_message: MakeMessage) -> None:
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps(fcm.service_account(token_uri="http://127.0.0.1:9/token")), encoding="utf-8")
    push = PushChannel.from_credentials(path, fcm.url)
    assert push.deliver(make_message()) == DeliveryResult.later("token-endpoint-unreachable")
    push.close()
    assert fcm.posts == []


def test_credentials_signed_by_another_key_raise_the_alarm(
    fcm: FcmStandIn, tmp_path: Path, make_message: MakeMessage
) -> None:
    path = tmp_path / "stranger.json"
    path.write_text(json.dumps(fcm.service_account(client_email="stranger@example.com")), encoding="utf-8")
    push = PushChannel.from_credentials(path, fcm.url)
    assert push.deliver(make_message()) == DeliveryResult.later("credentials-refused", alarm=True)
    push.close()


def test_a_server_that_is_down_means_later(fcm: FcmStandIn, make_message: MakeMessage) -> None:
    push = PushChannel.from_credentials(fcm.credentials, "http://127.0.0.1:9")
    assert push.deliver(make_message()) == DeliveryResult.later("unavailable", unsure=True)
    push.close()


def test_an_answer_that_is_not_json_means_later() -> None:
    broken = exceptions.UnknownError("broken", cause=requests.exceptions.ChunkedEncodingError("half"))
    assert result_of(broken, NOON) == DeliveryResult.later("broken-answer", unsure=True)


@pytest.mark.parametrize("body", [{"error": "words"}, {"error": {"details": ["words"]}}, {"nothing": 1}])
def test_an_error_page_of_a_proxy_means_later_whatever_it_says(
    fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage, body: dict[str, object]
) -> None:
    fcm.queue(Answer("proxy", 503, body))
    result = push.deliver(make_message())
    assert result.outcome is LATER
    assert result.reason in {"provider-error", "unavailable"}


def test_an_unexpected_error_is_raised(fcm: FcmStandIn, push: PushChannel, make_message: MakeMessage) -> None:
    fcm.queue(Answer("teapot", 418, {"error": {"code": 418, "message": "teapot", "status": "TEAPOT"}}))
    with pytest.raises(exceptions.UnknownError):
        push.deliver(make_message())
    fcm.queue(Answer("conflict", 409, {"error": {"code": 409, "message": "conflict", "status": "ABORTED"}}))
    with pytest.raises(exceptions.AbortedError):
        push.deliver(make_message())


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"error": "words"}', '{"error": {"details": "x"}}'])
def test_a_400_without_the_usual_details_refuses_the_message_and_keeps_the_address(body: str) -> None:
    response = requests.Response()
    response.status_code = 400
    response._content = body.encode()
    error = exceptions.InvalidArgumentError("bad", http_response=response)
    assert result_of(error, NOON) == DeliveryResult.refused("invalid-argument")


def test_errors_of_the_credentials_have_a_result_and_other_errors_have_none() -> None:
    assert result_of(RefreshError("x", retryable=True), NOON) == DeliveryResult.later("token-endpoint-unavailable")
    assert result_of(RefreshError("x"), NOON) == DeliveryResult.later("credentials-refused", alarm=True)
    assert result_of(ZeroDivisionError(), NOON) is None
