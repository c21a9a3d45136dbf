"""Day end job: when a store's business day is over, queues its log by mail and the concerns it carries over."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from models.alerts.notification import NotificationKind
from models.concerns.unresolved import select_carried_over
from models.daily_log.day_end import NEW_STORES_BATCH, DayEndSchedule
from models.db.session import ALL_TENANTS, Database
from models.outbox.message import OutboxMessage
from models.staff.staff import DailyLogSubscription
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import errors_logged, for_each_in_own_transaction

DAY_END_INTERVAL = timedelta(seconds=5)
# Thousands of stores may end their day at the same moment. They are handled in batches, so that no alert has to wait.
DAY_END_BATCH = 16
NEW_STORES_INTERVAL = timedelta(hours=1)


class ScheduleKey(NamedTuple):
    organization_id: UUID
    id: UUID


class DayEndJob:
    """Ends the days of stores. However many workers there are, the lock on its row ends each day of a store once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(DAY_END_INTERVAL)
        self._every_for_new_stores = Every(NEW_STORES_INTERVAL)

    def run(self) -> int:
        """End a batch of the days that are over; return how many were found."""
        at = self._database.clock()
        if not self.every.due(at):
            return 0
        self.every.restart(at)
        self._schedule_new_stores(at)
        with self._database.reading(ALL_TENANTS) as session:
            due = select(DayEndSchedule.organization_id, DayEndSchedule.id).where(DayEndSchedule.is_due(at))
            rows = session.execute(due.order_by(DayEndSchedule.due_at, DayEndSchedule.id).limit(DAY_END_BATCH)).all()
        keys = [ScheduleKey(*row) for row in rows]
        for_each_in_own_transaction(
            self._database,
            [(key.organization_id, key) for key in keys],
            lambda session, key: self._end(session, key, at),
            fields=lambda key: {"job": "day_end", "day_end_schedule_id": str(key.id)},
            on_error=lambda key, _error: self._postpone(key, at),
        )
        return len(keys)

    def _end(self, session: Session, key: ScheduleKey, at: datetime) -> None:
        stmt = _select_due(key, at).options(joinedload(DayEndSchedule.store))
        if schedule := session.scalars(stmt.with_for_update(of=DayEndSchedule, skip_locked=True)).one_or_none():
            end_day(session, schedule, at=at)

    def _postpone(self, key: ScheduleKey, at: datetime) -> None:
        with self._database.writing(key.organization_id) as session:
            if schedule := session.scalars(_select_due(key, at).with_for_update(skip_locked=True)).one_or_none():
                schedule.retry_at(at=at)

    def _schedule_new_stores(self, at: datetime) -> None:
        """Schedule the first day end of stores that have none, a batch in each run until none is left.

        A store whose day cannot be computed (its zone is not known on this machine) is left out until the next hour.
        """
        if not self._every_for_new_stores.due(at):
            return
        with self._database.writing(ALL_TENANTS) as session:
            first_rows, stores = [], DayEndSchedule.new_stores(session)
            for store in stores:
                with errors_logged({"job": "day_end", "store_id": str(store.id)}):
                    first_rows.append(DayEndSchedule.first_row(store, at=at))
            if first_rows:
                session.bulk_insert_or_ignore(DayEndSchedule, first_rows)
        if not first_rows or len(stores) < NEW_STORES_BATCH:
            self._every_for_new_stores.restart(at)


def _select_due(key: ScheduleKey, at: datetime) -> Select[DayEndSchedule]:
    return select(DayEndSchedule).where(DayEndSchedule.id == key.id, DayEndSchedule.is_due(at))


def end_day(session: Session, schedule: DayEndSchedule, *, at: datetime) -> None:
    """Queue the daily log for its subscribers, and for the managers the number of concerns the day left open.

    The managers hear of it when the store opens. If the store stays closed on the next day, nothing is queued: the
    concerns are carried over once more at the end of that day. For a store that is out of business nothing is queued.
    """
    day, store = schedule.end(at=at), schedule.store
    if day is None or store.was_closed_at(at):
        return
    following = store.next_date(day)
    begins_at = store.work_begins_at(following)
    if begins_at is not None and session.scalars(select_carried_over(store, following).limit(1)).first() is not None:
        due_at = max(begins_at, at)
        session.add(OutboxMessage.day_information(NotificationKind.CARRIED_OVER, store, day, due_at=due_at, at=at))
    if session.scalars(DailyLogSubscription.select_subscribers(store, at=at).limit(1)).first() is not None:
        session.add(OutboxMessage.day_information(NotificationKind.DAILY_LOG, store, day, due_at=at, at=at))
