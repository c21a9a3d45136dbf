"""What is marked of that which a report asks for, and so has to be counted from the rows."""

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

MAX_LISTED = 64  # of more of them each row that is read would be compared with too many


@dataclass(frozen=True)
class ListedDirty:
    """A few of them: the `stores` by month, and the `days` of stores.

    Statements say which, for of those they have to look up PostgreSQL takes a few for many and reads whole tables.
    """

    stores: Collection[tuple[date, UUID]]
    days: Collection[StoreDate]

    @property
    def months(self) -> Sequence[date]:
        """The first days of the months in which anything is marked."""
        return sorted({month for month, _ in self.stores})

    def of_store(self, kind: Any, month: date) -> ColumnElement[bool]:
        """Of a store that is marked in this month."""
        stores: ColumnElement[bool] = kind.store_id.in_([store for of, store in self.stores if of == month])
        return stores

    def on_day(self, kind: Any) -> ColumnElement[bool]:
        """On a day that is marked itself."""
        any_store = kind.store_id.in_({store for store, _ in self.days})
        any_date = kind.business_date.in_({day for _, day in self.days})
        both = tuple_(kind.store_id, kind.business_date).in_(self.days)
        return and_(any_store, any_date, both)  # an index finds the first two


@dataclass(frozen=True)
class SubqueryDirty:
    """Too many to be named: the same, but each statement looks them up."""

    scope: RollupQuery
    months: Sequence[date]

    def of_store(self, kind: Any, month: date) -> ColumnElement[bool]:
        each = (select(mark.store_id).where(mark.month == month) for mark in self.scope.marks)
        stores: ColumnElement[bool] = kind.store_id.in_(union(*each))
        return stores

    def on_day(self, kind: Any) -> ColumnElement[bool]:
        same = (DirtyDay.store_id == kind.store_id, DirtyDay.business_date == kind.business_date)
        return select(DirtyDay.id).where(*same).exists()


Dirty = ListedDirty | SubqueryDirty


def find_dirty(session: ScopedSession, scope: RollupQuery) -> Dirty:
    """What is marked in the months of this scope, whichever stores it is about."""
    first, last = scope.from_date.replace(day=1), scope.to_date
    days = select(DirtyDay.month, DirtyDay.store_id, DirtyDay.business_date).where(DirtyDay.month.between(first, last))
    causes = select(DirtyCauseMonth.month, DirtyCauseMonth.store_id, null()).where(
        DirtyCauseMonth.month.between(first, last)
    )
    asked = union(days, causes) if scope.by_concern else union(days.distinct())
    rows = session.execute(asked.limit(MAX_LISTED + 1)).all()
    if len(rows) <= MAX_LISTED:
        return ListedDirty({(month, store) for month, store, _ in rows}, [(store, day) for _, store, day in rows])
    months = (select(mark.month).where(mark.month.between(first, last)).distinct() for mark in scope.marks)
    return SubqueryDirty(scope, session.scalars(union(*months)).all())
