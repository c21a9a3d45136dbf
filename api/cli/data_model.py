"""Entity-relationship diagrams of the tables, one per package, written from SQLAlchemy's metadata as Mermaid."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKeyConstraint, Table

from models.db.base import Base
from models.tables import metadata

TENANT: Final = "organization_id"
HEADER: Final = """\
# Data model

For contributors and operators: which tables there are, in which package their class stands, and
how they refer to each other. `make data-model` writes this page from the models, and `make check`
fails when it is out of date: edit the models, never this page.

How to read it:

- A table of a tenant has the key `(organization_id, id)`, and each of its foreign keys carries
  `organization_id` as well. That column is left out of the diagrams.
- `PK` is the primary key, `FK` a foreign key, `nullable` a column that may be empty.
- A diagram shows the foreign keys within its package. Those to another package are listed below it.
- The packages stand in the order of their imports: each may import those that follow it.
"""
# The order of import-linter's layers, highest first; a package that is missing here comes first.
PACKAGES: Final = (
    "reports",
    "operations",
    "daily_log",
    "outbox",
    "alerts",
    "recovery",
    "concerns",
    "staff",
    "customers",
    "organizations",
    "db",
)


def render_data_model() -> str:
    """Return the text of docs/data-model.md."""
    tables: dict[str, list[tuple[Table, type]]] = defaultdict(list)
    for mapper in Base.registry.mappers:
        if isinstance(mapper.local_table, Table):
            tables[_package_of(mapper.class_)].append((mapper.local_table, mapper.class_))
    packages = {table.name: package for package, members in tables.items() for table, _ in members}
    order = sorted(tables, key=lambda package: (PACKAGES.index(package) if package in PACKAGES else -1, package))
    parts = [HEADER, f"{len(metadata.tables)} tables in {len(tables)} packages.\n"]
    for package in order:
        members = sorted(tables[package], key=lambda member: member[0].name)
        parts += [_section(package, members, packages)]
    return "\n".join(parts)


def _package_of(model: type) -> str:
    return model.__module__.split(".")[1]


def _section(package: str, members: list[tuple[Table, type]], packages: dict[str, str]) -> str:
    lines = [f"## {package}", "", "| table | class | file |", "|---|---|---|"]
    for table, model in members:
        lines += [f"| `{table.name}` | `{model.__name__}` | `{model.__module__.replace('.', '/')}.py` |"]
    lines += ["", "```mermaid", "erDiagram"]
    for table, _ in members:
        lines += [f"    {table.name} {{", *_columns(table), "    }"]
    for table, _ in members:
        for column, target in _references(table):
            if packages[target] == package:
                lines += [f"    {target} {_cardinality(table, column)} {table.name} : {column.name}"]
    lines += ["```", ""]
    outside = [
        f"| `{table.name}.{column.name}` | `{target}` | {packages[target]} |"
        for table, _ in members
        for column, target in _references(table)
        if packages[target] != package
    ]
    if outside:
        lines += ["| foreign key | refers to | in package |", "|---|---|---|", *outside, ""]
    return "\n".join(lines)


def _columns(table: Table) -> Iterator[str]:
    references = {column.name for column, _ in _references(table)}
    for column in table.columns:
        if column.name == TENANT and column.name not in references and len(table.primary_key.columns) > 1:
            continue
        keys = [key for key, holds in (("PK", column.primary_key), ("FK", column.name in references)) if holds]
        note = ' "nullable"' if column.nullable else ""
        yield f"        {_type_of(column)} {column.name}{' ' if keys else ''}{', '.join(keys)}{note}"


def _type_of(column: Column) -> str:
    kind = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
    return "timestamp" if isinstance(kind, sa.DateTime) else type(kind).__name__.lower()


def _references(table: Table) -> Iterator[tuple[Column, str]]:
    """Yield each foreign key of a table as its column and the table it refers to.

    A composite key is told by its second column. Keys on the organization alone are passed over.
    """
    for constraint in sorted(table.foreign_key_constraints, key=_name_of):
        *_, column = constraint.columns
        if column.name != TENANT:
            yield column, constraint.referred_table.name


def _name_of(constraint: ForeignKeyConstraint) -> str:
    return ", ".join(column.name for column in constraint.columns)


def _cardinality(table: Table, column: Column) -> str:
    """Return Mermaid's connector: the referred row on the left (one, or none where the column may be empty)."""
    one_each = any(
        {key.name for key in constraint.columns} == {TENANT, column.name}
        for constraint in table.constraints
        if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
    )
    return f"{'|o' if column.nullable else '||'}--{'o|' if one_each else 'o{'}"
