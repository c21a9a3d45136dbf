"""Rebuild of rollups: the worker and the command line recompute dirty days and months, one organization at a time.

See models.reports.rollups for the algorithm, and why the DirtyDay rows are deleted first.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
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
from models.reports.grouping import GroupBy, Grouping, Key
from models.reports.periods import last_day
from models.reports.rollups.aggregates import (
    COUNTS_FOR_ITS_CAUSE,
    DURATIONS,
    count_concerns,
    count_listening,
    figure_columns,
    sum_rollups,
)
from models.reports.rollups.tables import Rollup, RollupCause, RollupDay, RollupMonth, RollupVersion
from models.reports.stats.ddsketch import compact
from models.reports.totals import Totals, TotalsByGroup, group_totals

REBUILD_BATCH = 64  # dirty days, or stores whose causes are dirty, in one transaction
CAUSE_REBUILD_DELAY = timedelta(seconds=15)  # so that a month in which many days change is recomputed once
# What rollups count, and RollupDay itself: a rollup whose rows are gone has to be recomputed, too.
COUNTED_MODELS = (Concern, FollowUp, WellbeingCheck, StoreDay, RollupDay)
BY_DAY = (GroupBy.STORE, GroupBy.DAY)
BY_MONTH = (GroupBy.STORE, GroupBy.MONTH)
BY_CAUSE = (GroupBy.STORE, GroupBy.MONTH, GroupBy.CATEGORY, GroupBy.CAUSE)


def organizations_with_dirty_rollups(database: Database, *, at: datetime) -> Sequence[UUID]:
    """Return the ids of the organizations of which something can be recomputed now."""
    days = select(DirtyDay.id).where(DirtyDay.organization_id == Organization.id)
    cause_months = select(DirtyCauseMonth.id).where(
        DirtyCauseMonth.organization_id == Organization.id, DirtyCauseMonth.due_at <= at
    )
    stmt = select(Organization.id).where(or_(days.exists(), cause_months.exists())).order_by(Organization.id)
    with database.reading(ALL_TENANTS) as session:
        return session.scalars(stmt).all()


def rebuild_organization(
    database: Database, organization_id: UUID, *, at: datetime, batch_size: int = REBUILD_BATCH
) -> int:
    """Recompute a batch of this organization's dirty days, and the causes of a batch of months that are due.

    Each has its own transaction, and each gets its turn: neither waits until the other has nothing left. Returns how
    many days and months it was.
    """
    with database.writing(organization_id) as session:
        days = rebuild_days(session, organization_id, at=at, batch_size=batch_size)
    with database.writing(organization_id) as session:
        return days + rebuild_cause_months(session, organization_id, due_by=at, batch_size=batch_size)


def mark_all_dirty(database: Database) -> Iterator[int]:
    """Mark dirty every store and day that has counted rows or a rollup.

    Each store has its own transaction. Yields the number of days of each store.
    """
    stmt = select(Store.organization_id, Store.id).order_by(Store.organization_id, Store.id)
    with database.reading(ALL_TENANTS) as session:
        stores = session.execute(stmt).all()
    for organization_id, store_id in stores:
        with database.writing(organization_id) as session:
            days = _mark_store_dirty(session, organization_id, store_id)
        yield days


def rebuild_all_days(database: Database) -> Iterator[int]:
    """Recompute all dirty days, beside any worker. Yields the number of days of each batch."""
    at = database.clock()
    yield from _for_every_organization(database, partial(rebuild_days, at=at, wait=True))


def rebuild_all_cause_months(database: Database) -> Iterator[int]:
    """Recompute the causes of all dirty months without their delay. Yields the number of months of each batch."""
    due_by = database.clock() + CAUSE_REBUILD_DELAY
    yield from _for_every_organization(database, partial(rebuild_cause_months, due_by=due_by, wait=True))


def count_dirty_cause_months(database: Database) -> int:
    """Return how many pairs of store and month have dirty causes."""
    months = (
        select(DirtyCauseMonth.organization_id, DirtyCauseMonth.store_id, DirtyCauseMonth.month).distinct().subquery()
    )
    with database.reading(ALL_TENANTS) as session:
        return session.scalars(select(func.count()).select_from(months)).one()


def _for_every_organization(database: Database, rebuild_batch: Callable[[ScopedSession, UUID], int]) -> Iterator[int]:
    def rebuild(organization_id: UUID) -> int:
        with database.writing(organization_id) as session:
            return rebuild_batch(session, organization_id)

    with database.reading(ALL_TENANTS) as session:
        organizations = session.scalars(select(Organization.id).order_by(Organization.id)).all()
    for organization_id in organizations:
        while done := rebuild(organization_id):
            yield done


def rebuild_days(
    session: ScopedSession,
    organization_id: UUID,
    *,
    at: datetime,
    batch_size: int = REBUILD_BATCH,
    wait: bool = False,
) -> int:
    """Recompute some dirty days of the oldest dirty month, and the rollups of that month.

    Each dirty date is recomputed for every store of the batch, so that an index finds the rows. Stores that another
    worker has locked are skipped, or waited for with `wait`. Returns the number of dirty days.
    """
    oldest_month = DirtyDay.month == select(func.min(DirtyDay.month)).scalar_subquery()
    columns = (DirtyDay.month, DirtyDay.store_id, DirtyDay.business_date)
    stmt = select(*columns).where(oldest_month).distinct().order_by(*columns).limit(batch_size)
    dirty_days = session.execute(stmt).all()
    stores = _lock_stores(session, {row.store_id for row in dirty_days}, wait=wait)
    if not stores:
        return 0
    month, dates = dirty_days[0].month, {row.business_date for row in dirty_days}
    batch = _Batch(session, organization_id, stores, month)
    _delete_dirty(session, DirtyDay, DirtyDay.month == month, *on_days(DirtyDay, stores, dates))
    batch.recompute_days(sorted(dates))
    session.add_all(
        DirtyCauseMonth(store_id=store_id, month=month, due_at=at + CAUSE_REBUILD_DELAY) for store_id in stores
    )
    RollupVersion.replace(session, month)
    return sum(row.store_id in stores for row in dirty_days)


def rebuild_cause_months(
    session: ScopedSession,
    organization_id: UUID,
    *,
    due_by: datetime,
    batch_size: int = REBUILD_BATCH,
    wait: bool = False,
) -> int:
    """Recompute the causes of some stores in the oldest month that is due. Returns the number of stores.

    Locked stores are skipped or waited for, as in `rebuild_days`.
    """
    is_due = DirtyCauseMonth.due_at <= due_by
    oldest_month = DirtyCauseMonth.month == select(func.min(DirtyCauseMonth.month)).where(is_due).scalar_subquery()
    columns = (DirtyCauseMonth.month, DirtyCauseMonth.store_id)
    stmt = select(*columns).where(is_due, oldest_month).distinct().order_by(*columns).limit(batch_size)
    dirty_months = session.execute(stmt).all()
    stores = _lock_stores(session, {row.store_id for row in dirty_months}, wait=wait)
    if not stores:
        return 0
    month = dirty_months[0].month
    _delete_dirty(session, DirtyCauseMonth, DirtyCauseMonth.month == month, DirtyCauseMonth.store_id.in_(list(stores)))
    _Batch(session, organization_id, stores, month).recompute_causes()
    RollupVersion.replace(session, month)
    return len(stores)


def _lock_stores(session: Session, store_ids: Collection[UUID], *, wait: bool) -> Mapping[UUID, Store]:
    """Lock these stores until the transaction ends; return those that could be locked, by their ids.

    Of two workers that recompute one store the later one waits or skips it, so it never writes what it read earlier.
    """
    if not store_ids:
        return {}
    stmt = select(Store).where(Store.id.in_(store_ids)).order_by(Store.id)
    stores = session.scalars(stmt.with_for_update(skip_locked=not wait, key_share=True))
    return {store.id: store for store in stores}


def _delete_dirty(session: Session, model: type[DirtyDay | DirtyCauseMonth], *criteria: ColumnElement[bool]) -> None:
    session.execute(delete(model).where(*criteria).execution_options(synchronize_session=False))


def on_days(model: Any, stores: Collection[UUID], days: Collection[date]) -> Sequence[ColumnElement[bool]]:
    """Return the criteria of a model's rows of these stores on these days."""
    return model.store_id.in_(list(stores)), model.business_date.in_(days)


