"""List of daily logs: the business days of stores on which there were concerns, and whether they are signed."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, select

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.daily_log.daily_log import DailyLog
from models.errors import Invalid
from models.organizations.store import Store
from models.policy_defaults import LOG_LIST_PERIOD, MAX_REPORT_DAYS, UNHAPPY_MOOD
from models.reports.totals import count_where


@dataclass(frozen=True)
class LogDay:
    """One business day of a store: its concerns, sensitive ones among them, and when it was signed."""

    business_date: date
    store: Store
    concerns: int
    unhappy: int
    signed_at: datetime | None

    @property
    def closes_at(self) -> datetime:
        """Return from when the day can be signed."""
        return self.store.closing_time(self.business_date)

    @classmethod
    def of(cls, row: Any) -> "LogDay":
        return cls(row.business_date, row.Store, row.concerns, row.unhappy, row.signed_at)


def select_log_days(
    actor: Actor,
    *,
    at: datetime,
    from_date: date | None = None,
    to_date: date | None = None,
    signed: bool | None = None,
    store_id: UUID | None = None,
) -> Select[Any]:
    """Return a statement for the rows of LogDay: the days with concerns of the stores within reach.

    Without `from_date` the list begins LOG_LIST_PERIOD before `to_date`, or before now; without `to_date` it ends now.
    `unsigned_days` of the recovery report are those with `signed` False. Invalid for more than MAX_REPORT_DAYS.
    """
    first = from_date or (to_date or at.date()) - LOG_LIST_PERIOD
    last = to_date or at.date() + timedelta(days=1)  # which has begun in some zones
    if (last - first).days >= MAX_REPORT_DAYS:
        raise Invalid(f"A list covers at most {MAX_REPORT_DAYS} days: say until when.", pointer="/to")
    of_stores = Store.filter_criteria(actor, store_id=store_id)
    days = (
        select(
            Concern.business_date,
            Concern.store_id,
            func.count().label("concerns"),
            count_where(Concern.mood <= UNHAPPY_MOOD).label("unhappy"),
        )
        .join(Concern.store)
        .where(*of_stores, Concern.business_date.between(first, last), IS_COUNTED_CONCERN)
        .group_by(Concern.business_date, Concern.store_id)
        .subquery()
    )
    is_log = and_(DailyLog.store_id == days.c.store_id, DailyLog.business_date == days.c.business_date)
    stmt = (
        select(*days.c, DailyLog.signed_at, Store).join(Store, Store.id == days.c.store_id).outerjoin(DailyLog, is_log)
    )
    if signed is None:
        return stmt
    return stmt.where(DailyLog.signed_at.is_not(None) if signed else DailyLog.signed_at.is_(None))
