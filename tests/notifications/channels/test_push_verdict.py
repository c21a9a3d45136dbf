"""What every answer of FCM and of the token endpoint comes to, through the real firebase-admin."""

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

from notifications.channels.base import DeliveryOutcome, Letter, Verdict
from notifications.channels.push.channel import Push
from notifications.channels.push.result import ABOUT_THE_ADDRESS, FOR_NOW, MEANINGS, verdict_on
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

MakeLetter = Callable[..., Letter]
SENT, LATER, GONE, REFUSED = DeliveryOutcome

# Every code of FCM's reference, every status of HTTP that comes without one, and no answer at all.
TABLE: Mapping[str, Verdict] = {
    "ok": Verdict.sent(),
    "slow": Verdict.sent(),
    "unregistered": Verdict.gone("unregistered"),
    "sender_id_mismatch": Verdict.gone("sender-id-mismatch"),
    "invalid_token": Verdict.gone("invalid-address"),
    "invalid_token_field": Verdict.gone("invalid-address"),
    "invalid_payload": Verdict.refused("invalid-argument"),
    "too_big": Verdict.refused("invalid-argument"),
    "quota": Verdict.later("quota-exceeded"),
    "unavailable": Verdict.later("unavailable"),
    "internal": Verdict.later("provider-error"),
    "unspecified": Verdict.later("unspecified"),
    "third_party_auth": Verdict.later("third-party-auth", alarm=True),
    "plain_400": Verdict.refused("invalid-argument"),
    "unauthenticated": Verdict.later("unauthenticated", alarm=True),
    "permission_denied": Verdict.later("permission-denied", alarm=True),
    "unknown_code": Verdict.later("permission-denied", alarm=True),
    "plain_404": Verdict.later("not-found", alarm=True),
    "plain_429": Verdict.later("too-many-requests"),
    "plain_500": Verdict.later("provider-error"),
    "bad_gateway": Verdict.later("provider-error"),
    "plain_503": Verdict.later("unavailable"),
    "error_page": Verdict.later("unavailable"),
    "gateway_timeout": Verdict.later("provider-error"),
    "other_5xx": Verdict.later("provider-error"),
    "hang": Verdict.later("timed-out", unsure=True),
    "drop": Verdict.later("unavailable", unsure=True),
    "drop_after_accept": Verdict.later("unavailable", unsure=True),
    "not_json": Verdict.later("broken-answer", unsure=True),
    "empty": Verdict.later("broken-answer", unsure=True),
    "nameless": Verdict.later("broken-answer", unsure=True),
    "a_list": Verdict.later("broken-answer", unsure=True),
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
    assert {sign for sign in MEANINGS if isinstance(sign, str)} - {ABOUT_THE_ADDRESS, FOR_NOW} == DOCUMENTED
    tried = str([make().body for make in ANSWERS.values()])
    assert {code for code in DOCUMENTED if f"'errorCode': '{code}'" in tried} == DOCUMENTED


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_verdict_on_every_answer(name: str, fcm: FcmStandIn, letter: MakeLetter) -> None:
    answer = ANSWERS[name]()
    fcm.answer = replace(answer, hold=0.01) if name == "slow" else answer
    push = Push.from_credentials(fcm.credentials, fcm.url, timeout=0.3 if name == "hang" else 10.0)
    verdict = push.deliver(letter())
    push.close()
    assert replace(verdict, provider_id=None) == TABLE[name]
    assert (verdict.provider_id is not None) == (verdict.outcome is SENT)
    assert len(fcm.posts) == 1


def test_no_verdict_gives_the_address_away(fcm: FcmStandIn, push: Push, letter: MakeLetter) -> None:
    for name in sorted(ANSWERS.keys() - {"slow", "hang"}):
        fcm.answer = ANSWERS[name]()
        assert "secret-address" not in repr(push.deliver(letter(address="secret-address")))


@pytest.mark.parametrize("make", [quota, unavailable, plain_429, plain_503])
@pytest.mark.parametrize(
    ("header", "pause"),
    [(3, 3), (600, 600), (601, 600), (86_400, 600), (10**30, 600), (0, None), (-5, None)],
)
def test_retry_after_in_seconds_is_respected_up_to_ten_minutes(
    fcm: FcmStandIn, push: Push, letter: MakeLetter, make: Callable[[int], Answer], header: int, pause: int | None
) -> None:
    fcm.answer = make(header)
    verdict = push.deliver(letter())
    assert verdict.outcome is LATER
    assert verdict.retry_after == (None if pause is None else timedelta(seconds=pause))
    assert len(fcm.posts) == 1


def test_retry_after_as_a_date_is_measured_by_the_clock_of_the_answer(
    fcm: FcmStandIn, push: Push, letter: MakeLetter
) -> None:
    fcm.answer = quota(in_so_many_seconds(60))
    verdict = push.deliver(letter(sent_at=NOON - timedelta(days=400), expires_at=NOON))
    assert verdict.retry_after is not None
    # The stand-in's answer carries its own Date, up to a few seconds after the header was made.
    assert timedelta(seconds=30) <= verdict.retry_after <= timedelta(seconds=60)


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
    verdict = verdict_on(exceptions.UnavailableError("busy", http_response=response), NOON)
    assert verdict == Verdict.later("unavailable", retry_after=pause)


def test_a_revoked_bearer_is_not_posted_again_but_the_next_attempt_gets_a_new_one(
    fcm: FcmStandIn, push: Push, letter: MakeLetter
) -> None:
    push.deliver(letter())
    fcm.forget_tokens()
    ring = letter()
    assert push.deliver(ring) == Verdict.later("unauthenticated", alarm=True)
    assert (fcm.attempts(ring.notification_id), fcm.token_requests) == (1, 1)
    assert push.deliver(ring).outcome is SENT
    assert (fcm.attempts(ring.notification_id), fcm.token_requests) == (2, 2)


def test_a_late_401_for_an_old_bearer_leaves_the_new_one_alone(fcm: FcmStandIn, push: Push, letter: MakeLetter) -> None:
    push.deliver(letter())
    let_go = threading.Event()
    fcm.answers["slow-phone"] = replace(unauthenticated(), hold=let_go)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(push.deliver, letter(address="slow-phone"))
        fcm.wait_for(2)
        fcm.forget_tokens()
        assert push.deliver(letter()).reason == "unauthenticated"
        assert push.deliver(letter()).outcome is SENT
        assert fcm.token_requests == 2
        let_go.set()
        assert late.result().reason == "unauthenticated"
    assert push.deliver(letter()).outcome is SENT
    assert fcm.token_requests == 2


def test_many_threads_with_a_revoked_bearer_all_recover_on_their_next_attempt(
    fcm: FcmStandIn, push: Push, letter: MakeLetter
) -> None:
    push.deliver(letter())
    fcm.forget_tokens()
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(push.deliver, [letter() for _ in range(32)]))
        second = list(pool.map(push.deliver, [letter() for _ in range(32)]))
    assert {verdict.outcome for verdict in first} <= {SENT, LATER}
    assert {verdict.outcome for verdict in second} == {SENT}


