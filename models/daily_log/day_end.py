"""Day-end schedule: one row per store with the end of its business day, so that an index finds what is due."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session

from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.many_values import is_any_of
from models.organizations.store import Store
from models.policy_defaults import DAY_END_DELAY

# A store may move from UTC+14 to UTC-12 and let its day begin as much later. A later time was written while a clock was
# wrong.
MAX_DAY_LENGTH = timedelta(days=4)
RETRY_AFTER_ERROR = timedelta(hours=1)
NEW_STORES_BATCH = 500


class DayEndSchedule(TenantOwned):
    """The business day of a store that ends next, and when to act on it: shortly after its end (DAY_END_DELAY)."""

    __tablename__ = "day_end_schedule"
    __table_args__ = (UniqueConstraint("organization_id", "store_id"), Index("ix_day_end_schedule_due", "due_at"))

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    due_at: Mapped[datetime]

    store: Mapped[Store] = many_to_one("DayEndSchedule", "store_id", "Store")

    @classmethod
    def is_due(cls, at: datetime) -> ColumnElement[bool]:
        """Return the criterion for schedules that are due, or have a time that no clock should have written."""
        return or_(cls.due_at <= at, cls.due_at > at + MAX_DAY_LENGTH)

    @classmethod
    def new_stores(cls, session: Session) -> Sequence[Store]:
        """Return a batch of the stores that have no schedule yet."""
        schedule = select(cls.id).where(cls.organization_id == Store.organization_id, cls.store_id == Store.id)
        return session.scalars(select(Store).where(~schedule.exists()).limit(NEW_STORES_BATCH)).all()

    @classmethod
    def first_row(cls, store: Store, *, at: datetime) -> dict[str, Any]:
        """Return the values of the first schedule of a store, which begins with its present day."""
        today = store.business_date(at)
        return {
            "organization_id": store.organization_id,
            "store_id": store.id,
            "business_date": today,
            "due_at": _due_at(store, today),
        }

    def end(self, *, at: datetime) -> date | None:
        """Move on to the present day. Returns the day that has ended and is to be announced now, if any.

        After a longer outage that is only the last day, not each of them.
        """
        today = self.store.business_date(at)
        scheduled = self.business_date if self.due_at <= at else today
        self.business_date = max(scheduled, today)
        self.due_at = _due_at(self.store, self.business_date)
        return self.store.previous_date(today) if scheduled < today else None

    @classmethod
    def follow_terms(cls, session: Session, stores: Sequence[Store]) -> None:
        """Set when the present day of stores ends, after their terms changed. Leave out those without a schedule.

        Waits for a worker that ends a day of such a store at this moment.
        """
        stores_by_id = {store.id: store for store in stores}
        is_concerned = is_any_of(session, (cls.store_id,), [(store_id,) for store_id in stores_by_id])
        for schedule in session.scalars(select(cls).where(is_concerned).order_by(cls.id).with_for_update()):
            schedule.due_at = _due_at(stores_by_id[schedule.store_id], schedule.business_date)

    def retry_at(self, *, at: datetime) -> None:
        """Put the schedule off after an error, so that it does not block the other stores."""
        self.due_at = at + RETRY_AFTER_ERROR


def _due_at(store: Store, business_date: date) -> datetime:
    _, end = store.day_bounds(business_date)
    return end + DAY_END_DELAY