def _mark_store_dirty(session: Session, organization_id: UUID, store_id: UUID) -> int:
    """Mark all days of one store dirty and return how many. An index finds the days of a single store in each table."""
    stmts = (select(model.business_date).where(model.store_id == store_id).distinct() for model in COUNTED_MODELS)
    days = {day for stmt in stmts for day in session.scalars(stmt)}
    if rows := DirtyDay.rows(organization_id, [(store_id, day) for day in sorted(days)]):
        session.execute(insert(DirtyDay.__table__), rows)  # type: ignore[arg-type]  # the table, as in _replace_rollups
    return len(rows)


@dataclass(frozen=True)
class _Batch:
    """Some stores, by their ids, in one month (its first day), whose rollups are replaced in one transaction."""

    session: Session
    organization_id: UUID
    stores: Mapping[UUID, Store]
    month: date

    def recompute_days(self, days: Collection[date]) -> None:
        """Recompute the rollups of these days from the rows, and then that of the month from all of its days."""
        self._replace_rollups(RollupDay, on_days(RollupDay, self.stores, days), self._count_days(days))
        self._replace_rollups(RollupMonth, self._in_month(RollupMonth), self._sum_month())

    def recompute_causes(self) -> None:
        """Recompute the rollups by cause of the month from the rows."""
        self._replace_rollups(RollupCause, self._in_month(RollupCause), self._count_causes())

    def _in_month(self, model: Any) -> Sequence[ColumnElement[bool]]:
        return model.store_id.in_(list(self.stores)), model.business_date.between(self.month, last_day(self.month))

    def _grouping(self, group_by: Sequence[GroupBy], model: Any) -> Grouping:
        return Grouping(group_by, self.month, last_day(self.month), model=model)

    def _count_days(self, days: Collection[date]) -> TotalsByGroup:
        criteria = partial(on_days, stores=self.stores, days=days)
        concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(*criteria(Concern))
        return group_totals(
            count_concerns(self.session, concerns, self._grouping(BY_DAY, Concern)),
            count_listening(self.session, criteria, partial(self._grouping, BY_DAY)),
        )

    def _sum_month(self) -> TotalsByGroup:
        grouping = self._grouping(BY_MONTH, RollupDay)
        return group_totals(sum_rollups(self.session, RollupDay, *self._in_month(RollupDay), grouping=grouping))

    def _count_causes(self) -> TotalsByGroup:
        concerns = (
            select(Concern.id)
            .select_from(Concern)
            .join(Concern.store)
            .where(*self._in_month(Concern), COUNTS_FOR_ITS_CAUSE)
        )
        return group_totals(count_concerns(self.session, concerns, self._grouping(BY_CAUSE, Concern)))

    def _replace_rollups(
        self, rollup: type[Rollup], criteria: Sequence[ColumnElement[bool]], groups: TotalsByGroup
    ) -> None:
        """Delete the rollups that meet the criteria, and insert one for each group and currency of its costs."""
        self.session.execute(delete(rollup).where(*criteria).execution_options(synchronize_session=False))
        rows = [row for key, totals in groups.items() for row in self._rows(rollup, key, totals)]
        if rows:
            # The table instead of the class, so that no row is read back.
            self.session.execute(insert(rollup.__table__), rows)  # type: ignore[arg-type]  # it is a Table

    def _rows(self, rollup: type[Rollup], key: Key, totals: Totals) -> Iterator[dict[str, Any]]:
        """Yield the rows of a group: one in the currency of its store, and one for each other currency."""
        store_id, period, *category_and_cause = key
        first_day = date.fromisoformat(period) if rollup is RollupDay else self.month
        group = {
            "organization_id": self.organization_id,
            "store_id": store_id,
            "business_date": first_day,
            **dict(zip(("category_id", "cause_id"), category_and_cause, strict=False)),
        }
        for values in _rows_by_currency(rollup, totals, self.stores[store_id].currency_on(first_day)):
            yield {"id": uuid7(), **group, **values}


def _rows_by_currency(rollup: type[Rollup], totals: Totals, currency: str) -> Iterator[dict[str, Any]]:
    """Yield the values of the row in this currency, which has the figures, and of a row for each other one.

    That one has the cost in its currency, and who was recovered on the days on which the store had it.
    """
    figures = {name: totals.figures[name] for name in figure_columns(rollup)}
    sketches = {name: compact(totals.sketch(name)) for name in DURATIONS}
    recovered = totals.recovered_in
    own = {"currency": currency, "cost": totals.cost[currency], "recovered": recovered[currency]}
    yield {**figures, **own, **sketches}
    for other in sorted(totals.cost.keys() | recovered.keys()):
        if other != currency and (totals.cost[other] or recovered[other]):
            yield {
                **dict.fromkeys(figures, 0),
                "currency": other,
                "cost": totals.cost[other],
                "recovered": recovered[other],
                **dict.fromkeys(sketches, b""),
            }