def test_a_wrong_key_for_apple_does_not_cost_us_our_own_bearer(fcm: FcmStandIn, push: Push, letter: MakeLetter) -> None:
    fcm.queue(third_party_auth())
    push.deliver(letter())
    push.deliver(letter())
    assert fcm.token_requests == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (unavailable(), Verdict.later("token-endpoint-unavailable")),
        (internal(), Verdict.later("token-endpoint-unavailable")),
        (drop(), Verdict.later("token-endpoint-unreachable")),
        (Answer("refusal", 400, {"error": "invalid_grant"}), Verdict.later("credentials-refused", alarm=True)),
        (Answer("refusal", 401, {"error": "invalid_client"}), Verdict.later("credentials-refused", alarm=True)),
    ],
)
def test_without_a_token_nothing_is_posted_and_the_token_endpoint_is_asked_once(
    fcm: FcmStandIn, push: Push, letter: MakeLetter, answer: Answer, expected: Verdict
) -> None:
    fcm.token_answer = answer
    assert push.deliver(letter()) == expected
    assert (fcm.posts, fcm.token_requests) == ([], 1)
    fcm.token_answer = None
    assert push.deliver(letter()).outcome is SENT


def test_a_token_endpoint_that_is_down_means_later(fcm: FcmStandIn, tmp_path: Path, letter: MakeLetter) -> None:
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps(fcm.service_account(token_uri="http://127.0.0.1:9/token")), encoding="utf-8")
    push = Push.from_credentials(path, fcm.url)
    assert push.deliver(letter()) == Verdict.later("token-endpoint-unreachable")
    push.close()
    assert fcm.posts == []


