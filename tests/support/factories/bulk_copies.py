"""Many rows quickly: copies of existing rows, for tests of how a large organization performs."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from uuid_utils.compat import uuid7

from models.tables import metadata

Fresh = Callable[[int], Any]


def copy(owner: sa.Connection, table: str, original: Mapping[str, Any], count: int, **fresh: Fresh) -> list[UUID]:
    """Insert so many copies of a row, each with a new id and the values of `fresh` for its number; return the ids."""
    ids = [uuid7() for _ in range(count)]
    rows = [
        {**original, "id": id_, **{name: value(number) for name, value in fresh.items()}}
        for number, id_ in enumerate(ids)
    ]
    owner.execute(metadata.tables[table].insert(), rows)
    return ids


def originals(owner: sa.Connection, table: str, **equal: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a table with these values."""
    columns = metadata.tables[table].c
    rows = owner.execute(sa.select(*columns).where(*(columns[name] == value for name, value in equal.items())))
    return [row._asdict() for row in rows]


def multiply(owner: sa.Connection, table: str, original: Any, count: int, **expressions: str) -> None:
    """Let the database insert so many copies of a row: `expressions` may use `original` and the number `n`."""
    fresh = {"id": f"md5('{table}' || n)::uuid", **expressions}
    columns = [column.name for column in metadata.tables[table].columns]
    values = ", ".join(fresh.get(name, f'original."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    owner.execute(
        sa.text(
            f'INSERT INTO "{table}" ({names}) SELECT {values}'  # noqa: S608 our own names
            f' FROM "{table}" original, generate_series(1, {count}) n WHERE original.id = :original'
        ),
        {"original": original},
    )
