"""The answers the stand-in can give, with bodies and headers as Google's own servers write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event
from typing import Any

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True)
class Answer:
    """One way to answer a POST.

    `hold` (seconds, or an event to wait for) delays it, `accepts` says whether the message counts as passed on to the
    phone, `drops` closes the connection without a word, `raw` is sent as it stands in place of a body of JSON.
    """

    name: str
    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: float | Event | None = None
    accepts: bool = False
    drops: bool = False
    raw: bytes | None = None


def ok() -> Answer:
    """Accept at once."""
    return Answer("ok", accepts=True)


def slow(hold: float | Event = 1.0) -> Answer:
    """Accept, but answer only after so many seconds or when the event is set."""
    return Answer("slow", hold=hold, accepts=True)


def hang() -> Answer:
    """Say nothing until `release()` is called, then close the connection."""
    return Answer("hang", hold=Event(), drops=True)


def drop() -> Answer:
    """Read the message and close the connection without an answer."""
    return Answer("drop", drops=True)


def drop_after_accept() -> Answer:
    """Accept the message and close the connection before the answer: the sender cannot know."""
    return Answer("drop_after_accept", accepts=True, drops=True)


def quota(retry_after: int | datetime | None = None) -> Answer:
    """429, optionally with Retry-After in seconds or as a date."""
    body = _error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for sending messages.", _fcm("QUOTA_EXCEEDED"))
    return Answer("quota", 429, body, _retry_after(retry_after))


def unavailable(retry_after: int | datetime | None = None) -> Answer:
    """503, optionally with Retry-After."""
    body = _error(503, "UNAVAILABLE", "The service is currently unavailable.", _fcm("UNAVAILABLE"))
    return Answer("unavailable", 503, body, _retry_after(retry_after))


def internal() -> Answer:
    """500."""
    return Answer("internal", 500, _error(500, "INTERNAL", "Internal error encountered.", _fcm("INTERNAL")))


def unspecified() -> Answer:
    """500 with the code for which FCM's own reference has no explanation."""
    return Answer("unspecified", 500, _error(500, "UNKNOWN", "Unknown error.", _fcm("UNSPECIFIED_ERROR")))


