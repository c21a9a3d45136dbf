"""A request that is sent twice has its effect once: by Idempotency-Key, and by the id the phone gave."""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from uuid import UUID

import orjson
from flask import g, request
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from models.db.base import TenantOwned
from models.db.idempotency import AnsweredRequest
from models.db.session import table_with_that_id
from models.errors import Conflict, Invalid

KEY = re.compile(r"[!#-~]{1,255}")
REPLAYED = {"Idempotent-Replayed": "true"}


def once(
    shown: type[TenantOwned], *, status: int, unless: str | None = None, again: Callable[[Any], Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a POST that answers with a `shown`: do it once per key, and show the object again on a repeat.

    A create gets its id here, the phone's or a new one; a verb shows the object of its path. A body that says `unless`
    (a preview) leaves nothing behind that could be shown again: it is answered anew. `again` makes the answer to a
    repeat, where it is more than the object itself.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def answer(self: Any, *arguments: Any, **path: Any) -> Any:
            if unless and arguments[0][unless]:
                return method(self, *arguments, **path)
            object_id, client_id = _object_id(shown, arguments, path)
            replay = _replay(shown, object_id, client_id, status)
            if replay is not None:
                found, *rest = replay
                return again(found) if again else found, *rest
            try:
                answered = method(self, *arguments, **path)
                g.session.flush()
            except IntegrityError as error:
                # Any other broken rule is a race that a repeat may win; this one would be lost again each time.
                table = table_with_that_id(error)
                if not (
                    named := [pointer for pointer, kind in _given_ids(shown, arguments, client_id) if kind == table]
                ):
                    raise
                detail = f"An id that came with this is in use: {', '.join(named)}."
                pointer = named[0] if len(named) == 1 else None
                raise Conflict(detail, code="already-exists", pointer=pointer) from error
            return answered

        answer.once = True  # type: ignore[attr-defined]  # so that the document tells of the key
        return answer

    return decorate


def _object_id(shown: type[TenantOwned], arguments: Any, path: dict[str, Any]) -> tuple[UUID, UUID | None]:
    subject = next((value for value in path.values() if isinstance(value, shown)), None)
    if subject is not None:
        return subject.id, None
    (data,) = arguments
    client_id = data.get("id")
    data["id"] = client_id or uuid7()
    return data["id"], client_id


def _given_ids(shown: type[TenantOwned], arguments: Any, client_id: UUID | None) -> Iterator[tuple[str, str]]:
    """Where in the body the phone named new things itself, and the table each of them goes to."""
    if client_id is not None:
        yield "/id", shown.__tablename__
    for name, inner in (arguments[0] if arguments else {}).items():
        for number, part in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(part, dict) and "id" in part:
                yield f"/{name}/{number}/id", name.removesuffix("s")


def _replay(shown: type[TenantOwned], object_id: UUID, client_id: UUID | None, status: int) -> Any:
    body = orjson.dumps(request.get_json(silent=True), option=orjson.OPT_SORT_KEYS)
    key = header_key()
    if key and (earlier := _remember(f"key:{key}", body, object_id, status)):
        if not earlier.was_about(body):
            raise Invalid("This Idempotency-Key was used for another body.", code="idempotency-key-reused")
        return shown.find(g.session, earlier.object_id, seen_by=g.actor), earlier.status, REPLAYED
    if client_id and (earlier := _remember(f"id:{client_id}", body, object_id, status)):
        if not earlier.was_about(body):
            raise Conflict(f"The id {client_id} is in use.", code="already-exists", pointer="/id")
        return shown.find(g.session, earlier.object_id, seen_by=g.actor), 200, REPLAYED
    return None


def _remember(key: str, body: bytes, object_id: UUID, status: int) -> AnsweredRequest | None:
    return AnsweredRequest.remember(
        g.session,
        by=g.actor,
        method=request.method,
        path=request.path.lower(),  # an id may be written in capitals
        key=key,
        body=body,
        object_id=object_id,
        status=status,
        at=g.now,
    )


def header_key() -> str | None:
    """The Idempotency-Key, with the quotes of the draft standard taken off; Invalid when it is none."""
    sent = request.headers.get("Idempotency-Key")
    if sent is None:
        return None
    key = sent.strip().removeprefix('"').removesuffix('"')
    if not KEY.fullmatch(key):
        detail = "An Idempotency-Key has 1 to 255 letters, digits or signs, without spaces and quotes."
        raise Invalid(detail, code="invalid-idempotency-key")
    return key
