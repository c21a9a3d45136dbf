"""Marks: on this business day of this store something that is counted has changed."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped
from uuid_utils.compat import uuid7

from models.base import StoreDate, TenantOwned, link


class Mark(TenantOwned):
    """One change, until the sums of that day are worked out again; `month` is the first day of its month."""

    __tablename__ = "rollup_dirty"
    __table_args__ = (Index("ix_rollup_dirty_month", "organization_id", "month", "store_id", "business_date"),)

    store_id: Mapped[UUID] = link("store")
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