def plain_400() -> Answer:
    """400 without a word about what."""
    return Answer("plain_400", 400, _error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."))


def plain_404() -> Answer:
    """404 without a word about the address: there is no such project."""
    return Answer("plain_404", 404, _error(404, "NOT_FOUND", "Requested entity was not found."))


def plain_429(retry_after: int | datetime | None = None) -> Answer:
    """429 of the servers before FCM, optionally with Retry-After."""
    body = _error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    return Answer("plain_429", 429, body, _retry_after(retry_after))


def plain_500() -> Answer:
    """500 without a code."""
    return Answer("plain_500", 500, _error(500, "INTERNAL", "Internal error encountered."))


def plain_503(retry_after: int | datetime | None = None) -> Answer:
    """503 without a code, optionally with Retry-After."""
    body = _error(503, "UNAVAILABLE", "The service is currently unavailable.")
    return Answer("plain_503", 503, body, _retry_after(retry_after))


def other_5xx() -> Answer:
    """A fault of a server that nobody has heard of."""
    return Answer("other_5xx", 599)


def unknown_code() -> Answer:
    """403 with a code that is not in the reference (yet)."""
    return Answer("unknown_code", 403, _error(403, "PERMISSION_DENIED", "No.", _fcm("NEW_SINCE_YESTERDAY")))


def error_page() -> Answer:
    """503 from a proxy, in Latin-1."""
    return Answer("error_page", 503, raw="<h1>Não disponível</h1>".encode("latin-1"))


def not_json() -> Answer:
    """200 with a page of somebody else, as in a hotel."""
    return Answer("not_json", raw=b"<h1>Welcome</h1>")


def empty() -> Answer:
    """200 and nothing."""
    return Answer("empty", raw=b"")


def nameless() -> Answer:
    """200 without the name of the message."""
    return Answer("nameless", body={"unexpected": "answer"})


def a_list() -> Answer:
    """200 with JSON of another shape."""
    return Answer("a_list", raw=b"[]")


def bad_gateway() -> Answer:
    """502 from a proxy on the way, without a word of JSON."""
    return Answer("bad_gateway", 502)


def gateway_timeout() -> Answer:
    """504 from a proxy on the way, without a word of JSON."""
    return Answer("gateway_timeout", 504)


def unregistered() -> Answer:
    """404: the app was removed from that phone."""
    body = _error(404, "NOT_FOUND", "Requested entity was not found.", _fcm("UNREGISTERED"))
    return Answer("unregistered", 404, body)


def sender_id_mismatch() -> Answer:
    """403: the address belongs to somebody else's project."""
    body = _error(403, "PERMISSION_DENIED", "SenderId mismatch", _fcm("SENDER_ID_MISMATCH"))
    return Answer("sender_id_mismatch", 403, body)


def permission_denied() -> Answer:
    """403 without a word about the address: the service account may not send."""
    message = "Permission 'cloudmessaging.messages.create' denied on resource."
    return Answer("permission_denied", 403, _error(403, "PERMISSION_DENIED", message))


def invalid_token() -> Answer:
    """400: what we took for an address is none."""
    message = "The registration token is not a valid FCM registration token"
    return Answer("invalid_token", 400, _error(400, "INVALID_ARGUMENT", message, _fcm("INVALID_ARGUMENT")))


def invalid_token_field() -> Answer:
    """400 about the address, in the form that names the field."""
    violation = {"field": "message.token", "description": "Invalid registration token"}
    details = ({"@type": BAD_REQUEST, "fieldViolations": [violation]}, _fcm("INVALID_ARGUMENT"))
    return Answer("invalid_token_field", 400, _error(400, "INVALID_ARGUMENT", "Invalid registration token", *details))


def invalid_payload() -> Answer:
    """400 about something in the message."""
    what = "Invalid value at 'message.android.ttl' (type.googleapis.com/google.protobuf.Duration), \"soon\""
    violation = {"field": "message.android.ttl", "description": what}
    detail = {"@type": BAD_REQUEST, "fieldViolations": [violation]}
    return Answer("invalid_payload", 400, _error(400, "INVALID_ARGUMENT", what, detail))


def too_big() -> Answer:
    """400 for a message over 4 KiB: no field is named, and an FcmError stands beside it."""
    details = ({"@type": BAD_REQUEST}, _fcm("INVALID_ARGUMENT"))
    return Answer("too_big", 400, _error(400, "INVALID_ARGUMENT", "Android message is too big", *details))


def unauthenticated() -> Answer:
    """401: the bearer token is not (or no longer) one of Google's."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential."
    )
    return Answer("unauthenticated", 401, _error(401, "UNAUTHENTICATED", message))


def third_party_auth() -> Answer:
    """401: the project's own key for Apple or for web push is wrong."""
    message = "Auth error from APNS or Web Push Service"
    return Answer("third_party_auth", 401, _error(401, "UNAUTHENTICATED", message, _fcm("THIRD_PARTY_AUTH_ERROR")))


def in_so_many_seconds(seconds: int) -> datetime:
    """Give a date for Retry-After."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)


ANSWERS: Mapping[str, Callable[[], Answer]] = {
    make.__name__: make
    for make in (
        ok, slow, hang, drop, drop_after_accept, quota, unavailable, internal, bad_gateway, gateway_timeout,
        unregistered, sender_id_mismatch, permission_denied, invalid_token, invalid_token_field, invalid_payload,
        too_big, unauthenticated, third_party_auth, unspecified, plain_400, plain_404, plain_429, plain_500, plain_503,
        other_5xx, unknown_code, error_page, not_json, empty, nameless, a_list,
    )
}  # fmt: skip
"""Every answer by its name, each as it is without arguments."""


def _error(code: int, status: str, message: str, *details: Mapping[str, Any]) -> Mapping[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    return {"error": error}


def _fcm(code: str) -> Mapping[str, Any]:
    return {"@type": FCM_ERROR, "errorCode": code}


def _retry_after(value: int | datetime | None) -> Mapping[str, str]:
    if value is None:
        return {}
    return {"Retry-After": str(value) if isinstance(value, int) else format_datetime(value, usegmt=True)}
