"""Marks: of this store something that is counted has changed, on a business day or among the causes of a month."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped
from uuid_utils.compat import uuid7

from models.db.base import StoreDate, TenantOwned, tenant_fk


class DirtyDay(TenantOwned):
    """One change, until the sums of that day are worked out again; `month` is the first day of its month."""

    __tablename__ = "dirty_day"
    __table_args__ = (Index("ix_dirty_day_month", "organization_id", "month", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    month: Mapped[date]

    @classmethod
    def rows(cls, organization_id: UUID, days: Iterable[StoreDate]) -> list[dict[str, Any]]:
        """A mark for each of these days of an organization, to be written with whatever else it changes."""
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
    """A day of this store's month was worked out again, and its causes were not yet.

    They are let rest until `due_at`, so that of a month in which much happens they are worked out once for all of it.
    """

    __tablename__ = "dirty_cause_month"
    __table_args__ = (
        Index("ix_dirty_cause_month_month", "organization_id", "month", "store_id"),
        Index("ix_dirty_cause_month_due", "organization_id", "due_at"),
    )

    store_id: Mapped[UUID] = tenant_fk("store")
    month: Mapped[date]  # its first day
    due_at: Mapped[datetime]
