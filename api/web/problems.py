"""Problem documents (RFC 9457): every refusal and every failure is answered in this one shape."""

from collections.abc import Callable, Iterator
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, has_app_context, request
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api.schemas.problem_language import catalogue_for_reader
from api.web.slow_clients import SlowClient, TooManySlowClients
from models.db.failures import Failure, failure_of, loggable
from models.errors import (
    Conflict,
    DomainError,
    Expired,
    Forbidden,
    Invalid,
    InvalidState,
    NotFound,
    TooLarge,
    VersionConflict,
)

log = structlog.get_logger(__name__)

STATUS: dict[type[DomainError], int] = {
    Forbidden: 403,
    NotFound: 404,
    InvalidState: 409,
    Conflict: 409,
    Expired: 410,
    VersionConflict: 412,
    TooLarge: 413,
    Invalid: 422,
}
STATUS_TITLES = {
    400: ("bad-request", "The request cannot be read"),
    401: ("unauthorized", "Sign in first"),
    403: ("forbidden", "This sign-in may not do that"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "This address does not know that method"),
    406: ("not-acceptable", "This cannot be shown in that form"),
    408: ("request-timeout", "The request did not arrive in time"),
    409: ("conflict", "Somebody else was first"),
    410: ("cursor-expired", "Start over without this cursor"),
    412: ("stale-version", "The object has changed since you read it"),
    413: ("body-too-large", "The body is too large"),
    414: ("address-too-long", "The address is too long"),
    415: ("unsupported-media-type", "The body is not in the form that this address takes"),
    422: ("invalid", "Some of what was sent is not valid"),
    426: ("app-too-old", "This version of the app is not served any more"),
    428: ("version-required", "Say which version you are changing"),
    429: ("too-many-requests", "Slow down"),
    431: ("headers-too-large", "The headers are too large"),
    500: ("internal-error", "Something broke on our side"),
    503: ("unavailable", "The service is not available at the moment"),
}
# Further values of `code`, with their status and title.
PROBLEM_CODES = {
    "wrong-sign-in": (401, "There is no such sign-in"),
    "second-factor-required": (401, "This sign-in needs a code as well"),
    "second-factor-missing": (403, "Set up a second factor first"),
    "wrong-pin": (403, "This PIN is not right"),
    "sign-in-again": (403, "Sign in again for this"),
    "unknown-phone": (401, "This phone is not enrolled, or not any more"),
    "locked": (401, "Give your PIN"),
    "manager-password-required": (401, "A manager has to sign in on this phone with their password"),
    "shared-phone": (409, "This is a shared phone"),
    "too-many-devices": (409, "There are too many phones"),
    "already-exists": (409, "It is there already"),
    "asked-already": (409, "This customer was asked already"),
    "already-signed": (409, "Somebody has signed it"),
    "already-taken": (409, "Somebody is on the way already"),
    "code-not-valid": (410, "This code is not valid, or not any more"),
    "has-actions": (409, "Something was given or asked for"),
    "last-administrator": (409, "Nobody else administers the organization"),
    "not-met": (409, "Other stores know this customer"),
    "too-many": (409, "There are as many as there may be"),
    "nobody-may-approve": (409, "Nobody could approve this now"),
    "not-now": (409, "Its state does not allow that now"),
    "reference-used": (409, "This reference of the till stands for another payment"),
    "request-in-progress": (409, "The same is being done at this moment"),
    "idempotency-key-reused": (422, "This Idempotency-Key was used for something else"),
    "invalid-idempotency-key": (422, "This is no Idempotency-Key"),
    "storage-full": (503, "There is no room left"),
    **{code: (status, title) for status, (code, title) in STATUS_TITLES.items()},
}
_MESSAGE_CODES = {"Missing data for required field.": "required", "Unknown field.": "unknown-field"}
_LOCATIONS = {"json": "body", "query": "query", "path": "path", "headers": "header"}
FAULT_OF_OURS = "This is a fault of ours, noted under the request id."


