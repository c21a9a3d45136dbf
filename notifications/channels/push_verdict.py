"""What each error of Firebase means for the letter: one table, read from top to bottom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests
from firebase_admin import exceptions, messaging
from google.auth.exceptions import RefreshError, TransportError

from notifications.channels import DeliveryOutcome, Verdict

LONGEST_PAUSE = timedelta(minutes=10)
"""A longer Retry-After is cut to this: no letter lives longer, and a wrong header must not silence a channel."""

GONE, LATER, REFUSED = DeliveryOutcome.GONE, DeliveryOutcome.LATER, DeliveryOutcome.REFUSED


@dataclass(frozen=True, slots=True)
class _Rule:
    error: type[Exception]
    outcome: DeliveryOutcome
    reason: str
    alarm: bool = False


# The first line that fits decides, so a special error stands above the general one it derives from.
RULES = (
    _Rule(messaging.UnregisteredError, GONE, "unregistered"),
    _Rule(messaging.SenderIdMismatchError, GONE, "sender-id-mismatch"),
    _Rule(exceptions.InvalidArgumentError, REFUSED, "invalid-argument"),  # unless it is about the address, see below
    _Rule(messaging.QuotaExceededError, LATER, "quota-exceeded"),
    _Rule(exceptions.ResourceExhaustedError, LATER, "too-many-requests"),
    _Rule(exceptions.UnavailableError, LATER, "unavailable"),  # also a refused or dropped connection
    _Rule(exceptions.InternalError, LATER, "provider-error"),
    _Rule(exceptions.DeadlineExceededError, LATER, "timed-out"),
    _Rule(messaging.ThirdPartyAuthError, LATER, "third-party-auth", alarm=True),
    _Rule(exceptions.UnauthenticatedError, LATER, "unauthenticated", alarm=True),
    _Rule(exceptions.PermissionDeniedError, LATER, "permission-denied", alarm=True),
    _Rule(TransportError, LATER, "token-endpoint-unreachable"),
    _Rule(RefreshError, LATER, "credentials-refused", alarm=True),  # unless Google calls it temporary, see below
)

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def verdict_on(error: Exception, sent_at: datetime) -> Verdict | None:
    """Judge an error; None when it is none that we foresaw, and the caller should let it pass."""
    if isinstance(error, exceptions.InvalidArgumentError) and _is_about_the_address(error):
        return Verdict.gone("invalid-address")
    if isinstance(error, RefreshError) and error.retryable:
        return Verdict.later("token-endpoint-unavailable")
    if isinstance(error, exceptions.UnknownError):
        return _verdict_on_unknown(error, sent_at)
    for rule in RULES:
        if isinstance(error, rule.error):
            return Verdict(
                outcome=rule.outcome,
                reason=rule.reason,
                retry_after=_retry_after(error, sent_at) if rule.outcome is LATER else None,
                alarm=rule.alarm,
                unsure=_is_unanswered(error),
            )
    return _verdict_on_unreadable(error)


def _verdict_on_unreadable(error: Exception) -> Verdict | None:
    # firebase-admin stumbles over an error page that is neither UTF-8 nor of Google's shape, as proxies write them.
    cause = error.__context__
    if isinstance(cause, requests.HTTPError) and cause.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict.later("provider-error")
    return None


def _verdict_on_unknown(error: exceptions.FirebaseError, sent_at: datetime) -> Verdict | None:
    # firebase-admin knows neither 502 nor 504, and calls an answer that broke off half-way unknown as well.
    response = error.http_response
    if response is None:
        broken = isinstance(error.cause, requests.RequestException)
        return Verdict.later("broken-answer", unsure=True) if broken else None
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict.later("provider-error", retry_after=_retry_after(error, sent_at))
    return None


def _is_unanswered(error: Exception) -> bool:
    """Tell a time-out or a dropped connection, after which the message may be on its way, from a refusal."""
    return isinstance(error, exceptions.FirebaseError) and error.http_response is None


def _is_about_the_address(error: exceptions.FirebaseError) -> bool:
    """Tell a dead address from a bad payload; both are INVALID_ARGUMENT.

    A malformed token is answered with an FcmError alone, or with a violation of `message.token`. Everything about
    the payload carries a BadRequest ("message is too big" one without any field), and one bad payload must never
    retire every phone.
    """
    details = _details(error)
    bad_requests = [d for d in details if d.get("@type") == BAD_REQUEST]
    if bad_requests:
        violations = [v for d in bad_requests for v in d.get("fieldViolations", ())]
        return any(v.get("field") in {"message.token", "message.fid"} for v in violations)
    return any(d.get("@type") == FCM_ERROR for d in details)


def _details(error: exceptions.FirebaseError) -> list[dict[str, Any]]:
    try:
        details = error.http_response.json()["error"].get("details", ())
        return [detail for detail in details if isinstance(detail, dict)]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _retry_after(error: Exception, sent_at: datetime) -> timedelta | None:
    """Read the pause that the provider asked for, at most 10 min; None when there is none that we can read.

    A date is measured against the answer's own Date header, so that our clock and Google's need not agree.
    """
    response = getattr(error, "http_response", None)
    if response is None:
        return None
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        pause = timedelta(seconds=min(int(asked), int(LONGEST_PAUSE.total_seconds())))
    else:
        until = _date(asked)
        if until is None:
            return None
        pause = min(until - (_date(response.headers.get("Date", "")) or sent_at), LONGEST_PAUSE)
    return pause if pause > timedelta() else None


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
