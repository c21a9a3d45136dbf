"""Rows of the database as tests read them: of one table, or all that belong to one organization."""

from collections.abc import Sequence
from functools import cache
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
from tests.support.app import App

T = TypeVar("T", bound=TenantOwned)


def rows(app: App, model: type[T]) -> Sequence[T]:
    """Return every row of a table, oldest first."""
    with app.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(model).order_by(model.id)).unique().all()


def only_alert(app: App) -> Alert:
    """Return the only alert."""
    (alert,) = rows(app, Alert)
    return alert


def pending_messages(app: App, *tasks: OutboxKind) -> list[OutboxMessage]:
    """Return the outbox messages that are not done, of these kinds or of all."""
    return [row for row in rows(app, OutboxMessage) if row.done_at is None and (not tasks or row.kind in tasks)]


def notifications(app: App) -> list[Notification]:
    return list(rows(app, Notification))


def notification_of_device(app: App, device_id: UUID) -> Notification:
    """Return the only notification of a device."""
    (notification,) = (row for row in notifications(app) if row.device_id == device_id)
    return notification


def rows_of_organization(owner: sa.Engine, organization_id: UUID) -> dict[str, list[Any]]:
    """Return every row of an organization by table, without the columns `seen_at`, which change with each request."""
    rows_by_table = {}
    with owner.connect() as connection:
        for table in tenant_tables():
            columns = [column for column in table.columns if column.name != "seen_at"]
            stmt = sa.select(*columns).where(table.c.organization_id == organization_id)
            rows_by_table[table.name] = sorted(map(repr, connection.execute(stmt)))
    return rows_by_table


def versions_of_organization(owner: sa.Engine, organization_id: UUID) -> dict[str, Any]:
    """Return the number of rows and the sum of their versions by table: almost every change alters one of them."""
    with owner.connect() as connection:
        traces = connection.execute(_count_versions(), {"organization_id": organization_id})
        return {name: (rows, versions) for name, rows, versions in traces}


@cache
def _count_versions() -> sa.CompoundSelect[Any]:
    """Return the statement, made once: of all tables, that takes longer than to execute it."""
    selects = []
    for table in tenant_tables():
        versions = sa.func.sum(table.c.version) if "version" in table.columns else sa.literal(0)
        mine = table.c.organization_id == sa.bindparam("organization_id")
        selects.append(sa.select(sa.literal(table.name), sa.func.count(), versions).where(mine))
    return sa.union_all(*selects)


def tenant_tables() -> list[sa.Table]:
    """Return the tables whose rows belong to one organization."""
    return [table for table in metadata.sorted_tables if "organization_id" in table.columns]
