"""All that belongs to an organization, read without the application: whether a request left anything, and where."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.tables import metadata


def rows_of(owner: sa.Engine, organization_id: UUID) -> dict[str, list[Any]]:
    """Every row of an organization, by table; what only says when somebody was last seen is left out."""
    found = {}
    with owner.connect() as connection:
        for table in tenant_tables():
            columns = [column for column in table.columns if column.name != "seen_at"]
            question = sa.select(*columns).where(table.c.organization_id == organization_id)
            found[table.name] = sorted(map(repr, connection.execute(question)))
    return found


def traces_of(owner: sa.Engine, organization_id: UUID) -> dict[str, Any]:
    """What almost every change leaves a trace in, in one look: how many rows there are, and their versions together."""
    traces = []
    for table in tenant_tables():
        versions = sa.func.sum(table.c.version) if "version" in table.columns else sa.literal(0)
        mine = table.c.organization_id == organization_id
        traces.append(sa.select(sa.literal(table.name), sa.func.count(), versions).where(mine))
    with owner.connect() as connection:
        return {name: (rows, versions) for name, rows, versions in connection.execute(sa.union_all(*traces))}


def tenant_tables() -> list[sa.Table]:
    """The tables whose rows belong to one organization."""
    return [table for table in metadata.sorted_tables if "organization_id" in table.columns]
