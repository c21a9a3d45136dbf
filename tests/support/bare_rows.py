"""Rows of a revision that is not the present one, without the models."""

from datetime import date, time
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa


def insert_row(connection: sa.Connection, table: str, **values: Any) -> None:
    """Insert a row with these values, and something that fits in each other column that wants a value."""
    reflected = sa.Table(table, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    for column in reflected.columns:
        if column.name not in values and not column.nullable and column.server_default is None:
            values[column.name] = _some(column.type)
    if connection.dialect.name == "sqlite":
        values = {name: value.hex if isinstance(value, UUID) else value for name, value in values.items()}
    connection.execute(reflected.insert().values(values))


def _some(kind: Any) -> Any:
    """Return a value of a type that says nothing."""
    if isinstance(kind, sa.Boolean | sa.Integer):
        return False if isinstance(kind, sa.Boolean) else 1
    if isinstance(kind, sa.DateTime | sa.Date | sa.Time):
        return {sa.Date: date(2026, 3, 3), sa.Time: time(4)}.get(type(kind), sa.func.current_timestamp())
    return [] if isinstance(kind, sa.JSON) else str(uuid4())[:8]
