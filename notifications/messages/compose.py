"""One letter from a row: what is sent for it as things stand now, or why nothing is."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, lazyload

from models.alerts.alert import Alert
from models.alerts.enums import AlertState, Severity
from models.alerts.notification import LOUD, Notification, NotificationKind, NotificationState
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.unresolved import left_open
from models.daily_log.daily_log import A_DAY
from models.db.session import EVERYTHING
from models.outbox.message import Outgoing, Task
from models.policy_defaults import PUSH_TTL
from models.recovery.follow_up import FollowUp
from models.staff.shift import Shift
from notifications.channels.base import AddressKind, Letter, LetterKind
from notifications.decide.recipients import who_may_be_rung
from notifications.messages import texts as words
from notifications.messages.daily_log_mail import day_mail, may_read
from notifications.messages.texts import Gist

Reached = dict[tuple[UUID, int], set[UUID]]
"""Of an alert and a step, who may be rung."""

# All that a letter is made from, in one look-up with its row.
INGREDIENTS = (
    joinedload(Outgoing.notification).joinedload(Notification.device),
    joinedload(Outgoing.alert).lazyload(Alert.notifications),
    joinedload(Outgoing.alert).joinedload(Alert.store),
    joinedload(Outgoing.follow_up).options(lazyload(FollowUp.owner), lazyload(FollowUp.promised_by)),
    joinedload(Outgoing.concern).joinedload(Concern.category),
    joinedload(Outgoing.concern).joinedload(Concern.place),
)


def letters_for(session: Session, tasks: Iterable[Outgoing], *, at: datetime) -> dict[Outgoing, Letter | None]:
    """What to send for RING, INFORM and WITHDRAW tasks as things stand now.

    None for what is of no use any more: then the task is done, and the notification says why its phone did not ring.
    None too, with the task left to do, for what has to be written by itself.
    Whom a step reaches is asked once for all its phones.
    """
    reached: Reached = {}
    return {
        task: None if _is_for_later(session, task) else _letter_for(session, task, reached, at=at) for task in tasks
    }


def _is_for_later(session: Session, task: Outgoing) -> bool:
    """Whether something is counted for it: no other letter waits for that, and an index needs one organization."""
    return task.business_date is not None and session.info["tenant"] is EVERYTHING


def _letter_for(session: Session, task: Outgoing, reached: Reached, *, at: datetime) -> Letter | None:
    alert, concern, notification = task.alert, task.concern, task.letter_to
    if task.task is Task.WITHDRAW:
        useless = _why_not_withdraw(alert, notification)
    else:
        useless = _why_not(session, task, alert, notification, reached, at)
    address = _address_of(notification)
    if useless or address is None:
        task.finish(at=at)
        return None
    if task.task is not Task.WITHDRAW:
        notification.try_()
    device = notification.device
    locale = device.locale if device else None
    gist = Gist.of(concern, alert) if concern else Gist(count=_left_open(session, task))
    letter = Letter(
        notification_id=notification.id,
        alert_id=notification.alert_id,
        concern_id=notification.concern_id,
        kind=_letter_kind(task, notification),
        address=address,
        address_kind=device.address_kind if device else AddressKind.EMAIL,
        platform=device.platform if device else None,
        title=words.title(notification.kind, gist, locale=locale),
        body=words.body(notification.kind, gist, locale=locale),
        severity=alert.severity if alert else Severity.NORMAL,
        sent_at=at,
        expires_at=ends_at(task, notification),
    )
    return day_mail(session, task, letter, at=at) if notification.kind is NotificationKind.DAILY_LOG else letter


def _is_put_right(session: Session, task: Outgoing, notification: Notification) -> bool:
    """Whether a promise was kept or handed on, or what a day had left was resolved, since it was to be told."""
    if task.follow_up is not None:
        return task.follow_up.run_id != task.run_id
    return notification.kind is NotificationKind.CARRIED_OVER and not _left_open(session, task)


def _left_open(session: Session, task: Outgoing) -> int:
    """How many concerns the day it tells of has left, and nobody has put right since."""
    if task.store is None or task.business_date is None:
        return 0
    left = left_open(task.store, task.business_date + A_DAY).subquery()
    return session.scalars(select(func.count()).select_from(left)).one()


def ends_at(task: Outgoing, notification: Notification) -> datetime:
    """When it is too late to send it."""
    return task.created_at + PUSH_TTL if task.task is Task.WITHDRAW else notification.expires_at


def _letter_kind(task: Outgoing, notification: Notification) -> LetterKind:
    if task.task is Task.WITHDRAW:
        return LetterKind.WITHDRAW
    return LetterKind.RING if notification.kind in LOUD else LetterKind.INFORM


def _address_of(notification: Notification) -> str | None:
    return notification.device.address if notification.device else notification.staff.email


def _why_not(
    session: Session,
    task: Outgoing,
    alert: Alert | None,
    notification: Notification,
    reached: Reached,
    at: datetime,
) -> str | None:
    """The reason to send it no more, if there is one: no longer so, told too late, or no longer that person's."""
    state = NotificationState.SUPPRESSED
    if alert is not None and is_answered(alert, notification):
        reason: str | None = "answered"
        if notification.state is NotificationState.LEASED and not alert.calling:
            # An attempt whose end nobody knows: the phone may show it all the same.
            session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=notification))
    elif notification.kind is NotificationKind.OUTCOME and task.concern and task.concern.status is not Status.RESOLVED:
        reason = "reopened"
    elif _is_put_right(session, task, notification):
        reason = "answered"
    elif notification.expires_at <= at:
        state, reason = NotificationState.EXPIRED, task.last_error or "expired"
    else:
        reason = _why_not_there(session, task, notification, reached, at)
    if reason:
        notification.give_up(state, reason)
    return reason


def _why_not_there(
    session: Session, task: Outgoing, notification: Notification, reached: Reached, at: datetime
) -> str | None:
    """Why this person is not reached at this address any more."""
    device, alert = notification.device, task.alert
    if notification.kind is NotificationKind.DAILY_LOG and not may_read(session, task):
        return "out-of-reach"
    if _address_of(notification) is None:
        return "address-retired"
    if device is not None and device.staff_id != notification.staff_id:
        return "changed-hands"
    if task.task is Task.RING and alert is not None:
        step = notification.step or 0
        if (alert.id, step) not in reached:
            reached[alert.id, step] = who_may_be_rung(session, alert, step=step, at=at)
        if notification.staff_id not in reached[alert.id, step]:
            return "off-shift"
    if device is not None and task.task is Task.INFORM and notification.kind is not NotificationKind.TEST:
        shift = Shift.current(session, notification.staff_id)
        if shift is not None and shift.is_paused(at):
            return "off-shift"  # the same word as for who went home: whose pause it is, is nobody's business here
    return None


def is_answered(alert: Alert, notification: Notification) -> bool:
    """Whether what it tells of is no longer so. What is only for information stays true."""
    if notification.run_id is not None and notification.run_id != alert.run_id:
        return True
    match notification.kind:
        case NotificationKind.RING | NotificationKind.HAND_OVER:
            return not alert.calling
        case NotificationKind.REMINDER:
            return alert.state is not AlertState.TAKEN or alert.reminded_at is None
        case NotificationKind.UNANSWERED:
            return alert.state is not AlertState.UNANSWERED
    return False


def _why_not_withdraw(alert: Alert | None, notification: Notification) -> str | None:
    """An alert that calls again belongs on the phone; its new ring has the same tag and would vanish with the old."""
    if alert is None or alert.calling:
        return "calling again"
    return "withdrawn" if notification.withdrawn_at else None
