"""Rows of the database as tests read them: of one table, or all that belong to one organization."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.notification import Notification
from models.db.base import TenantOwned
from models.db.session import ALL_TENANTS
from models.outbox.message import OutboxKind, OutboxMessage
from models.tables import metadata
from tests.support.app import World

T = TypeVar("T", bound=TenantOwned)


def rows(world: World, model: type[T]) -> Sequence[T]:
    """Every row of a table, oldest first."""
    with world.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(model).order_by(model.id)).unique().all()


def the_alert(world: World) -> Alert:
    """The only one there is."""
    (alert,) = rows(world, Alert)
    return alert


def queued(world: World, *tasks: OutboxKind) -> list[OutboxMessage]:
    """What is still to be done."""
    return [row for row in rows(world, OutboxMessage) if row.done_at is None and (not tasks or row.kind in tasks)]


def notifications(world: World) -> list[Notification]:
    return list(rows(world, Notification))


def of_device(world: World, device_id: UUID) -> Notification:
    """The only notification of a device."""
    (notification,) = (row for row in notifications(world) if row.device_id == device_id)
    return notification


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
