"""Compare a database with the tables that the models name: what is missing is found at start, not by a failed request.

Only what is missing counts. More tables, columns or constraints than the models name are no misfit: a process of the
release before must keep working while the next one's migration has already run.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint

from models.db.base import Base

Reflected = dict[str, Any]


class SchemaMismatch(Exception):
    """The database lacks tables, columns or constraints that the models name."""

    def __init__(self, missing: list[str]) -> None:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        super().__init__(
            f"this database lacks {', '.join(missing[:3])}{more}; bring it up to date: flask --app wsgi db upgrade"
        )
        self.missing = missing


def find_missing(connection: Connection, metadata: MetaData = Base.metadata) -> list[str]:
    """Return what the models name and the database does not have, such as `the column store.kind`; sorted.

    Constraints are compared by their columns and targets, not by their names. Takes one statement per kind of object on
    PostgreSQL, and a few per table on SQLite.
    """
    inspector = sa.inspect(connection)
    columns = {
        key[1]: {column["name"] for column in table_columns}
        for key, table_columns in inspector.get_multi_columns().items()
    }
    reflected: Reflected = {
        "primary": {key[1]: constraint for key, constraint in inspector.get_multi_pk_constraint().items()},
        "foreign": {key[1]: constraints for key, constraints in inspector.get_multi_foreign_keys().items()},
        "unique": {key[1]: constraints for key, constraints in inspector.get_multi_unique_constraints().items()},
        "indexes": {key[1]: indexes for key, indexes in inspector.get_multi_indexes().items()},
    }
    missing: list[str] = []
    for table in metadata.tables.values():
        if table.name not in columns:
            missing.append(f"the table {table.name}")
            continue
        lacking = {column.name for column in table.columns} - columns[table.name]
        missing += [f"the column {table.name}.{name}" for name in lacking]
        if not lacking:
            missing += _missing_constraints(table, reflected)
    return sorted(missing)


def _missing_constraints(table: Table, reflected: Reflected) -> Iterator[str]:
    primary = set(reflected["primary"][table.name]["constrained_columns"])
    foreign = {
        (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
        for key in reflected["foreign"][table.name]
    }
    unique = {frozenset(constraint["column_names"]) for constraint in reflected["unique"][table.name]}
    unique |= {frozenset(index["column_names"]) for index in reflected["indexes"][table.name] if index["unique"]}
    for constraint in table.constraints:
        names = [column.name for column in constraint.columns] if hasattr(constraint, "columns") else []
        shown = f"{table.name} ({', '.join(names)})"
        match constraint:
            case PrimaryKeyConstraint() if set(names) != primary:
                yield f"the primary key of {shown}"
            case ForeignKeyConstraint():
                targets = tuple(element.column.name for element in constraint.elements)
                if (tuple(names), constraint.referred_table.name, targets) not in foreign:
                    yield f"the foreign key of {shown}"
            case UniqueConstraint() if frozenset(names) not in unique:
                yield f"the unique constraint of {shown}"
    for index in table.indexes:
        names = [column.name for column in index.columns]
        if index.unique and frozenset(names) not in unique:
            yield f"the unique index of {table.name} ({', '.join(names)})"
