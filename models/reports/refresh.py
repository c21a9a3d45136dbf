"""Keeping the sums: what is marked is worked out again from the rows, one organization at a time."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, insert, inspect, or_, select, tuple_, union
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from models.asked_well import AskedWell
from models.base import StoreDate
from models.concern import Concern
from models.follow_up import FollowUp
from models.mark import Mark
from models.reports.counting import Totals, by_group, count_concerns, count_listening
from models.reports.groups import GroupBy, Grouping
from models.reports.histogram import pack
from models.reports.periods import following_month
from models.reports.rollups import Kept, KeptCause, KeptDay, KeptMonth, add_up
from models.session import EVERYTHING, Database, ScopedSession
from models.store import Store
from models.store_day import StoreDay

DAYS_AT_ONCE = 64
BY_DAY = (GroupBy.STORE, GroupBy.DAY)
BY_MONTH = (GroupBy.STORE, GroupBy.MONTH)
BY_CAUSE = (GroupBy.STORE, GroupBy.MONTH, GroupBy.CATEGORY, GroupBy.CAUSE)


def refresh(database: Database) -> int:
    """Work out again some of what is marked, in a transaction for each organization; how many days it was."""
    with database.reading(EVERYTHING) as session:
        marked = session.scalars(select(Mark.organization_id).distinct()).all()
    days = 0
    for organization_id in marked:
        with database.writing(organization_id) as session:
            days += refresh_marked(session, organization_id)
    return days


def mark_everything(session: ScopedSession) -> int:
    """Mark every day of every store on which anything was counted, or is kept; how many there are."""
    kinds = (Concern, FollowUp, AskedWell, StoreDay, KeptDay)
    days = union(*(select(kind.organization_id, kind.store_id, kind.business_date) for kind in kinds))
    marked: defaultdict[UUID, list[StoreDate]] = defaultdict(list)
    for organization_id, store_id, business_date in session.execute(days):
        marked[organization_id].append((store_id, business_date))
    rows = [row for organization_id, days_ in marked.items() for row in Mark.rows(organization_id, days_)]
    if rows:
        session.execute(insert(Mark.__table__), rows)  # type: ignore[arg-type]  # as below
    return len(rows)


def refresh_marked(session: Session, organization_id: UUID) -> int:
    """Take some marks away and work out those days and their months, all or nothing.

    A store is held by whoever works it out, so that of two workers the later one never writes what it read earlier.
    The marks go first: what is written while the rows are read leaves marks of its own.
    """
    oldest = select(Mark.store_id, Mark.business_date).distinct().limit(DAYS_AT_ONCE)
    asked_for = {row.store_id for row in session.execute(oldest)}
    free = select(Store.id).where(Store.id.in_(asked_for)).order_by(Store.id)
    held = session.scalars(free.with_for_update(skip_locked=True, key_share=True)).all()
    if not held:
        return 0
    days = {(row.store_id, row.business_date) for row in session.execute(oldest.where(Mark.store_id.in_(held)))}
    session.execute(delete(Mark).where(_on(Mark, days)).execution_options(synchronize_session=False))
    months = {(store_id, day.replace(day=1)) for store_id, day in days}
    _keep(session, organization_id, KeptDay, days, _of_days(session, days))
    _keep(session, organization_id, KeptMonth, months, _of_months(session, months))
    _keep(session, organization_id, KeptCause, months, _of_causes(session, months))
    return len(days)


def _of_days(session: Session, days: Collection[StoreDate]) -> Totals:
    def grouping(of: Any) -> Grouping:
        return Grouping(BY_DAY, *_bounds(days), of=of)

    concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(_on(Concern, days))
    listening = count_listening(session, lambda kind: (_on(kind, days),), grouping)
    return by_group(chain(count_concerns(session, concerns, grouping(Concern)), listening))


def _of_months(session: Session, months: Collection[StoreDate]) -> Totals:
    grouping = Grouping(BY_MONTH, *_bounds(months), of=KeptDay)
    return by_group(add_up(session, KeptDay, _in_months(KeptDay, months), grouping=grouping))


def _of_causes(session: Session, months: Collection[StoreDate]) -> Totals:
    concerns = select(Concern.id).select_from(Concern).join(Concern.store).where(_in_months(Concern, months))
    return by_group(count_concerns(session, concerns, Grouping(BY_CAUSE, *_bounds(months), of=Concern)))


def _keep(
    session: Session, organization_id: UUID, kept: type[Kept], periods: Collection[StoreDate], totals: Totals
) -> None:
    """These totals instead of what was kept of those periods."""
    session.execute(delete(kept).where(_on(kept, periods)).execution_options(synchronize_session=False))
    names = [name for name, column in inspect(kept).columns.items() if column.type.python_type is int]
    rows = []
    for (store_id, period, *of), total in totals.items():
        counted = {name: total.figures[name] for name in names if name != "cost"}
        rows.append(
            {
                "id": uuid7(),
                "organization_id": organization_id,
                "store_id": store_id,
                "business_date": date.fromisoformat(period if len(period) > len("2026-03") else f"{period}-01"),
                **counted,
                "cost": total.cost.total(),
                **{name: pack(counts) for name, counts in total.seconds.items()},
                **dict(zip(("category_id", "cause_id"), of, strict=False)),
            }
        )
    if rows:
        session.execute(insert(kept.__table__), rows)  # type: ignore[arg-type]  # the plain table: nothing is read back


def _on(kind: Any, periods: Collection[StoreDate]) -> ColumnElement[bool]:
    return tuple_(kind.store_id, kind.business_date).in_(periods)


def _in_months(kind: Any, months: Collection[StoreDate]) -> ColumnElement[bool]:
    """On any day of these months of these stores."""
    of_stores = (
        and_(kind.store_id == store_id, kind.business_date.between(month, following_month(month) - timedelta(days=1)))
        for store_id, month in months
    )
    return or_(*of_stores)


def _bounds(periods: Collection[StoreDate]) -> tuple[date, date]:
    """The first day of the first one and the last day of the last one's month."""
    days = [day for _, day in periods]
    return min(days), following_month(max(days)) - timedelta(days=1)