def test_credentials_signed_by_another_key_raise_the_alarm(fcm: FcmStandIn, tmp_path: Path, letter: MakeLetter) -> None:
    path = tmp_path / "stranger.json"
    path.write_text(json.dumps(fcm.service_account(client_email="stranger@example.com")), encoding="utf-8")
    push = Push.from_credentials(path, fcm.url)
    assert push.deliver(letter()) == Verdict.later("credentials-refused", alarm=True)
    push.close()


def test_a_server_that_is_down_means_later(fcm: FcmStandIn, letter: MakeLetter) -> None:
    push = Push.from_credentials(fcm.credentials, "http://127.0.0.1:9")
    assert push.deliver(letter()) == Verdict.later("unavailable", unsure=True)
    push.close()


def test_an_answer_that_is_not_json_means_later() -> None:
    broken = exceptions.UnknownError("broken", cause=requests.exceptions.ChunkedEncodingError("half"))
    assert verdict_on(broken, NOON) == Verdict.later("broken-answer", unsure=True)


@pytest.mark.parametrize("body", [{"error": "words"}, {"error": {"details": ["words"]}}, {"nothing": 1}])
def test_an_error_page_of_a_proxy_means_later_whatever_it_says(
    fcm: FcmStandIn, push: Push, letter: MakeLetter, body: dict[str, object]
) -> None:
    fcm.queue(Answer("proxy", 503, body))
    verdict = push.deliver(letter())
    assert verdict.outcome is LATER
    assert verdict.reason in {"provider-error", "unavailable"}


def test_what_nobody_foresaw_is_raised(fcm: FcmStandIn, push: Push, letter: MakeLetter) -> None:
    fcm.queue(Answer("teapot", 418, {"error": {"code": 418, "message": "teapot", "status": "TEAPOT"}}))
    with pytest.raises(exceptions.UnknownError):
        push.deliver(letter())
    fcm.queue(Answer("conflict", 409, {"error": {"code": 409, "message": "conflict", "status": "ABORTED"}}))
    with pytest.raises(exceptions.AbortedError):
        push.deliver(letter())


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"error": "words"}', '{"error": {"details": "x"}}'])
def test_a_400_without_the_usual_details_refuses_the_letter_and_keeps_the_address(body: str) -> None:
    response = requests.Response()
    response.status_code = 400
    response._content = body.encode()
    error = exceptions.InvalidArgumentError("bad", http_response=response)
    assert verdict_on(error, NOON) == Verdict.refused("invalid-argument")


def test_errors_of_the_credentials_have_a_verdict_and_other_errors_have_none() -> None:
    assert verdict_on(RefreshError("x", retryable=True), NOON) == Verdict.later("token-endpoint-unavailable")
    assert verdict_on(RefreshError("x"), NOON) == Verdict.later("credentials-refused", alarm=True)
    assert verdict_on(ZeroDivisionError(), NOON) is None
