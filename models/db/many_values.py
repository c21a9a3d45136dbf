"""Criteria over thousands of values, as one parameter."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, CompoundSelect, Select, any_, cast, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session


def is_any_of(
    session: Session, columns: Sequence[InstrumentedAttribute[Any]], rows: Sequence[Sequence[Any]]
) -> ColumnElement[bool]:
    """Return the criterion that the columns have the values of one of these rows, however many there are.

    The values come from a subquery: the database looks each of them up by index, or all by a hash table. With a list
    after IN it may compare each value with each row. A row's values are one parameter per column on PostgreSQL and one
    for all on SQLite, which are unfolded by different functions, hence the branch.
    """
    dialect = session.get_bind().dialect
    if dialect.name == "postgresql":
        arrays = [cast([row[index] for row in rows], ARRAY(column.type)) for index, column in enumerate(columns)]
        wanted = func.unnest(*arrays).table_valued(*(column.key for column in columns)).render_derived()
        return tuple_(*columns).in_(select(*wanted.c))
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) or _unchanged for column in columns]
    stored = [[process(value) for process, value in zip(processors, row, strict=True)] for row in rows]
    wanted = func.json_each(json.dumps(stored)).table_valued("value")
    values = (
        func.json_extract(wanted.c.value, f"$[{index}]", type_=column.type) for index, column in enumerate(columns)
    )
    return tuple_(*columns).in_(select(*values))


def is_selected(
    session: Session, column: InstrumentedAttribute[Any], stmt: Select[Any] | CompoundSelect[Any]
) -> ColumnElement[bool]:
    """Return the criterion that a column has one of the values that a statement selects, which is run first, once.

    With IN, PostgreSQL joins them, behind the joins that the statement around it has for what an answer shows: then it
    reads the whole table. SQLite knows no arrays, and runs the statement first; hence the branch.
    """
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(func.array(stmt.scalar_subquery()))
    return column.in_(stmt)


def _unchanged(value: Any) -> Any:
    return value
