"""Administration of the outbox: counts, retry of dead letters, deletion of what is done."""

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

DONE_MESSAGE_TTL = timedelta(days=7)  # kept that long for investigations
DELETE_BATCH = 500
CIRCUIT_OPEN = "kept-back"  # the failure of a notification that was never tried


def count_by_state(session: Session, *, at: datetime) -> dict[str, int]:
    """Return how many messages are due now, due later, leased to a worker, done, and dead-lettered."""
    state = case(
        (OutboxMessage.dead_lettered_at.is_not(None), "dead_lettered"),
        (OutboxMessage.done_at.is_not(None), "done"),
        (OutboxMessage.lease_until >= at, "leased"),
        (OutboxMessage.is_due(at), "due"),
        else_="later",
    )
    rows = session.execute(select(state.label("state"), func.count().label("rows")).group_by("state"))
    counts = {row.state: row.rows for row in rows}
    return {name: counts.get(name, 0) for name in ("due", "later", "leased", "done", "dead_lettered")}


def measure_backlog(session: Session, *, at: datetime) -> dict[str, float]:
    """Return how many messages wait, by state, and the age of the oldest due one in seconds.

    Messages that are done are not counted: this runs every few seconds, and there is a week of them.
    """
    leased = OutboxMessage.lease_until >= at
    due = OutboxMessage.is_due(at) & or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until < at)
    backlog = session.execute(
        select(
            func.count(case((due, 1))).label("due"),
            func.count(case((leased, 1))).label("leased"),
            func.count().label("all"),
            func.min(case((due, OutboxMessage.due_at))).label("oldest"),
        ).where(OutboxMessage.done_at.is_(None))
    ).one()
    dead_lettered = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None))
    return {
        "due": backlog.due,
        "leased": backlog.leased,
        "later": backlog.all - backlog.due - backlog.leased,
        "dead_lettered": session.scalars(dead_lettered).one(),
        "oldest_due_seconds": _seconds_since(backlog.oldest, at),
    }


def step_lateness_seconds(session: Session, *, at: datetime) -> float:
    """Return by how many seconds the most overdue step of an open alert is late; 0 when none is."""
    next_step = select(func.min(Alert.next_step_at)).where(
        Alert.next_step_at.is_not(None), Alert.state == AlertState.OPEN
    )
    return _seconds_since(session.scalars(next_step).one(), at)


def retry(session: Session, ids: Collection[UUID] | None, *, at: datetime) -> dict[str, list[UUID]]:
    """Retry dead letters: those with these ids, or all.

    Dead letters that are of no use any more stay done (`let_go`), such as a ring of a closed alert or an expired
    notification. Returns the ids of both groups. NotFound when an id is not that of a dead letter.
    """
    stmt = select(OutboxMessage).where(OutboxMessage.dead_lettered_at.is_not(None)).order_by(OutboxMessage.id)
    if ids is not None:
        stmt = stmt.where(OutboxMessage.id.in_(ids))
    rows = session.scalars(
        stmt.options(
            joinedload(OutboxMessage.alert).lazyload(Alert.notifications), joinedload(OutboxMessage.notification)
        ).with_for_update(of=OutboxMessage)
    ).all()
    for id_ in sorted(set(ids or ()) - {row.id for row in rows}):
        raise NotFound(f"No row {id_} is a dead letter.")
    useful = [row for row in rows if _is_worth_retrying(row, at)]
    for row in rows:
        row.dead_lettered_at = None
    for row in useful:
        row.done_at, row.failures, row.due_at = None, 0, at
        if row.kind in (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO):
            row.notification_or_raise.state, row.notification_or_raise.failure = NotificationState.QUEUED, None
    return {"retried": [row.id for row in useful], "let_go": [row.id for row in rows if row not in useful]}


def mark_circuit_open(session: Session, addressed_to: ColumnElement[bool]) -> None:
    """Write the failure CIRCUIT_OPEN on notifications that were never tried because their service is down."""
    waiting = select(OutboxMessage.notification_id).where(
        OutboxMessage.done_at.is_(None),
        OutboxMessage.kind.in_((OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO)),
        addressed_to,
    )
    untried = (Notification.state == NotificationState.QUEUED, Notification.failure.is_(None))
    stmt = select(Notification).where(Notification.id.in_(waiting), *untried).order_by(Notification.id)
    for notification in session.scalars(stmt.with_for_update(of=Notification, skip_locked=True)):
        notification.failure = CIRCUIT_OPEN


def delete_done(session: Session, *, at: datetime, limit: int = DELETE_BATCH) -> int:
    """Delete a batch of messages that were done before DONE_MESSAGE_TTL. Returns how many."""
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
    return this_run  # information about the alert


def _seconds_since(moment: datetime | None, at: datetime) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0
