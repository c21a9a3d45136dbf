"""Keeping the sums: what is marked is worked out again from the rows, one organization at a time."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, or_, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.db.session import ALL_TENANTS, Database, ScopedSession
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.recovery.follow_up import FollowUp
from models.reports.grouping import GroupBy, Grouping
from models.reports.periods import last_day
from models.reports.rollups.aggregates import (
    DURATIONS,
    Totals,
    TotalsByGroup,
    count_concerns,
    count_listening,
    group_totals,
)
from models.reports.rollups.tables import (
    Rollup,
    RollupCause,
    RollupDay,
    RollupMonth,
    RollupVersion,
    figure_columns,
    sum_rollups,
)
from models.reports.stats.ddsketch import compact

REBUILD_BATCH = 64
CAUSE_REBUILD_DELAY = timedelta(seconds=15)
COUNTED_MODELS = (Concern, FollowUp, WellbeingCheck, StoreDay, RollupDay)
BY_DAY = (GroupBy.STORE, GroupBy.DAY)
BY_MONTH = (GroupBy.STORE, GroupBy.MONTH)
BY_CAUSE = (GroupBy.STORE, GroupBy.MONTH, GroupBy.CATEGORY, GroupBy.CAUSE)


def organizations_with_dirty_rollups(database: Database, *, at: datetime) -> Sequence[UUID]:
    """Of whom something may be worked out now."""
    marks = select(DirtyDay.id).where(DirtyDay.organization_id == Organization.id)
    causes = select(DirtyCauseMonth.id).where(
        DirtyCauseMonth.organization_id == Organization.id, DirtyCauseMonth.due_at <= at
    )
    with database.reading(ALL_TENANTS) as session:
        which = or_(marks.exists(), causes.exists())
        return session.scalars(select(Organization.id).where(which).order_by(Organization.id)).all()


def rebuild_organization(
    database: Database, organization_id: UUID, *, at: datetime, at_once: int = REBUILD_BATCH
) -> int:
    """Work out some days that are marked of this organization, and the causes of some months that have rested.

    A transaction for each, and neither waits until nothing is left of the other. How many days and months it was.
    """
    with database.writing(organization_id) as session:
        days = rebuild_days(session, organization_id, at=at, at_once=at_once)
    with database.writing(organization_id) as session:
        return days + rebuild_cause_months(session, organization_id, due_by=at, at_once=at_once)


def mark_all_dirty(database: Database) -> Iterator[int]:
    """DirtyDay every day of every store on which anything was counted, or is kept.

    Store by store, how many there are.
    """
    with database.reading(ALL_TENANTS) as session:
        stores = session.execute(select(Store.organization_id, Store.id).order_by(Store.organization_id, Store.id))
        keys = stores.all()
    for organization_id, store_id in keys:
        with database.writing(organization_id) as session:
            days = _mark_store_dirty(session, organization_id, store_id)
        yield days


def rebuild_all_days(database: Database) -> Iterator[int]:
    """Work out all the days that are marked, whoever else is at it; some at a time, how many."""
    at = database.clock()
    yield from _for_every_organization(database, partial(rebuild_days, at=at, wait=True))


def rebuild_all_cause_months(database: Database) -> Iterator[int]:
    """The same for the causes of all the months that are marked by now, rested or not."""
    due_by = database.clock() + CAUSE_REBUILD_DELAY
    yield from _for_every_organization(database, partial(rebuild_cause_months, due_by=due_by, wait=True))


def count_dirty_cause_months(database: Database) -> int:
    """Of how many stores' months the causes are not worked out."""
    months = (
        select(DirtyCauseMonth.organization_id, DirtyCauseMonth.store_id, DirtyCauseMonth.month).distinct().subquery()
    )
    with database.reading(ALL_TENANTS) as session:
        return session.scalars(select(func.count()).select_from(months)).one()


def _for_every_organization(database: Database, work_out: Callable[[ScopedSession, UUID], int]) -> Iterator[int]:
    def some_of(organization_id: UUID) -> int:
        with database.writing(organization_id) as session:
            return work_out(session, organization_id)

    with database.reading(ALL_TENANTS) as session:
        organizations = session.scalars(select(Organization.id).order_by(Organization.id)).all()
    for organization_id in organizations:
        while done := some_of(organization_id):
            yield done


def rebuild_days(
    session: ScopedSession, organization_id: UUID, *, at: datetime, at_once: int = REBUILD_BATCH, wait: bool = False
) -> int:
    """Take some marks of the oldest marked month away and work out those days and that month, all or nothing.

    The marks go first: what is written while the rows are read leaves marks of its own. Every day of one of the stores
    is worked out for all of them, so that an index finds them. What another worker holds is passed over, unless `wait`
    says to wait for it.
    """
    of_month = DirtyDay.month == select(func.min(DirtyDay.month)).scalar_subquery()
    which = (DirtyDay.month, DirtyDay.store_id, DirtyDay.business_date)
    marked = session.execute(select(*which).where(of_month).distinct().order_by(*which).limit(at_once)).all()
    stores = _lock_stores(session, {row.store_id for row in marked}, wait=wait)
    if not stores:
        return 0
    month, days = marked[0].month, {row.business_date for row in marked}
    batch = _Batch(session, organization_id, stores, month)
    _delete_marks(session, DirtyDay, DirtyDay.month == month, *on_days(DirtyDay, stores, days))
    batch.work_out_days(sorted(days))
    session.add_all(
        DirtyCauseMonth(store_id=store_id, month=month, due_at=at + CAUSE_REBUILD_DELAY) for store_id in stores
    )
    RollupVersion.replace(session, month)
    return sum(row.store_id in stores for row in marked)


