"""What each answer of Firebase means for the letter: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests
from firebase_admin import exceptions
from google.auth.exceptions import RefreshError, TransportError

from notifications.channels.base import DeliveryOutcome, Verdict

LONGEST_PAUSE = timedelta(minutes=10)
"""A longer Retry-After is cut to this: no letter lives longer, and a wrong header must not silence a channel."""

GONE, LATER, REFUSED = DeliveryOutcome.GONE, DeliveryOutcome.LATER, DeliveryOutcome.REFUSED
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
ABOUT_THE_ADDRESS = "INVALID_ARGUMENT, and the argument is the address"
FOR_NOW = "the token endpoint asks for patience"

Sign = str | int | type[Exception]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A verdict before anybody has looked at Retry-After."""

    outcome: DeliveryOutcome
    reason: str
    alarm: bool = False
    unsure: bool = False


MEANINGS: Mapping[Sign, Meaning] = {
    # FCM's own code, as its reference lists them (ErrorCode of the HTTP v1 API).
    "UNREGISTERED": Meaning(GONE, "unregistered"),
    "SENDER_ID_MISMATCH": Meaning(GONE, "sender-id-mismatch"),
    ABOUT_THE_ADDRESS: Meaning(GONE, "invalid-address"),
    "INVALID_ARGUMENT": Meaning(REFUSED, "invalid-argument"),
    "QUOTA_EXCEEDED": Meaning(LATER, "quota-exceeded"),
    "UNAVAILABLE": Meaning(LATER, "unavailable"),
    "INTERNAL": Meaning(LATER, "provider-error"),
    "UNSPECIFIED_ERROR": Meaning(LATER, "unspecified"),
    "THIRD_PARTY_AUTH_ERROR": Meaning(LATER, "third-party-auth", alarm=True),
    # The HTTP status, where no such code comes with it. What is wrong with our account or project is no letter's fault.
    400: Meaning(REFUSED, "invalid-argument"),
    401: Meaning(LATER, "unauthenticated", alarm=True),
    403: Meaning(LATER, "permission-denied", alarm=True),
    404: Meaning(LATER, "not-found", alarm=True),
    429: Meaning(LATER, "too-many-requests"),
    500: Meaning(LATER, "provider-error"),
    502: Meaning(LATER, "provider-error"),
    503: Meaning(LATER, "unavailable"),
    504: Meaning(LATER, "provider-error"),
    # No answer, or none that can be read: the message may be on its way all the same.
    exceptions.DeadlineExceededError: Meaning(LATER, "timed-out", unsure=True),
    exceptions.UnavailableError: Meaning(LATER, "unavailable", unsure=True),  # refused or dropped
    exceptions.UnknownError: Meaning(LATER, "broken-answer", unsure=True),  # broken off, or no JSON
    KeyError: Meaning(LATER, "broken-answer", unsure=True),  # JSON of another shape, over which firebase-admin stumbles
    TypeError: Meaning(LATER, "broken-answer", unsure=True),
    # No token: nothing was posted.
    TransportError: Meaning(LATER, "token-endpoint-unreachable"),
    FOR_NOW: Meaning(LATER, "token-endpoint-unavailable"),
    RefreshError: Meaning(LATER, "credentials-refused", alarm=True),
}


def verdict_on(error: Exception, sent_at: datetime) -> Verdict | None:
    """Judge an error; None when it is none that we foresaw, and the caller should let it pass."""
    response = _response(error)
    meaning = MEANINGS.get(_sign(error, response))
    if meaning is None:
        return None
    return Verdict(
        outcome=meaning.outcome,
        reason=meaning.reason,
        retry_after=_retry_after(response, sent_at) if meaning.outcome is LATER and response is not None else None,
        alarm=meaning.alarm,
        unsure=meaning.unsure,
    )


def _response(error: Exception) -> requests.Response | None:
    """The answer behind an error; firebase-admin stumbles over error pages of proxies and leaves it in the context."""
    if isinstance(error, exceptions.FirebaseError):
        response: requests.Response | None = error.http_response
        return response
    return error.__context__.response if isinstance(error.__context__, requests.HTTPError) else None


def _sign(error: Exception, response: requests.Response | None) -> Sign:
    """What decides about an error: the code, else the status of the answer, else why there is none."""
    if response is None:
        if isinstance(error, RefreshError) and error.retryable:
            return FOR_NOW
        return next((kind for kind in type(error).__mro__ if kind in MEANINGS), type(error))
    status, details = response.status_code, _details(response)
    codes = [str(detail.get("errorCode")) for detail in details if detail.get("@type") == FCM_ERROR]
    if status == HTTPStatus.BAD_REQUEST and _is_about_the_address(codes, details):
        return ABOUT_THE_ADDRESS
    if code := next((code for code in codes if code in MEANINGS), None):
        return code
    unknown_fault = status > HTTPStatus.INTERNAL_SERVER_ERROR and status not in MEANINGS
    return HTTPStatus.INTERNAL_SERVER_ERROR if unknown_fault else status


def _is_about_the_address(codes: list[str], details: list[dict[str, Any]]) -> bool:
    """Tell a dead address from a bad payload; both are INVALID_ARGUMENT.

    A malformed token is answered with an FcmError alone, or with a violation of `message.token`. Everything about
    the payload carries a BadRequest ("message is too big" one without any field), and one bad payload must never
    retire every phone.
    """
    bad_requests = [detail for detail in details if detail.get("@type") == BAD_REQUEST]
    if bad_requests:
        violations = [v for d in bad_requests for v in d.get("fieldViolations", ())]
        return any(v.get("field") in {"message.token", "message.fid"} for v in violations)
    return "INVALID_ARGUMENT" in codes


def _details(response: requests.Response) -> list[dict[str, Any]]:
    try:
        details = response.json()["error"].get("details", ())
        return [detail for detail in details if isinstance(detail, dict)]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _retry_after(response: requests.Response, sent_at: datetime) -> timedelta | None:
    """Read the pause that the provider asked for, at most 10 min; None when there is none that we can read.

    A date is measured against the answer's own Date header, so that our clock and Google's need not agree.
    """
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
