"""What waits to leave the house, as an operator sees it: measured, given another chance, forgotten when done."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationState
from models.errors import NotFound
from models.outbox.message import OutboxKind, OutboxMessage

DONE_MESSAGE_TTL = timedelta(days=7)  # what is done, for whoever looks for the cause of something
DELETE_BATCH = 500
CIRCUIT_OPEN = "kept-back"  # why a notification was not even tried


def count_by_state(session: Session, *, at: datetime) -> dict[str, int]:
    """How many rows are due now, due later, leased to a worker, done, and set aside after too many failures."""
    state = case(
        (OutboxMessage.dead_lettered_at.is_not(None), "dead_lettered"),
        (OutboxMessage.done_at.is_not(None), "done"),
        (OutboxMessage.lease_until >= at, "leased"),
        (OutboxMessage.is_due(at), "due"),
        else_="later",
    )
    rows = session.execute(select(state.label("state"), func.count().label("rows")).group_by("state"))
    counted = {row.state: row.rows for row in rows}
    return {name: counted.get(name, 0) for name in ("due", "later", "leased", "done", "dead_lettered")}


def measure_backlog(session: Session, *, at: datetime) -> dict[str, float]:
    """How many rows wait, by state, and for how many seconds the oldest of the due ones has been due.

    What is done is left out: it is looked at every few seconds, and there is a week of that.
    """
    leased = OutboxMessage.lease_until >= at
    due = OutboxMessage.is_due(at) & or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until < at)
    counted = session.execute(
        select(
            func.count(case((due, 1))).label("due"),
            func.count(case((leased, 1))).label("leased"),
            func.count().label("all"),
            func.min(case((due, OutboxMessage.due_at))).label("oldest"),
        ).where(OutboxMessage.done_at.is_(None))
    ).one()
    set_aside = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None))
    return {
        "due": counted.due,
        "leased": counted.leased,
        "later": counted.all - counted.due - counted.leased,
        "dead_lettered": session.scalars(set_aside).one(),
        "oldest_due_seconds": _seconds_since(counted.oldest, at),
    }


def step_lateness_seconds(session: Session, *, at: datetime) -> float:
    """Seconds by which the latest step of an open alert is late; 0 when none is."""
    next_step = select(func.min(Alert.next_step_at)).where(
        Alert.next_step_at.is_not(None), Alert.state == AlertState.OPEN
    )
    return _seconds_since(session.scalars(next_step).one(), at)


def retry(session: Session, ids: Collection[UUID] | None, *, at: datetime) -> dict[str, list[UUID]]:
    """Give rows that were set aside another chance, all of them when no ids are given.

    Those of no use any more (an alert that is over rings nobody, nor does a letter whose time has run out) are let go:
    they stay done, and nobody has to look at them again. NotFound when an id is not of a row that was set aside.
    """
    aside = select(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None)).order_by(OutboxMessage.id)
    if ids is not None:
        aside = aside.where(OutboxMessage.id.in_(ids))
    rows = session.scalars(
        aside.options(
            joinedload(OutboxMessage.alert).lazyload(Alert.notifications), joinedload(OutboxMessage.notification)
        ).with_for_update(of=OutboxMessage)
    ).all()
    for id_ in sorted(set(ids or ()) - {row.id for row in rows}):
        raise NotFound(f"No row {id_} was set aside.")
    useful = [row for row in rows if _is_worth_retrying(row, at)]
    for row in rows:
        row.dead_lettered_at = None
    for row in useful:
        row.done_at, row.failures, row.due_at = None, 0, at
        if row.kind in (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO):
            row.notification_or_raise.state, row.notification_or_raise.failure = NotificationState.QUEUED, None
    return {"retried": [row.id for row in useful], "let_go": [row.id for row in rows if row not in useful]}


def mark_circuit_open(session: Session, goes_to: ColumnElement[bool]) -> None:
    """Record why notifications wait that were never tried: the circuit of the service they go to is open."""
    waits = select(OutboxMessage.notification_id).where(
        OutboxMessage.done_at.is_(None),
        OutboxMessage.kind.in_((OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO)),
        goes_to,
    )
    untried = (Notification.state == NotificationState.QUEUED, Notification.failure.is_(None))
    stmt = select(Notification).where(Notification.id.in_(waits), *untried).order_by(Notification.id)
    for notification in session.scalars(stmt.with_for_update(of=Notification, skip_locked=True)):
        notification.failure = CIRCUIT_OPEN


def delete_done(session: Session, *, at: datetime, limit: int = DELETE_BATCH) -> int:
    """Remove some of what was done long ago; how many."""
    old = (
        select(OutboxMessage.organization_id, OutboxMessage.id)
        .where(OutboxMessage.done_at < at - DONE_MESSAGE_TTL)
        .order_by(OutboxMessage.done_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = [tuple(key) for key in session.execute(old)]
    if keys:
        these = tuple_(OutboxMessage.organization_id, OutboxMessage.id).in_(keys)
        session.execute(delete(OutboxMessage).where(these).execution_options(synchronize_session=False))
    return len(keys)


def _is_worth_retrying(row: OutboxMessage, at: datetime) -> bool:
    if row.kind in (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO) and (
        row.notification_or_raise.expires_at <= at or row.notification_or_raise.is_delivered
    ):
        return False
    return row.alert is None or _is_alert_still_waiting(row, row.alert)


def _is_alert_still_waiting(row: OutboxMessage, alert: Alert) -> bool:
    this_run = alert.run_id == row.run_id
    match row.kind:
        case OutboxKind.FIND_RECIPIENTS:
            return this_run and alert.state is AlertState.OPEN
        case OutboxKind.DELIVER_RING:
            return this_run and alert.is_ringing
        case OutboxKind.AUTO_RELEASE:
            return this_run and alert.state is AlertState.TAKEN
        case OutboxKind.FIND_WITHDRAWALS:
            return not alert.is_ringing
        case OutboxKind.DELIVER_WITHDRAWAL:
            return not alert.is_ringing and row.notification_or_raise.withdrawn_at is None
    return this_run  # what is told


def _seconds_since(moment: datetime | None, at: datetime) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0
