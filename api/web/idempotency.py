"""Idempotent requests: a repeat has no second effect, recognised by Idempotency-Key or by the client's id.

A replay loads the object again and renders it as it is now. What a first answer shows once cannot be in it: a secret
(`models.db.secret.HasSecret`, in schemas `ShownOnce`) lives on the object that was given it, and is not stored.
"""

import hmac
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from uuid import UUID

import orjson
from flask import g, request
from marshmallow.fields import List, Nested
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from api.schemas.base import ClientId
from api.web.keys import body_key
from api.web.smorest_internals import body_schema
from models.db.base import TenantOwned
from models.db.idempotency import IdempotencyKey
from models.db.session import table_with_duplicate_id
from models.errors import Conflict, Invalid

KEY_PATTERN = re.compile(r'"(?P<quoted>[!#-~]{1,255})"|(?P<plain>[!#-~]{1,255})')
REPLAYED_HEADER = {"Idempotent-Replayed": "true"}


def idempotent(
    model: type[TenantOwned],
    *,
    status: int,
    skip_if: str | None = None,
    on_replay: Callable[[Any, dict[str, Any]], Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a POST that answers with a `model`: run it once per key, and answer a repeat with the stored object.

    A create gets its id here: the one the client sent, or a new one. A verb answers with the object of its path.

    Args:
        model: the model of the answer.
        status: the status of the first answer; a repeat by key has it too, a repeat by id has 200.
        skip_if: the field of the body that makes a request a preview, which stores nothing and is never replayed.
        on_replay: makes the answer to a repeat from the stored object and the subjects of the path, where the answer is
            not the object itself.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def run_once(self: Any, *arguments: Any, **path: Any) -> Any:
            key = idempotency_key_header()
            if skip_if and arguments[0][skip_if]:
                return method(self, *arguments, **path)
            object_id, client_id = _object_and_client_id(model, arguments, path)
            replay = _replay(model, key, object_id, client_id, status)
            if replay is not None:
                stored, *rest = replay
                return on_replay(stored, path) if on_replay else stored, *rest
            try:
                answer = method(self, *arguments, **path)
                g.session.flush()
            except IntegrityError as error:
                # Any other violation is a race that a repeat may win. An id in use fails again each time.
                table = table_with_duplicate_id(error)
                pointers = ["/id"] if client_id is not None and table == model.__tablename__ else []
                pointers += _nested_client_ids(getattr(self, request.method.lower()), table)
                if not pointers:
                    raise
                detail = f"An id that came with this is in use: {', '.join(pointers)}."
                pointer = pointers[0] if len(pointers) == 1 else None
                raise Conflict(detail, code="already-exists", pointer=pointer) from error
            return answer

        run_once.idempotent = True  # type: ignore[attr-defined]  # add_url_rule documents the header of the key
        return run_once

    return decorate


def takes_key(method: Callable[..., Any]) -> Callable[..., Any]:
    """Document that a POST takes an Idempotency-Key, which it records by `had_effect_before`."""
    method.idempotent = True  # type: ignore[attr-defined]  # read by add_url_rule
    return method


def had_effect_before(*, status: int, is_preview: bool) -> bool:
    """Record the Idempotency-Key, if one was sent, of a request that makes no object to show again.

    Return whether the key was recorded before. A preview, which stores nothing, records nothing and never was. Invalid
    for a key that is none or was used with another body.
    """
    key = idempotency_key_header()
    body = request.get_data()
    earlier = _record_or_get(f"key:{key}", body, None, status) if key and not is_preview else None
    if earlier and not _has_same_body(earlier, body):
        raise Invalid("This Idempotency-Key was used for another body.", code="idempotency-key-reused")
    return earlier is not None


def _object_and_client_id(model: type[TenantOwned], arguments: Any, path: dict[str, Any]) -> tuple[UUID, UUID | None]:
    subject = next((value for value in path.values() if isinstance(value, model)), None)
    if subject is not None:
        return subject.id, None
    (data,) = arguments
    client_id = data.get("id")
    data["id"] = client_id or uuid7()
    return data["id"], client_id


def _nested_client_ids(method: Callable[..., Any], table: str | None) -> Iterator[str]:
    """Yield where in the lists of the body the client named new rows of this table itself (see ClientId)."""
    schema = body_schema(method)
    for name, field in schema.fields.items() if schema else ():
        nested = field.inner.schema if isinstance(field, List) and isinstance(field.inner, Nested) else None
        id_field = nested.fields.get("id") if nested else None
        if isinstance(id_field, ClientId) and id_field.table == table:
            for number, item in enumerate(request.get_json().get(name) or ()):
                if item.get("id") is not None:
                    yield f"/{name}/{number}/id"


def _replay(model: type[TenantOwned], key: str | None, object_id: UUID, client_id: UUID | None, status: int) -> Any:
    body = orjson.dumps(request.get_json(silent=True), option=orjson.OPT_SORT_KEYS)
    if key and (earlier := _record_or_get(f"key:{key}", body, object_id, status)):
        if not _has_same_body(earlier, body):
            raise Invalid("This Idempotency-Key was used for another body.", code="idempotency-key-reused")
        return model.get_visible(g.session, earlier.object_id, actor=g.actor), earlier.status, REPLAYED_HEADER
    if client_id and (earlier := _record_or_get(f"id:{client_id}", body, object_id, status)):
        if not _has_same_body(earlier, body):
            raise Conflict(f"The id {client_id} is in use.", code="already-exists", pointer="/id")
        return model.get_visible(g.session, earlier.object_id, actor=g.actor), 200, REPLAYED_HEADER
    return None


def _record_or_get(key: str, body: bytes, object_id: UUID | None, status: int) -> IdempotencyKey | None:
    return IdempotencyKey.record_or_get(
        g.session,
        by=g.actor,
        method=request.method,
        path=request.path.lower(),  # an id may be written in capitals
        key=key,
        body=_keyed(body),
        object_id=object_id,
        status=status,
        at=g.now,
    )


def _has_same_body(earlier: IdempotencyKey, body: bytes) -> bool:
    """Return whether the earlier request had the same body. Rows of the version before hold a digest without a key."""
    return earlier.has_same_body(_keyed(body)) or earlier.has_same_body(body)


def _keyed(body: bytes) -> bytes:
    """Return what is kept of a body. It may hold a secret as short as a PIN, which a plain digest would tell."""
    return hmac.digest(body_key(), body, "sha256")


def idempotency_key_header() -> str | None:
    """Return the Idempotency-Key without the quotes of the draft standard, or None. Raises Invalid when malformed."""
    sent = request.headers.get("Idempotency-Key")
    if sent is None:
        return None
    key = KEY_PATTERN.fullmatch(sent.strip())
    if key is None:
        detail = "An Idempotency-Key has 1 to 255 letters, digits or signs, without spaces and quotes."
        raise Invalid(detail, code="invalid-idempotency-key")
    return key["quoted"] or key["plain"]
