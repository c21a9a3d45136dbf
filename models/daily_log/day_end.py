"""When the business day of a store ends: each store has one row, so that what is due is found in an index."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.daily_log.daily_log import ONE_DAY
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.organizations.store import Store
from models.policy_defaults import DAY_END_DELAY

MAX_DAY_LENGTH = timedelta(days=3)  # no day lasts so long: who wrote this had a clock that was wrong
RETRY_AFTER_ERROR = timedelta(hours=1)  # until it is tried again
NEW_STORES_BATCH = 500


class DayEndSchedule(TenantOwned):
    """The day of a store that is to be told of next, and when: a little after its end."""

    __tablename__ = "day_end_schedule"
    __table_args__ = (UniqueConstraint("organization_id", "store_id"), Index("ix_day_end_schedule_due", "due_at"))

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    due_at: Mapped[datetime] = mapped_column()

    store: Mapped[Store] = many_to_one("DayEndSchedule", "store_id", "Store")

    @classmethod
    def is_due(cls, at: datetime) -> ColumnElement[bool]:
        return or_(cls.due_at <= at, cls.due_at > at + MAX_DAY_LENGTH)

    @classmethod
    def new_stores(cls, session: Session) -> Sequence[Store]:
        """Some of the stores that have no row yet."""
        known = select(cls.id).where(cls.organization_id == Store.organization_id, cls.store_id == Store.id)
        return session.scalars(select(Store).where(~known.exists()).limit(NEW_STORES_BATCH)).all()

    @classmethod
    def first_row(cls, store: Store, *, at: datetime) -> dict[str, Any]:
        """The row of a new store, from its present day on."""
        today = store.business_date(at)
        return {
            "organization_id": store.organization_id,
            "store_id": store.id,
            "business_date": today,
            "due_at": _due_at(store, today),
        }

    def end(self, *, at: datetime) -> date | None:
        """Wait for the end of the present day; the day that is to be told of now, if one is.

        That is the last one that ended: who was away for a week is not told of seven days.
        """
        today = self.store.business_date(at)
        next_ = self.business_date if self.due_at <= at else today
        self.business_date = max(next_, today)
        self.due_at = _due_at(self.store, self.business_date)
        return today - ONE_DAY if next_ < today else None

    def retry_at(self, *, at: datetime) -> None:
        """Something is wrong with this day, or with its store: later it may be well, and meanwhile others are due."""
        self.due_at = at + RETRY_AFTER_ERROR


def _due_at(store: Store, business_date: date) -> datetime:
    _, end = store.day_bounds(business_date)
    return end + DAY_END_DELAY
