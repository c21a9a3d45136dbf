"""A page of a list as a table: a line per item, under the columns of its schema."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from marshmallow import fields

from api.schemas.base import PersonSchema, Schema
from api.web.tables.columns import Column, columns_of, lines_of
from api.web.tables.table_file import About, Sheet, TableFile, key_column

STORE_ID, STORE_NAME = "store_id", "store_name"
# What a line is about, in this order.
KEYS: Final = ("id", "name", STORE_ID, STORE_NAME, "store_slug", "business_date")
_NO_KEY: Final = len(KEYS)


@dataclass(frozen=True)
class ListedItem:
    """An item of a page, as its schema dumped it for this reader, and the name of its store."""

    shown: Mapping[str, Any]
    store_name: str | None = None


def list_file(
    name: str,
    title: str,
    schema: Schema,
    items: Iterable[ListedItem],
    *,
    about: Mapping[str, About],
    by_store: bool,
) -> TableFile:
    """Return the file of a page of a list."""
    columns = _columns(schema, by_store=by_store)
    rows = ({**item.shown, STORE_NAME: item.store_name} if by_store else item.shown for item in items)
    return TableFile(name, title, about, [Sheet(title, columns, lines_of(columns, rows))])


def without_people(schema: Schema, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item without members of staff, for tables that go to another system."""
    item = dict(shown)
    for name, field in schema.dump_fields.items():
        if isinstance(field, fields.Nested) and item.get(name) is not None:  # some are there only where asked for
            is_person = isinstance(field.schema, PersonSchema)
            item[name] = None if is_person else without_people(field.schema, item[name])
    return item


def _columns(schema: Schema, *, by_store: bool) -> list[Column]:
    """Return the columns with those first that say what a line is about."""
    columns = columns_of(schema)
    if by_store:
        columns.append(key_column(STORE_NAME, "The store; empty for what holds in all stores."))
    columns = [replace(column, is_key=column.name in KEYS) for column in columns]
    return sorted(columns, key=lambda column: KEYS.index(column.name) if column.is_key else _NO_KEY)
