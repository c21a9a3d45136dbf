"""What the verdict on a letter means for its row, its phone and its alert."""

import random
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alerts.alert import CALLING, Alert
from models.alerts.enums import AlertState
from models.alerts.notification import OVER, Notification, NotificationKind, NotificationState
from models.outbox.message import Outgoing, Task
from models.staff.device import Device
from notifications.channels.base import DeliveryOutcome, Letter, Verdict
from notifications.messages.compose import ends_at, is_answered

ONCE_MORE = timedelta(minutes=5)  # until what could not be given back is tried anew
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)
LAST_TRY = timedelta(seconds=2)  # before it is too late to send it
# What may arrive after somebody has come or has done something, and is then taken off the phone again.
OVERTAKES = frozenset({NotificationKind.RING, NotificationKind.HAND_OVER, NotificationKind.REMINDER})


def settle(session: Session, task: Outgoing, letter: Letter, verdict: Verdict, *, at: datetime) -> None:
    """Record what became of an attempt."""
    notification = task.letter_to
    match verdict.outcome:
        case DeliveryOutcome.SENT if task.task is Task.WITHDRAW:
            _clear(session, task, at=at)
        case DeliveryOutcome.SENT:
            notification.accept(provider_id=verdict.provider_id, at=at)
            _undo_if_answered(session, task, at=at)
        case DeliveryOutcome.LATER:
            if not verdict.unsure:
                notification.wait(verdict.reason)
            until = _next_try(task, verdict, at=at)
            if until is not None:
                task.put_off(until=until, reason=verdict.reason)
                return
            notification.give_up(NotificationState.EXPIRED, verdict.reason)
        case DeliveryOutcome.GONE:
            _retire(session, notification, letter, reason=verdict.reason, at=at)
            notification.give_up(NotificationState.FAILED, verdict.reason)
            _hurry(session, notification, at=at)
        case DeliveryOutcome.REFUSED:
            notification.give_up(NotificationState.FAILED, verdict.reason)
            _hurry(session, notification, at=at)
    task.finish(at=at)


def set_aside(session: Session, task: Outgoing, *, at: datetime) -> None:
    """A task that failed too often for a reason nobody foresaw: whoever waits for it is told that it did not work."""
    if task.task in (Task.RING, Task.INFORM):
        task.letter_to.give_up(NotificationState.FAILED, "set-aside")
    elif task.task is Task.REACH:
        alert = Alert.held(session, task.alert_id)
        if alert.run_id == task.run_id and alert.calling:
            alert.reached_at = alert.reached_at or at
            alert.touch()
    elif task.task is Task.GIVE_BACK:
        alert = Alert.held(session, task.alert_id)
        if alert.run_id == task.run_id and alert.state is AlertState.TAKEN and alert.next_step_at is None:
            alert.next_step_at = at + ONCE_MORE
            alert.touch()


def _next_try(task: Outgoing, verdict: Verdict, *, at: datetime) -> datetime | None:
    """After a pause, or a moment before it is too late; None where the provider asks for more time than there is."""
    last = ends_at(task, task.letter_to) - LAST_TRY
    earliest = at + max(verdict.retry_after or timedelta(0), FIRST_PAUSE / 2)
    return max(earliest, min(at + back_off(task.tries), last)) if earliest <= last else None


def back_off(tries: int) -> timedelta:
    """A pause that doubles with each try, up to the longest; half of it is random, so that no crowd comes at once."""
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 jitter needs no secret randomness


def _undo_if_answered(session: Session, task: Outgoing, *, at: datetime) -> None:
    """The push may have overtaken a take. One of the two has the alert first: if not we, then we see the answer."""
    if task.alert_id is None or task.letter_to.kind not in OVERTAKES:
        return
    state = session.scalars(select(Alert.state).where(Alert.id == task.alert_id).with_for_update(read=True)).one()
    if state in CALLING:
        return
    alert = session.scalars(Alert.alone().where(Alert.id == task.alert_id)).one()
    if is_answered(alert, task.letter_to):
        session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=task.letter_to))


def _clear(session: Session, task: Outgoing, *, at: datetime) -> None:
    """The phone shows nothing of the alert any more that it had when it was to be cleared."""
    shown = (
        Notification.alert_id == task.alert_id,
        Notification.device_id == task.letter_to.device_id,
        Notification.queued_at <= task.created_at,
    )
    session.execute(update(Notification).where(*shown, Notification.withdrawn_at.is_(None)).values(withdrawn_at=at))


def _hurry(session: Session, notification: Notification, *, at: datetime) -> None:
    """Where this was the last phone the present step could have reached, the next one need not wait for it."""
    if notification.kind is not NotificationKind.RING:
        return
    alert = Alert.held(session, notification.alert_id)
    if (notification.run_id, notification.step) != (alert.run_id, alert.stage):
        return
    session.flush()
    hopes = select(Notification.id).where(
        Notification.alert_id == alert.id,
        Notification.run_id == alert.run_id,
        Notification.step == alert.stage,
        Notification.state.not_in(OVER),
    )
    if session.scalars(hopes).first() is None:
        alert.hurry(at=at)


def _retire(session: Session, notification: Notification, letter: Letter, *, reason: str, at: datetime) -> None:
    """Forget the address of a phone that is dead, unless the phone has told us a new one since."""
    if notification.device_id is None:
        return
    device = session.scalars(
        select(Device).where(Device.id == notification.device_id).with_for_update(of=Device, key_share=True)
    ).one()
    if device.address == letter.address:
        device.retire(reason=reason, at=at)
