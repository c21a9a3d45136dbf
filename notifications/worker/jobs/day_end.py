"""The end of a store's business day: its log by mail, and what is left for the morning, are put on their way."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.alerts.notification import NotificationKind
from models.concerns.unresolved import select_carried_over
from models.daily_log.daily_log import ONE_DAY
from models.daily_log.day_end import NEW_STORES_BATCH, DayEndSchedule
from models.db.engines import DATABASE_UNAVAILABLE
from models.db.session import ALL_TENANTS, Database
from models.outbox.message import OutboxMessage
from models.staff.staff import DailyLogSubscription

log = structlog.get_logger(__name__)
DAY_END_INTERVAL = timedelta(seconds=5)
DAY_END_BATCH = (
    16  # thousands of stores that end their day together are told of in turn, so that no call waits behind them
)
NEW_STORES_INTERVAL = timedelta(hours=1)


class DayEndJob:
    """One worker's. However many there are, each day of a store is ended once, by whoever holds its row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: datetime | None = None
        self._looked_at: datetime | None = None

    def end(self) -> int:
        """End some of the days whose time has come, if it is time for a look; how many were found."""
        at = self._database.clock()
        if _is_recent(self._at, at, DAY_END_INTERVAL):
            return 0
        self._at = at
        self._look_for_new(at)
        with self._database.reading(ALL_TENANTS) as session:
            due = select(DayEndSchedule.organization_id, DayEndSchedule.id).where(DayEndSchedule.is_due(at))
            keys = session.execute(due.order_by(DayEndSchedule.due_at, DayEndSchedule.id).limit(DAY_END_BATCH)).all()
        for organization_id, id_ in keys:
            try:
                with self._database.writing(organization_id) as session:
                    held = select(DayEndSchedule).where(DayEndSchedule.id == id_, DayEndSchedule.is_due(at))
                    held = held.options(joinedload(DayEndSchedule.store)).with_for_update(
                        of=DayEndSchedule, skip_locked=True
                    )
                    if ending := session.scalars(held).one_or_none():
                        end_day(session, ending, at=at)
            except DATABASE_UNAVAILABLE:
                raise
            except Exception:  # whatever it is, it must not hold up the others
                log.exception("unexpected error", job="day_end", day_end_schedule_id=str(id_))
                self._put_off(organization_id, id_, at)
        return len(keys)

    def _put_off(self, organization_id: UUID, id_: UUID, at: datetime) -> None:
        with self._database.writing(organization_id) as session:
            held = select(DayEndSchedule).where(DayEndSchedule.id == id_, DayEndSchedule.is_due(at))
            if ending := session.scalars(held.with_for_update(skip_locked=True)).one_or_none():
                ending.retry_at(at=at)

    def _look_for_new(self, at: datetime) -> None:
        """Of stores nobody has looked after yet there may be many: some in each look, until no more is left.

        One that cannot be reckoned with (its zone is not known on this machine) is left out until the next hour.
        """
        if _is_recent(self._looked_at, at, NEW_STORES_INTERVAL):
            return
        with self._database.writing(ALL_TENANTS) as session:
            begun, new = [], DayEndSchedule.new_stores(session)
            for store in new:
                try:
                    begun.append(DayEndSchedule.first_row(store, at=at))
                except Exception:  # whatever it is, it must not hold up the others
                    log.exception("unexpected error", job="day_end", store_id=str(store.id))
            if begun:
                session.bulk_insert_or_ignore(DayEndSchedule, begun)
        if not begun or len(new) < NEW_STORES_BATCH:
            self._looked_at = at


def end_day(session: Session, ending: DayEndSchedule, *, at: datetime) -> None:
    """Whoever asked for the log gets it; and where a day left something open, the managers hear as they begin the next.

    Not on a day the store stays shut: that day leaves it too, and tells of it as it ends.
    """
    day, store = ending.end(at=at), ending.store
    if day is None:
        return
    begins_at = store.work_begins_at(day + ONE_DAY)
    if (
        begins_at is not None
        and session.scalars(select_carried_over(store, day + ONE_DAY).limit(1)).first() is not None
    ):
        due_at = max(begins_at, at)
        session.add(OutboxMessage.day_information(NotificationKind.CARRIED_OVER, store, day, due_at=due_at, at=at))
    if session.scalars(DailyLogSubscription.select_subscribers(store).limit(1)).first() is not None:
        session.add(OutboxMessage.day_information(NotificationKind.DAILY_LOG, store, day, due_at=at, at=at))


def _is_recent(before: datetime | None, at: datetime, span: timedelta) -> bool:
    return before is not None and timedelta(0) <= at - before < span
