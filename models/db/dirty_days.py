"""Dirty days: which store days and cause months changed since their rollups were computed.

While a transaction runs, `PendingDirtyDays` collects the days whose figures it moves; the rows are inserted with the
commit. The rollup job deletes them when it has recomputed the day.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped
from uuid_utils.compat import uuid7

from models.db.base import StoreDate, TenantOwned, tenant_fk


class DirtyDay(TenantOwned):
    """One change of a store's day whose rollups have not been recomputed yet. `month` is the first day of its month."""

    __tablename__ = "dirty_day"
    __table_args__ = (Index("ix_dirty_day_month", "organization_id", "month", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    month: Mapped[date]

    @classmethod
    def rows(cls, organization_id: UUID, days: Iterable[StoreDate]) -> list[dict[str, Any]]:
        """Return one row per day, to be inserted."""
        return [
            {
                "organization_id": organization_id,
                "id": uuid7(),
                "store_id": store_id,
                "business_date": business_date,
                "month": business_date.replace(day=1),
            }
            for store_id, business_date in days
        ]


class DirtyCauseMonth(TenantOwned):
    """A day of this store's month was recomputed, the month's causes were not yet.

    They wait until `due_at`, so that a month in which much happens is recomputed once for many changes.
    """

    __tablename__ = "dirty_cause_month"
    __table_args__ = (
        Index("ix_dirty_cause_month_month", "organization_id", "month", "store_id"),
        Index("ix_dirty_cause_month_due", "organization_id", "due_at"),
    )

    store_id: Mapped[UUID] = tenant_fk("store")
    month: Mapped[date]  # its first day
    due_at: Mapped[datetime]


class PendingDirtyDays:
    """Store days whose figures a transaction moves, by organization.

    A rolled back savepoint leaves its days here: a day too many costs one recomputation, a day too few a wrong report.
    """

    def __init__(self) -> None:
        self._days: dict[UUID, set[StoreDate]] = defaultdict(set)

    def add(self, row: TenantOwned) -> None:
        """Note the day whose figures a change of this row moves, if there is one."""
        if (day := row.rollup_day) is not None:
            self._days[row.organization_id].add(day)

    def take(self) -> dict[UUID, list[dict[str, Any]]]:
        """Return the collected days by organization, as rows of `DirtyDay`, and forget them."""
        collected, self._days = self._days, defaultdict(set)
        return {organization_id: DirtyDay.rows(organization_id, days) for organization_id, days in collected.items()}
