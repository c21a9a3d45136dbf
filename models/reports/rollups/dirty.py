"""What is marked of that which a report asks for, and so has to be counted from the rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, null, select, tuple_, union

from models.db.base import StoreDate
from models.db.dirty_days import CauseMark, Mark
from models.db.session import ScopedSession
from models.reports.rollups.scope import Scope

NAMED = 64  # of more of them each row that is read would be compared with too many


@dataclass(frozen=True)
class Named:
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
class LookedUp:
    """Too many to be named: the same, but each statement looks them up."""

    scope: Scope
    months: Sequence[date]

    def of_store(self, kind: Any, month: date) -> ColumnElement[bool]:
        each = (select(mark.store_id).where(mark.month == month) for mark in self.scope.marks)
        stores: ColumnElement[bool] = kind.store_id.in_(union(*each))
        return stores

    def on_day(self, kind: Any) -> ColumnElement[bool]:
        same = (Mark.store_id == kind.store_id, Mark.business_date == kind.business_date)
        return select(Mark.id).where(*same).exists()


Marked = Named | LookedUp


def marked(session: ScopedSession, scope: Scope) -> Marked:
    """What is marked in the months of this scope, whichever stores it is about."""
    first, last = scope.from_date.replace(day=1), scope.to_date
    days = select(Mark.month, Mark.store_id, Mark.business_date).where(Mark.month.between(first, last))
    causes = select(CauseMark.month, CauseMark.store_id, null()).where(CauseMark.month.between(first, last))
    asked = union(days, causes) if scope.by_concern else union(days.distinct())
    rows = session.execute(asked.limit(NAMED + 1)).all()
    if len(rows) <= NAMED:
        return Named({(month, store) for month, store, _ in rows}, [(store, day) for _, store, day in rows])
    months = (select(mark.month).where(mark.month.between(first, last)).distinct() for mark in scope.marks)
    return LookedUp(scope, session.scalars(union(*months)).all())
