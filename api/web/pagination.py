"""Keyset pagination: stable under writes, of the same cost on every page. A cursor is signed and bound to its list."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from flask import current_app, g, request
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Date, Select, Uuid, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.types import TypeEngine

from models.db.base import UtcDateTime
from models.errors import Invalid

BAD_CURSOR = "This cursor is not one of this list with these filters; start again without it."


def paginate(
    stmt: Select[Any],
    *columns: InstrumentedAttribute[Any] | KeyedColumnElement[Any],
    limit: int,
    cursor: str | None,
    descending: bool = False,
    whole_rows: bool = False,
    address: str | None = None,
) -> dict[str, Any]:
    """Return one page of a list ordered by `columns`, which together must be unique.

    An item is the first thing that the statement selects or, with `whole_rows`, the whole row. `address` is where the
    list goes on, unless that is the address of the request with its filters.

    Raises Invalid for a cursor that is not of this list with these filters.
    """
    if cursor is not None:
        after = tuple_(
            *(
                literal(value, column.type)
                for value, column in zip(_cursor_position(cursor, columns), columns, strict=True)
            )
        )
        stmt = stmt.where(tuple_(*columns) < after if descending else tuple_(*columns) > after)
    ordered = stmt.order_by(*(column.desc() if descending else column.asc() for column in columns))
    page = ordered.limit(limit + 1)
    rows = list(g.session.execute(page)) if whole_rows else list(g.session.scalars(page).unique())
    last = rows[limit - 1] if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": _cursor_of(last, columns, address) if last is not None else None}


def paginate_sorted(
    rows: Iterable[Any], key: Callable[[Any], list[Any]], *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return one page of a short list that is sorted here, by what a database cannot sort by.

    `key` is unique and made of what JSON has. Raises Invalid for a cursor that is not of this list with these filters.
    """
    page = sorted(rows, key=key)
    if cursor is not None:
        after = cursor_values(cursor)
        if page and len(after) != len(key(page[0])):  # made when the list was ordered in another way
            raise Invalid(BAD_CURSOR, pointer="/cursor")
        page = [row for row in page if key(row) > after]
    following = sign_cursor(key(page[limit - 1])) if len(page) > limit else None
    return {"items": page[:limit], "next_cursor": following}


def link_to_next(cursor: str | None) -> dict[str, str]:
    """Return the header that leads to the next page of this list (RFC 8288), and none after the last one."""
    if cursor is None:
        return {}
    query = [*((name, value) for name, value in request.args.items(multi=True) if name != "cursor"), ("cursor", cursor)]
    return {"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'}


def sign_cursor(after: Sequence[Any], address: str | None = None) -> str:
    """Return a signed cursor of this list, or of the one at `address`, that carries these values."""
    return _serializer().dumps([after, _list_digest(address)])


def cursor_values(cursor: str, address: str | None = None, *, pointer: str = "/cursor") -> list[Any]:
    """Return the values that a cursor of this list, or of `address`, carries. Raises Invalid for any other cursor."""
    try:
        after, digest = _serializer().loads(cursor)
    except BadSignature as error:
        raise Invalid(BAD_CURSOR, pointer=pointer) from error
    if digest != _list_digest(address):
        raise Invalid(BAD_CURSOR, pointer=pointer)
    return list(after)


def _cursor_of(row: Any, columns: tuple[Any, ...], address: str | None) -> str:
    return sign_cursor([_value_to_json(getattr(row, column.key)) for column in columns], address)


def _cursor_position(cursor: str, columns: tuple[Any, ...]) -> list[Any]:
    values = cursor_values(cursor)
    if len(values) != len(columns):  # made when the list was ordered in another way
        raise Invalid(BAD_CURSOR, pointer="/cursor")
    return [_value_from_json(value, column.type) for value, column in zip(values, columns, strict=True)]


def _value_to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value if isinstance(value, int) else str(value)


def _value_from_json(value: Any, kind: TypeEngine[Any]) -> Any:
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return UUID(value) if isinstance(kind, Uuid) else value


def _list_digest(address: str | None = None) -> str:
    """Return a digest of the list's address, filters and tenant, by which a cursor of another list is refused.

    A list at another `address` than the request's has no filters.
    """
    sent = request.args.items() if address is None else ()
    filters = sorted((name, value) for name, value in sent if name not in ("cursor", "limit"))
    identity = orjson.dumps([str(g.actor.organization_id), address or request.path, filters])
    return hashlib.sha256(identity).hexdigest()[:16]


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="cursor")