def rebuild_cause_months(
    session: ScopedSession, organization_id: UUID, *, due_by: datetime, at_once: int = REBUILD_BATCH, wait: bool = False
) -> int:
    """The same for the causes of months, of some stores in the oldest month that is due."""
    due = DirtyCauseMonth.due_at <= due_by
    of_month = DirtyCauseMonth.month == select(func.min(DirtyCauseMonth.month)).where(due).scalar_subquery()
    which = (DirtyCauseMonth.month, DirtyCauseMonth.store_id)
    marked = session.execute(select(*which).where(due, of_month).distinct().order_by(*which).limit(at_once)).all()
    stores = _lock_stores(session, {row.store_id for row in marked}, wait=wait)
    if not stores:
        return 0
    month = marked[0].month
    _delete_marks(session, DirtyCauseMonth, DirtyCauseMonth.month == month, DirtyCauseMonth.store_id.in_(stores))
    _Batch(session, organization_id, stores, month).work_out_causes()
    RollupVersion.replace(session, month)
    return len(stores)


def _lock_stores(session: Session, stores: Collection[UUID], *, wait: bool) -> Sequence[UUID]:
    """Those of these stores that are held from now on.

    A store is held by whoever works it out, so that of two workers the later one never writes what it read earlier.
    """
    free = select(Store.id).where(Store.id.in_(stores)).order_by(Store.id)
    return session.scalars(free.with_for_update(skip_locked=not wait, key_share=True)).all() if stores else []


def _delete_marks(session: Session, mark: type[DirtyDay | DirtyCauseMonth], *which: ColumnElement[bool]) -> None:
    session.execute(delete(mark).where(*which).execution_options(synchronize_session=False))


def on_days(kind: Any, stores: Sequence[UUID], days: Collection[date]) -> Sequence[ColumnElement[bool]]:
    return kind.store_id.in_(stores), kind.business_date.in_(days)


def _mark_store_dirty(session: Session, organization_id: UUID, store_id: UUID) -> int:
    """Each table is asked for the days of this one store, which stand in an index."""
    asked = (select(kind.business_date).where(kind.store_id == store_id).distinct() for kind in COUNTED_MODELS)
    days = {day for stmt in asked for day in session.scalars(stmt)}
    if rows := DirtyDay.rows(organization_id, [(store_id, day) for day in sorted(days)]):
        session.execute(insert(DirtyDay.__table__), rows)  # type: ignore[arg-type]  # as below
    return len(rows)


@dataclass(frozen=True)
class _Batch:
    """Some stores in one month, which is known by its first day."""

    session: Session
    organization_id: UUID
    stores: Sequence[UUID]
    month: date

    def work_out_days(self, days: Collection[date]) -> None:
        """Some days of it, and the month with them."""
        self._keep(RollupDay, on_days(RollupDay, self.stores, days), self._of_days(days))
        self._keep(RollupMonth, self._in_month(RollupMonth), self._of_month())

    def work_out_causes(self) -> None:
        self._keep(RollupCause, self._in_month(RollupCause), self._of_causes())

    def _in_month(self, kind: Any) -> Sequence[ColumnElement[bool]]:
        return kind.store_id.in_(self.stores), kind.business_date.between(self.month, last_day(self.month))

    def _grouping(self, group_by: Sequence[GroupBy], of: Any) -> Grouping:
        return Grouping(group_by, self.month, last_day(self.month), of=of)

    def _of_days(self, days: Collection[date]) -> TotalsByGroup:
        belongs = partial(on_days, stores=self.stores, days=days)
        concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(*belongs(Concern))
        counted = count_concerns(self.session, concerns, self._grouping(BY_DAY, Concern))
        listening = count_listening(self.session, belongs, partial(self._grouping, BY_DAY))
        return group_totals(chain(counted, listening))

    def _of_month(self) -> TotalsByGroup:
        grouping = self._grouping(BY_MONTH, RollupDay)
        return group_totals(sum_rollups(self.session, RollupDay, *self._in_month(RollupDay), grouping=grouping))

    def _of_causes(self) -> TotalsByGroup:
        concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(*self._in_month(Concern))
        return group_totals(count_concerns(self.session, concerns, self._grouping(BY_CAUSE, Concern)))

    def _keep(self, kept: type[Rollup], instead_of: Sequence[ColumnElement[bool]], totals: TotalsByGroup) -> None:
        self.session.execute(delete(kept).where(*instead_of).execution_options(synchronize_session=False))
        rows = [
            {
                "id": uuid7(),
                "organization_id": self.organization_id,
                "store_id": store_id,
                "business_date": date.fromisoformat(period) if kept is RollupDay else self.month,
                **dict(zip(("category_id", "cause_id"), of, strict=False)),
                **_values(kept, total),
            }
            for (store_id, period, *of), total in totals.items()
        ]
        if rows:
            self.session.execute(insert(kept.__table__), rows)  # type: ignore[arg-type]  # the plain table: nothing is read back


def _values(kept: type[Rollup], total: Totals) -> dict[str, Any]:
    counted = {name: total.figures[name] for name in figure_columns(kept)}
    seconds = {name: compact(total.histogram(name)) for name in DURATIONS}
    return {**counted, "cost": total.cost.total(), **seconds}
