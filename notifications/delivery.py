"""One letter from a row, and what its verdict means for the row."""

import random
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.alert import Alert
from models.concern import Concern
from models.device import Device
from models.notification import Notification, NotificationState
from models.outbox import Outgoing, Task
from notifications import words
from notifications.channels import DeliveryOutcome, Letter, LetterKind, Verdict
from notifications.escalation import LONGEST_TTL, phones
from notifications.words import Gist, Occasion

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)


def letter_for(session: Session, task: Outgoing, *, at: datetime) -> Letter | None:
    """What to send for a RING or WITHDRAW task as things stand now.

    None when it is of no use any more: then the task is done, and the notification says why its phone did not ring.
    """
    alert, notification = _about(session, task)
    ringing = task.task is Task.RING
    useless = (
        _why_not_ring(session, task, alert, notification, at) if ringing else _why_not_withdraw(alert, notification)
    )
    address = notification.device.address
    if useless or address is None:
        task.finish(at=at)
        return None
    if ringing:
        notification.try_()
    gist = Gist.of(alert)
    return Letter(
        notification_id=notification.id,
        alert_id=alert.id,
        concern_id=alert.concern_id,
        kind=LetterKind.RING if ringing else LetterKind.WITHDRAW,
        address=address,
        address_kind=notification.device.address_kind,
        platform=notification.device.platform,
        title=words.title(Occasion.CALL, gist, locale=notification.device.locale),
        body=words.body(Occasion.CALL, gist, locale=notification.device.locale),
        severity=alert.severity,
        sent_at=at,
        expires_at=_ends_at(task, notification),
    )


def settle(session: Session, task: Outgoing, letter: Letter, verdict: Verdict, *, at: datetime) -> None:
    """Record what became of an attempt."""
    notification = task.letter_to
    match verdict.outcome:
        case DeliveryOutcome.SENT if task.task is Task.WITHDRAW:
            notification.withdrawn_at = at
        case DeliveryOutcome.SENT:
            notification.accept(provider_id=verdict.provider_id, at=at)
            _undo_if_answered(session, task, at=at)
        case DeliveryOutcome.LATER:
            if not verdict.unsure:
                notification.wait()
            pause = max(back_off(task.tries), verdict.retry_after or timedelta(0))
            if at + pause < _ends_at(task, notification):
                task.put_off(until=at + pause, reason=verdict.reason)
                return
            notification.give_up(NotificationState.EXPIRED, verdict.reason)
        case DeliveryOutcome.GONE:
            _retire(session, notification, letter, reason=verdict.reason, at=at)
            notification.give_up(NotificationState.FAILED, verdict.reason)
        case DeliveryOutcome.REFUSED:
            notification.give_up(NotificationState.FAILED, verdict.reason)
    task.finish(at=at)


def set_aside(session: Session, task: Outgoing, *, at: datetime) -> None:
    """A task that failed too often for a reason nobody foresaw: whoever waits for it is told that it did not work."""
    if task.task is Task.RING:
        task.letter_to.give_up(NotificationState.FAILED, "set-aside")
    elif task.task is Task.REACH:
        alert = session.scalars(Alert.alone().where(Alert.id == task.alert_id).with_for_update(of=Alert)).one()
        if alert.run_id == task.run_id and alert.calling:
            alert.reached_at = alert.reached_at or at
            alert.touch()


def back_off(tries: int) -> timedelta:
    """A pause that doubles with each try, up to the longest; half of it is random, so that no crowd comes at once."""
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 jitter needs no secret randomness


def _about(session: Session, task: Outgoing) -> tuple[Alert, Notification]:
    shown = joinedload(Alert.concern)
    alert = session.scalars(
        Alert.alone()
        .where(Alert.id == task.alert_id)
        .options(shown.joinedload(Concern.category), shown.joinedload(Concern.place))
    ).one()
    notification = session.scalars(
        select(Notification).where(Notification.id == task.notification_id).options(joinedload(Notification.device))
    ).one()
    return alert, notification


def _why_not_ring(
    session: Session, task: Outgoing, alert: Alert, notification: Notification, at: datetime
) -> str | None:
    """The reason to ring no more, if there is one: answered, told too late, or no longer that person's call."""
    device = notification.device
    state = NotificationState.SUPPRESSED
    reason = None
    if not alert.calling or alert.run_id != task.run_id:
        reason = "answered"
        if notification.state is NotificationState.LEASED and not alert.calling:
            # An attempt whose end nobody knows: the phone may show it all the same.
            session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=notification))
    elif notification.expires_at <= at:
        state, reason = NotificationState.EXPIRED, task.last_error or "expired"
    elif device.address is None:
        reason = "address-retired"
    elif device.staff_id != notification.staff_id:
        reason = "changed-hands"
    elif session.scalars(phones(alert, step=task.step).where(Device.id == device.id)).one_or_none() is None:
        reason = "off-shift"
    if reason:
        notification.give_up(state, reason)
    return reason


def _why_not_withdraw(alert: Alert, notification: Notification) -> str | None:
    """An alert that calls again belongs on the phone; its new ring has the same tag and would vanish with the old."""
    if alert.calling:
        return "calling again"
    return "withdrawn" if notification.withdrawn_at else None


def _undo_if_answered(session: Session, task: Outgoing, *, at: datetime) -> None:
    """The push may have overtaken a take. One of the two has the alert first: if not we, then we see the answer."""
    alert = session.scalars(Alert.alone().where(Alert.id == task.alert_id).with_for_update(of=Alert, read=True)).one()
    if not alert.calling:
        session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=task.letter_to))


def _retire(session: Session, notification: Notification, letter: Letter, *, reason: str, at: datetime) -> None:
    """Forget the address that is dead, unless the phone has told us a new one since."""
    device = session.scalars(select(Device).where(Device.id == notification.device_id).with_for_update(of=Device)).one()
    if device.address == letter.address:
        device.retire(reason=reason, at=at)


def _ends_at(task: Outgoing, notification: Notification) -> datetime:
    return notification.expires_at if task.task is Task.RING else task.created_at + LONGEST_TTL
