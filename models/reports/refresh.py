"""Keeping the sums: what is marked is worked out again from the rows, one organization at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, inspect, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from models.asked_well import AskedWell
from models.concern import Concern
from models.follow_up import FollowUp
from models.mark import Mark
from models.organization import Organization
from models.reports.counting import SECONDS, Total, Totals, by_group, count_concerns, count_listening
from models.reports.groups import GroupBy, Grouping
from models.reports.histogram import pack
from models.reports.periods import following_month
from models.reports.rollups import Kept, KeptCause, KeptDay, KeptMonth, add_up
from models.session import EVERYTHING, Database
from models.store import Store
from models.store_day import StoreDay

DAYS_AT_ONCE = 64
COUNTED = (Concern, FollowUp, AskedWell, StoreDay, KeptDay)
BY_DAY = (GroupBy.STORE, GroupBy.DAY)
BY_MONTH = (GroupBy.STORE, GroupBy.MONTH)
BY_CAUSE = (GroupBy.STORE, GroupBy.MONTH, GroupBy.CATEGORY, GroupBy.CAUSE)


def refresh(database: Database, *, at_once: int = DAYS_AT_ONCE, wait: bool = False) -> int:
    """Work out some of what is marked of one organization; how many days, 0 when nothing is marked.

    What another worker holds is passed over, unless `wait` says to wait for it.
    """
    for organization_id in marked_organizations(database):
        if days := refresh_one(database, organization_id, at_once=at_once, wait=wait):
            return days
    return 0


def marked_organizations(database: Database) -> Sequence[UUID]:
    """Of whose days some are marked."""
    marks = select(Mark.id).where(Mark.organization_id == Organization.id)
    with database.reading(EVERYTHING) as session:
        return session.scalars(select(Organization.id).where(marks.exists()).order_by(Organization.id)).all()


def refresh_one(database: Database, organization_id: UUID, *, at_once: int = DAYS_AT_ONCE, wait: bool = False) -> int:
    """Work out some of what is marked of this organization, in one transaction; how many days it was."""
    with database.writing(organization_id) as session:
        return refresh_marked(session, organization_id, at_once=at_once, wait=wait)


def mark_everything(database: Database) -> Iterator[int]:
    """Mark every day of every store on which anything was counted, or is kept; store by store, how many there are."""
    with database.reading(EVERYTHING) as session:
        stores = session.execute(select(Store.organization_id, Store.id).order_by(Store.organization_id, Store.id))
        keys = stores.all()
    for organization_id, store_id in keys:
        with database.writing(organization_id) as session:
            days = _mark_store(session, organization_id, store_id)
        yield days


def refresh_everything(database: Database) -> Iterator[int]:
    """Work out all that is marked, whoever else is at it; some days at a time, how many."""
    while days := refresh(database, wait=True):
        yield days


def refresh_marked(session: Session, organization_id: UUID, *, at_once: int = DAYS_AT_ONCE, wait: bool = False) -> int:
    """Take some marks of the oldest marked month away and work out those days and that month, all or nothing.

    A store is held by whoever works it out, so that of two workers the later one never writes what it read earlier.
    The marks go first: what is written while the rows are read leaves marks of its own. Every day of one of the stores
    is worked out for all of them, so that an index finds them.
    """
    of_month = Mark.month == select(func.min(Mark.month)).scalar_subquery()
    which = (Mark.month, Mark.store_id, Mark.business_date)
    marked = session.execute(select(*which).where(of_month).distinct().order_by(*which).limit(at_once)).all()
    free = select(Store.id).where(Store.id.in_({row.store_id for row in marked})).order_by(Store.id)
    stores = session.scalars(free.with_for_update(skip_locked=not wait, key_share=True)).all()
    if not stores:
        return 0
    month, days = marked[0].month, {row.business_date for row in marked}
    batch = _Batch(session, organization_id, stores, sorted(days), month)
    taken = delete(Mark).where(Mark.month == month, *batch.on_days(Mark))
    session.execute(taken.execution_options(synchronize_session=False))
    batch.work_out()
    return sum(row.store_id in stores for row in marked)


def _mark_store(session: Session, organization_id: UUID, store_id: UUID) -> int:
    """Each table is asked for the days of this one store, which stand in an index."""
    asked = (select(kind.business_date).where(kind.store_id == store_id).distinct() for kind in COUNTED)
    days = {day for question in asked for day in session.scalars(question)}
    if rows := Mark.rows(organization_id, [(store_id, day) for day in sorted(days)]):
        session.execute(insert(Mark.__table__), rows)  # type: ignore[arg-type]  # as below
    return len(rows)


@dataclass(frozen=True)
class _Batch:
    """Some stores on some days of one month, which is known by its first day."""

    session: Session
    organization_id: UUID
    stores: Sequence[UUID]
    days: Sequence[date]
    month: date

    def work_out(self) -> None:
        self._keep(KeptDay, self.on_days(KeptDay), self._of_days())
        self._keep(KeptMonth, self._in_month(KeptMonth), self._of_month())
        self._keep(KeptCause, self._in_month(KeptCause), self._of_causes())

    def on_days(self, kind: Any) -> Sequence[ColumnElement[bool]]:
        return kind.store_id.in_(self.stores), kind.business_date.in_(self.days)

    def _in_month(self, kind: Any) -> Sequence[ColumnElement[bool]]:
        return kind.store_id.in_(self.stores), kind.business_date.between(self.month, self._last_day)

    @property
    def _last_day(self) -> date:
        return following_month(self.month) - timedelta(days=1)

    def _grouping(self, group_by: Sequence[GroupBy], of: Any) -> Grouping:
        return Grouping(group_by, self.month, self._last_day, of=of)

    def _of_days(self) -> Totals:
        concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(*self.on_days(Concern))
        counted = count_concerns(self.session, concerns, self._grouping(BY_DAY, Concern))
        listening = count_listening(self.session, self.on_days, lambda kind: self._grouping(BY_DAY, kind))
        return by_group(chain(counted, listening))

    def _of_month(self) -> Totals:
        grouping = self._grouping(BY_MONTH, KeptDay)
        return by_group(add_up(self.session, KeptDay, *self._in_month(KeptDay), grouping=grouping))

    def _of_causes(self) -> Totals:
        concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(*self._in_month(Concern))
        return by_group(count_concerns(self.session, concerns, self._grouping(BY_CAUSE, Concern)))

    def _keep(self, kept: type[Kept], instead_of: Sequence[ColumnElement[bool]], totals: Totals) -> None:
        self.session.execute(delete(kept).where(*instead_of).execution_options(synchronize_session=False))
        rows = [
            {
                "id": uuid7(),
                "organization_id": self.organization_id,
                "store_id": store_id,
                "business_date": date.fromisoformat(period) if kept is KeptDay else self.month,
                **dict(zip(("category_id", "cause_id"), of, strict=False)),
                **_values(kept, total),
            }
            for (store_id, period, *of), total in totals.items()
        ]
        if rows:
            self.session.execute(insert(kept.__table__), rows)  # type: ignore[arg-type]  # the plain table: nothing is read back


def _values(kept: type[Kept], total: Total) -> dict[str, Any]:
    counts = [name for name, column in inspect(kept).columns.items() if column.type.python_type is int]
    counted = {name: total.figures[name] for name in counts}
    seconds = {name: pack(total.histogram(name)) for name in SECONDS}
    return {**counted, "cost": total.cost.total(), **seconds}
