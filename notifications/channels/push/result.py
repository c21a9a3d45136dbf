"""Delivery result for each answer of Firebase, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests
from firebase_admin import exceptions
from google.auth.exceptions import RefreshError, TransportError

from notifications.channels.base import DeliveryOutcome, DeliveryResult

MAX_RETRY_AFTER = timedelta(minutes=10)
"""A longer Retry-After is cut to this: no message lives longer, and a wrong header must not silence a channel."""

GONE, LATER, REFUSED = DeliveryOutcome.GONE, DeliveryOutcome.LATER, DeliveryOutcome.REFUSED
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
INVALID_ADDRESS = "INVALID_ARGUMENT, and the argument is the address"
TOKEN_ENDPOINT_RETRYABLE = "the token endpoint asks for patience"  # noqa: S105 a key of RESULTS, not a secret

ErrorKey = str | int | type[Exception]


@dataclass(frozen=True, slots=True)
class ResultTemplate:
    """Delivery result without Retry-After."""

    outcome: DeliveryOutcome
    reason: str
    alarm: bool = False
    unsure: bool = False


RESULTS: Mapping[ErrorKey, ResultTemplate] = {
    # FCM's own code, as its reference lists them (ErrorCode of the HTTP v1 API).
    "UNREGISTERED": ResultTemplate(GONE, "unregistered"),
    "SENDER_ID_MISMATCH": ResultTemplate(GONE, "sender-id-mismatch"),
    INVALID_ADDRESS: ResultTemplate(GONE, "invalid-address"),
    "INVALID_ARGUMENT": ResultTemplate(REFUSED, "invalid-argument"),
    "QUOTA_EXCEEDED": ResultTemplate(LATER, "quota-exceeded"),
    "UNAVAILABLE": ResultTemplate(LATER, "unavailable"),
    "INTERNAL": ResultTemplate(LATER, "provider-error"),
    "UNSPECIFIED_ERROR": ResultTemplate(LATER, "unspecified"),
    "THIRD_PARTY_AUTH_ERROR": ResultTemplate(LATER, "third-party-auth", alarm=True),
    # The HTTP status of an answer without such a code. A fault of the account or project is not one of the message.
    400: ResultTemplate(REFUSED, "invalid-argument"),
    401: ResultTemplate(LATER, "unauthenticated", alarm=True),
    403: ResultTemplate(LATER, "permission-denied", alarm=True),
    404: ResultTemplate(LATER, "not-found", alarm=True),
    429: ResultTemplate(LATER, "too-many-requests"),
    500: ResultTemplate(LATER, "provider-error"),
    502: ResultTemplate(LATER, "provider-error"),
    503: ResultTemplate(LATER, "unavailable"),
    504: ResultTemplate(LATER, "provider-error"),
    # No readable answer: the message may have been accepted all the same.
    exceptions.DeadlineExceededError: ResultTemplate(LATER, "timed-out", unsure=True),
    exceptions.UnavailableError: ResultTemplate(LATER, "unavailable", unsure=True),  # refused or dropped
    exceptions.UnknownError: ResultTemplate(LATER, "broken-answer", unsure=True),  # broken off, or no JSON
    KeyError: ResultTemplate(
        LATER, "broken-answer", unsure=True
    ),  # JSON of another shape, over which firebase-admin stumbles
    TypeError: ResultTemplate(LATER, "broken-answer", unsure=True),
    # No token: nothing was posted.
    TransportError: ResultTemplate(LATER, "token-endpoint-unreachable"),
    TOKEN_ENDPOINT_RETRYABLE: ResultTemplate(LATER, "token-endpoint-unavailable"),
    RefreshError: ResultTemplate(LATER, "credentials-refused", alarm=True),
}


def result_of(error: Exception, sent_at: datetime) -> DeliveryResult | None:
    """Return the result an error stands for, or None for an unknown error, which the caller raises."""
    response = _response(error)
    template = RESULTS.get(_error_key(error, response))
    if template is None:
        return None
    return DeliveryResult(
        outcome=template.outcome,
        reason=template.reason,
        retry_after=_retry_after(response, sent_at) if template.outcome is LATER and response is not None else None,
        alarm=template.alarm,
        unsure=template.unsure,
    )


def _response(error: Exception) -> requests.Response | None:
    """Return the HTTP response behind an error. For error pages of proxies firebase-admin leaves it in the context."""
    if isinstance(error, exceptions.FirebaseError):
        response: requests.Response | None = error.http_response
        return response
    return error.__context__.response if isinstance(error.__context__, requests.HTTPError) else None


def _error_key(error: Exception, response: requests.Response | None) -> ErrorKey:
    """Return the key of an error in RESULTS: FCM's code, else the HTTP status, else the type of the exception."""
    if response is None:
        if isinstance(error, RefreshError) and error.retryable:
            return TOKEN_ENDPOINT_RETRYABLE
        return next((kind for kind in type(error).__mro__ if kind in RESULTS), type(error))
    status, details = response.status_code, _details(response)
    codes = [str(detail.get("errorCode")) for detail in details if detail.get("@type") == FCM_ERROR]
    if status == HTTPStatus.BAD_REQUEST and _is_invalid_address(codes, details):
        return INVALID_ADDRESS
    if code := next((code for code in codes if code in RESULTS), None):
        return code
    unknown_fault = status > HTTPStatus.INTERNAL_SERVER_ERROR and status not in RESULTS
    return HTTPStatus.INTERNAL_SERVER_ERROR if unknown_fault else status


def _is_invalid_address(codes: list[str], details: list[dict[str, Any]]) -> bool:
    """Return whether an INVALID_ARGUMENT means a dead address rather than a bad payload.

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
    """Return the pause that the provider asks for, at most 10 min, or None.

    A date is measured against the answer's own Date header, so that the two clocks need not agree.
    """
    header = response.headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        pause = timedelta(seconds=min(int(header), int(MAX_RETRY_AFTER.total_seconds())))
    else:
        until = _date(header)
        if until is None:
            return None
        pause = min(until - (_date(response.headers.get("Date", "")) or sent_at), MAX_RETRY_AFTER)
    return pause if pause > timedelta() else None


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
