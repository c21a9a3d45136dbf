"""Dirty days of a report: which of its stores and days have to be counted from the rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, null, select, tuple_, union

from models.db.base import StoreDate
from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.db.session import ScopedSession
from models.reports.rollups.scope import RollupQuery

MAX_LISTED = 64  # above this, comparing each row with a list costs more than a subquery


@dataclass(frozen=True)
class ListedDirty:
    """A few dirty stores by month, and dirty days of stores, written into the statements.

    A subquery would do, but PostgreSQL estimates too many rows for it and reads whole tables.
    """

    stores: Collection[tuple[date, UUID]]
    days: Collection[StoreDate]

    @property
    def months(self) -> Sequence[date]:
        """Return the first days of the months in which anything is dirty."""
        return sorted({month for month, _ in self.stores})

    def in_dirty_store(self, model: Any, month: date) -> ColumnElement[bool]:
        """Return whether a row is of a store that is dirty in this month."""
        store_ids = [store_id for dirty_month, store_id in self.stores if dirty_month == month]
        criterion: ColumnElement[bool] = model.store_id.in_(store_ids)
        return criterion

    def on_dirty_day(self, model: Any) -> ColumnElement[bool]:
        """Return whether a row is of a store and day that are dirty. An index finds the first two criteria."""
        dirty_store = model.store_id.in_({store_id for store_id, _ in self.days})
        dirty_date = model.business_date.in_({day for _, day in self.days})
        return and_(dirty_store, dirty_date, tuple_(model.store_id, model.business_date).in_(self.days))


@dataclass(frozen=True)
class SubqueryDirty:
    """Too many dirty stores and days to list: each statement looks them up. It has the methods of ListedDirty."""

    query: RollupQuery
    months: Sequence[date]

    def in_dirty_store(self, model: Any, month: date) -> ColumnElement[bool]:
        dirty_stores = (select(dirty.store_id).where(dirty.month == month) for dirty in self.query.dirty_models)
        criterion: ColumnElement[bool] = model.store_id.in_(union(*dirty_stores))
        return criterion

    def on_dirty_day(self, model: Any) -> ColumnElement[bool]:
        same_day = (DirtyDay.store_id == model.store_id, DirtyDay.business_date == model.business_date)
        return select(DirtyDay.id).where(*same_day).exists()


Dirty = ListedDirty | SubqueryDirty


def find_dirty(session: ScopedSession, query: RollupQuery) -> Dirty:
    """Find what is dirty in the months of a report, in whichever stores."""
    first, last = query.from_date.replace(day=1), query.to_date
    days = select(DirtyDay.month, DirtyDay.store_id, DirtyDay.business_date).where(DirtyDay.month.between(first, last))
    cause_months = select(DirtyCauseMonth.month, DirtyCauseMonth.store_id, null()).where(
        DirtyCauseMonth.month.between(first, last)
    )
    stmt = union(days, cause_months) if query.by_concern else union(days.distinct())
    rows = session.execute(stmt.limit(MAX_LISTED + 1)).all()
    if len(rows) <= MAX_LISTED:
        stores = {(month, store_id) for month, store_id, _ in rows}
        return ListedDirty(stores, [(store_id, day) for _, store_id, day in rows])
    months = (select(dirty.month).where(dirty.month.between(first, last)).distinct() for dirty in query.dirty_models)
    return SubqueryDirty(query, session.scalars(union(*months)).all())
