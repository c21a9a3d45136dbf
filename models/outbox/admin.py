"""What waits to leave the house, as an operator sees it: measured, given another chance, forgotten when done."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationState
from models.errors import Missing
from models.outbox.message import Outgoing, Task
from models.staff.device import AddressKind

KEPT_FOR = timedelta(days=7)  # what is done, for whoever looks for the cause of something
FORGOTTEN_AT_ONCE = 500
KEPT_BACK = "kept-back"  # why a notification was not even tried


def counts(session: Session, *, at: datetime) -> dict[str, int]:
    """How many rows are due now, due later, leased to a worker, done, and set aside after too many failures."""
    state = case(
        (Outgoing.set_aside_at.is_not(None), "set_aside"),
        (Outgoing.done_at.is_not(None), "done"),
        (Outgoing.lease_until >= at, "leased"),
        (Outgoing.is_due(at), "due"),
        else_="later",
    )
    rows = session.execute(select(state.label("state"), func.count().label("rows")).group_by("state"))
    counted = {row.state: row.rows for row in rows}
    return {name: counted.get(name, 0) for name in ("due", "later", "leased", "done", "set_aside")}


def figures(session: Session, *, at: datetime) -> dict[str, float]:
    """How many rows wait, by state, and for how many seconds the oldest of the due ones has been due.

    What is done is left out: it is looked at every few seconds, and there is a week of that.
    """
    leased = Outgoing.lease_until >= at
    due = Outgoing.is_due(at) & or_(Outgoing.lease_until.is_(None), Outgoing.lease_until < at)
    counted = session.execute(
        select(
            func.count(case((due, 1))).label("due"),
            func.count(case((leased, 1))).label("leased"),
            func.count().label("all"),
            func.min(case((due, Outgoing.due_at))).label("oldest"),
        ).where(Outgoing.done_at.is_(None))
    ).one()
    set_aside = select(func.count()).select_from(Outgoing).where(Outgoing.set_aside_at.is_not(None))
    return {
        "due": counted.due,
        "leased": counted.leased,
        "later": counted.all - counted.due - counted.leased,
        "set_aside": session.scalars(set_aside).one(),
        "oldest_due_seconds": _seconds_since(counted.oldest, at),
    }


def lateness(session: Session, *, at: datetime) -> float:
    """Seconds by which the latest step of an open alert is late; 0 when none is."""
    next_step = select(func.min(Alert.next_step_at)).where(
        Alert.next_step_at.is_not(None), Alert.state == AlertState.OPEN
    )
    return _seconds_since(session.scalars(next_step).one(), at)


def retry(session: Session, ids: Collection[UUID] | None, *, at: datetime) -> dict[str, list[UUID]]:
    """Give rows that were set aside another chance, all of them when no ids are given.

    Those of no use any more (an alert that is over rings nobody, nor does a letter whose time has run out) are let go:
    they stay done, and nobody has to look at them again. Missing when an id is not of a row that was set aside.
    """
    aside = select(Outgoing).where(Outgoing.set_aside_at.is_not(None)).order_by(Outgoing.id)
    if ids is not None:
        aside = aside.where(Outgoing.id.in_(ids))
    rows = session.scalars(
        aside.options(
            joinedload(Outgoing.alert).lazyload(Alert.notifications), joinedload(Outgoing.notification)
        ).with_for_update(of=Outgoing)
    ).all()
    for id_ in sorted(set(ids or ()) - {row.id for row in rows}):
        raise Missing(f"No row {id_} was set aside.")
    useful = [row for row in rows if _useful(row, at)]
    for row in rows:
        row.set_aside_at = None
    for row in useful:
        row.done_at, row.poisonings, row.due_at = None, 0, at
        if row.task in (Task.RING, Task.INFORM):
            row.letter_to.state, row.letter_to.failure = NotificationState.QUEUED, None
    return {"retried": [row.id for row in useful], "let_go": [row.id for row in rows if row not in useful]}


def note_kept_back(session: Session, kinds: Collection[AddressKind]) -> None:
    """Say of each notification that waits for a channel which is away, and was never tried, that this is why."""
    waits = select(Outgoing.notification_id).where(
        Outgoing.done_at.is_(None), Outgoing.task.in_((Task.RING, Task.INFORM)), Outgoing.goes_to(kinds)
    )
    untried = (Notification.state == NotificationState.QUEUED, Notification.failure.is_(None))
    question = select(Notification).where(Notification.id.in_(waits), *untried).order_by(Notification.id)
    for notification in session.scalars(question.with_for_update(of=Notification, skip_locked=True)):
        notification.failure = KEPT_BACK


def forget_done(session: Session, *, at: datetime, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Remove some of what was done long ago; how many."""
    old = (
        select(Outgoing.organization_id, Outgoing.id)
        .where(Outgoing.done_at < at - KEPT_FOR)
        .order_by(Outgoing.done_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = [tuple(key) for key in session.execute(old)]
    if keys:
        these = tuple_(Outgoing.organization_id, Outgoing.id).in_(keys)
        session.execute(delete(Outgoing).where(these).execution_options(synchronize_session=False))
    return len(keys)


def _useful(row: Outgoing, at: datetime) -> bool:
    if row.task in (Task.RING, Task.INFORM) and (row.letter_to.expires_at <= at or row.letter_to.on_a_phone):
        return False
    return row.alert is None or _still_to_do(row, row.alert)


def _still_to_do(row: Outgoing, alert: Alert) -> bool:
    this_run = alert.run_id == row.run_id
    match row.task:
        case Task.REACH:
            return this_run and alert.state is AlertState.OPEN
        case Task.RING:
            return this_run and alert.calling
        case Task.GIVE_BACK:
            return this_run and alert.state is AlertState.TAKEN
        case Task.RECALL:
            return not alert.calling
        case Task.WITHDRAW:
            return not alert.calling and row.letter_to.withdrawn_at is None
    return this_run  # what is told


def _seconds_since(moment: datetime | None, at: datetime) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0