class HttpProblem(Exception):
    """A refusal that concerns HTTP only: no sign-in, a body that is too large, a missing precondition."""

    def __init__(
        self, status: int, detail: str, *, code: str | None = None, retry_after: int | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code, self.retry_after = status, detail, code, retry_after
        self.members = members


class UnexpectedInput(Exception):
    """Raised for query parameters or a body where the operation takes none."""

    def __init__(self, where: str, names: list[str]) -> None:
        super().__init__(where)
        self.where, self.names = where, names


def problem(status: int, detail: str, *, code: str | None = None, **members: Any) -> Response:
    """Return a problem document in the reader's language. `members` are added to the standard ones unless None."""
    code = code or STATUS_TITLES.get(status, ("error", ""))[0]
    language, catalogue = catalogue_for_reader()
    if errors := members.get("errors"):
        members["errors"] = [{**error, "detail": catalogue.translate(error["detail"])} for error in errors]
    body = {
        "type": f"/problems/{code}",
        "title": catalogue.translate(PROBLEM_CODES.get(code, (status, "The request was refused"))[1]),
        "status": status,
        "detail": catalogue.translate(detail),
        "code": code,
        "request_id": g.get("request_id") if has_app_context() else None,
        **{name: value for name, value in members.items() if value is not None},
    }
    response = current_app.response_class(
        current_app.json.dumps(body), status=status, mimetype="application/problem+json"
    )
    response.content_language.add(language)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="amends"'
    return response


def register(app: Flask) -> None:
    for kind, answer in HANDLERS.items():
        app.register_error_handler(kind, answer)


def problem_of(error: Exception) -> Response:
    """Return the problem document of any error, for callers who render it in another form."""
    return next(HANDLERS[kind](error) for kind in type(error).__mro__ if kind in HANDLERS)


def on_domain_error(error: DomainError) -> Response:
    """Return the problem of a refusal.

    What a body or filter names and is not within reach is a wrong value. 404 would read like a wrong address: it is for
    what the path names, which has no pointer.
    """
    if isinstance(error, Invalid | NotFound) and error.pointer is not None:
        value_error = {
            "in": _location_of(error.pointer),
            "pointer": error.pointer,
            "code": error.code,
            "detail": error.detail,
        }
        return problem(422, error.detail, errors=[value_error], **error.members)
    status = next(number for kind, number in STATUS.items() if isinstance(error, kind))
    return problem(status, error.detail, code=error.code, pointer=error.pointer, **error.members)


def _location_of(pointer: str) -> str:
    """Return where the request carried the value that a domain error points to: body, path or query.

    The body comes first: an address may have the name of one of its fields in its path.
    """
    name = pointer.removeprefix("/").partition("/")[0]
    body = request.get_json(silent=True)
    if isinstance(body, dict) and name in body:
        return "body"
    if name in (request.view_args or {}):
        return "path"
    return "query" if name in request.args or request.method == "GET" else "body"


def on_http_problem(error: HttpProblem) -> Response:
    response = problem(error.status, error.detail, code=error.code, **error.members)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def on_unexpected_input(error: UnexpectedInput) -> Response:
    errors = [
        {"in": error.where, "pointer": f"/{name}" if name else "", "code": "unknown-field", "detail": "Unknown field."}
        for name in error.names
    ]
    return problem(422, f"This address takes nothing in its {error.where}.", errors=errors)


def on_http_exception(error: HTTPException) -> Response:
    """Return the problem for an exception of Flask, werkzeug or the schemas."""
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # redirects are complete answers
    if isinstance(error.__context__, SlowClient):  # reading the body ended so
        return problem(408, "The rest of the body did not arrive in time; send the request again.")
    if isinstance(error.__context__, TooManySlowClients):
        return unavailable("Too many bodies are on their way at once; try again.")
    messages = (getattr(error, "data", None) or {}).get("messages")
    if messages:
        errors = [
            {"in": _LOCATIONS.get(location, location), "pointer": pointer, "code": code, "detail": detail}
            for location, inner in messages.items()
            for pointer, code, detail in flatten_messages(inner)
        ]
        return problem(error.code, "Some values are not valid; `errors` says which and why.", errors=errors)
    detail = error.description or ""
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        detail = f"This address takes {', '.join(sorted(error.valid_methods))}."
    response = problem(error.code, detail)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def flatten_messages(messages: Any, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield marshmallow's nested messages as (JSON pointer, code, text)."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = "" if key == "_schema" else "/" + str(key).replace("~", "~0").replace("/", "~1")
            yield from flatten_messages(inner, pointer + step)
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield pointer, _MESSAGE_CODES.get(message, "invalid"), str(message)


def on_integrity_error(error: Exception) -> Response:
    log.warning("conflicting write", error=type(error).__name__)
    return with_retry_after(problem(409, "Somebody else changed the same thing at the same moment; ask again."))


def on_database_error(error: DBAPIError) -> Response:
    """Return 503 for what passes by itself only: whoever is told to try again does so for ever."""
    match failure_of(error):
        case Failure.LOCKED:
            detail = "The same thing is being changed right now; ask again."
            return with_retry_after(problem(409, detail, code="request-in-progress"))
        case Failure.CANCELED if request.method == "GET":  # a repeat would take as long
            return problem(422, "This takes too long to find out: ask for fewer days, or for one region or store.")
        case Failure.STORAGE_FULL:
            return unavailable("There is no room left to store anything; reading still works.", code="storage-full")
        case Failure.PERMANENT | Failure.DAMAGED:
            log.error("unexpected error", method=request.method, route=_route(), **loggable(error))
            return problem(500, FAULT_OF_OURS)
        case _:
            log.error("database unavailable", error=type(error.orig).__name__)
            return unavailable("The database does not answer at the moment; try again.")


def on_pool_timeout(_error: PoolTimeout) -> Response:
    return unavailable("Too many requests at once; try again.")


def unavailable(detail: str, *, code: str | None = None) -> Response:
    return with_retry_after(problem(503, detail, code=code))


def with_retry_after(response: Response) -> Response:
    """Set Retry-After to one second: the same request may well succeed then."""
    response.headers["Retry-After"] = "1"
    return response


def on_unexpected_error(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return on_http_exception(error)
    log.error("unexpected error", method=request.method, route=_route(), exc_info=error)
    return problem(500, FAULT_OF_OURS)


def _route() -> str | None:
    """Return the rule of the address. Never the path: the token in the address of a public page is a secret."""
    return request.url_rule.rule if request.url_rule else None


HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    DomainError: on_domain_error,
    HttpProblem: on_http_problem,
    UnexpectedInput: on_unexpected_input,
    IntegrityError: on_integrity_error,
    StaleDataError: on_integrity_error,
    DBAPIError: on_database_error,
    PoolTimeout: on_pool_timeout,
    Exception: on_unexpected_error,
}
