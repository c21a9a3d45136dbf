"""Validity of notifications: for each kind, what makes it untrue. Then it is not sent, and withdrawn where it was."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.concerns.unresolved import select_carried_over
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.staff.shift import Shift


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a notification is about, as it stands now.

    `run_id` is the run of the alert or follow-up in which it was decided, `people` are those whom it is for. `store` is
    set for what is about a store itself, with `business_date` for one of its days.
    """

    organization_id: UUID
    run_id: UUID | None = None
    people: Collection[UUID] = field(default=())
    concern: Concern | None = None
    alert: Alert | None = None
    follow_up: FollowUp | None = None
    action: RecoveryAction | None = None
    store: Store | None = None
    business_date: date | None = None

    @classmethod
    def of(cls, outbox_message: OutboxMessage, notification: Notification | None = None) -> "Subject":
        """Return the subject of a message; without a notification, of the one that is to be queued for it."""
        staff_id = outbox_message.staff_id
        return cls(
            organization_id=outbox_message.organization_id,
            run_id=outbox_message.run_id,
            people=notification.recipient_ids if notification else [staff_id] if staff_id else [],
            concern=outbox_message.concern,
            alert=outbox_message.alert,
            follow_up=outbox_message.follow_up,
            action=outbox_message.recovery_action,
            store=outbox_message.store,
            business_date=outbox_message.business_date,
        )


Check = Callable[[Session, Subject, datetime], str | None]
"""Returns why it is untrue, as a short code for the row, or None while it is true."""


def reason_outdated(session: Session, kind: NotificationKind, subject: Subject, *, at: datetime) -> str | None:
    """Return why a notification of this kind is no longer true, or None.

    Of a concern that was voided none is, and nobody is informed of the days of a store that is out of business.
    """
    if reason := CHECKS[kind](session, subject, at):
        return reason
    if subject.concern is not None and subject.concern.status is Status.VOIDED:
        return "voided"
    if subject.store is not None and subject.store.was_closed_at(at):
        return "store-closed"
    return None


def count_carried_over(session: Session, store: Store | None, business_date: date | None) -> int:
    """Count the concerns that the day left open and that are still unresolved."""
    if store is None or business_date is None:
        return 0
    carried_over = select_carried_over(store, store.next_date(business_date)).subquery()
    return session.scalars(select(func.count()).select_from(carried_over)).one()


def _stays_true(_session: Session, _subject: Subject, _at: datetime) -> str | None:
    """Say nothing against what has happened once and for all."""
    return None


def _is_another_run(subject: Subject) -> bool:
    return subject.alert is not None and subject.run_id not in (None, subject.alert.run_id)


def _calls(_session: Session, subject: Subject, _at: datetime) -> str | None:
    ringing = subject.alert is not None and subject.alert.is_ringing and not _is_another_run(subject)
    return None if ringing else "answered"


def _is_handed_over(_session: Session, subject: Subject, _at: datetime) -> str | None:
    over = _is_another_run(subject) or (subject.alert is not None and not subject.alert.is_ringing)
    taken = subject.concern is not None and subject.concern.status is not Status.OPEN
    return "answered" if over or taken else None


def _is_unheeded(_session: Session, subject: Subject, _at: datetime) -> str | None:
    alert = subject.alert
    waits = alert is not None and alert.state is AlertState.TAKEN and alert.reminded_at is not None
    return None if waits and not _is_another_run(subject) else "answered"


def _is_unanswered(_session: Session, subject: Subject, _at: datetime) -> str | None:
    waits = subject.alert is not None and subject.alert.state is AlertState.UNANSWERED
    return None if waits and not _is_another_run(subject) else "answered"


def _was_late(_session: Session, subject: Subject, _at: datetime) -> str | None:
    is_praise = subject.concern is not None and subject.concern.kind is Kind.PRAISE
    return "answered" if _is_another_run(subject) or is_praise else None


def _is_looked_after(_session: Session, subject: Subject, _at: datetime) -> str | None:
    return "reopened" if subject.concern is not None and subject.concern.status is Status.OPEN else None


def _is_over(_session: Session, subject: Subject, _at: datetime) -> str | None:
    return None if subject.concern is not None and subject.concern.status is Status.RESOLVED else "reopened"


def _praises(_session: Session, subject: Subject, _at: datetime) -> str | None:
    concern = subject.concern
    praises = concern is None or (concern.kind is Kind.PRAISE and concern.praised_id in subject.people)
    return None if praises else "edited"


def _waits_for_approval(_session: Session, subject: Subject, at: datetime) -> str | None:
    action = subject.action
    if action is None:  # queued by a version that did not say which
        return None
    if action.status is not ActionStatus.PENDING:
        return "answered"
    return "expired" if action.expires_at is not None and action.expires_at <= at else None


def _is_promised(_session: Session, subject: Subject, _at: datetime) -> str | None:
    """Say that the follow-up is done or somebody else's. One that is overdue is still to be kept by its owner."""
    follow_up = subject.follow_up
    if follow_up is None or follow_up.run_id == subject.run_id:
        return None
    overdue = follow_up.status is FollowUpStatus.BROKEN and follow_up.owner_id in subject.people
    return None if overdue else "answered"


def _lacks_contact(session: Session, subject: Subject, at: datetime) -> str | None:
    if subject.follow_up is not None and not subject.follow_up.missing:
        return "answered"
    return _is_promised(session, subject, at)


def _is_broken(_session: Session, subject: Subject, _at: datetime) -> str | None:
    same_run = subject.follow_up is None or subject.follow_up.run_id == subject.run_id
    return None if same_run else "answered"


def _is_left_open(session: Session, subject: Subject, _at: datetime) -> str | None:
    return None if count_carried_over(session, subject.store, subject.business_date) else "answered"


def _somebody_pauses(session: Session, subject: Subject, at: datetime) -> str | None:
    """Say that nobody in the store pauses any more. Whose pause it was is kept nowhere."""
    if subject.store is None:
        return None
    paused = select(Shift.id).where(
        Shift.organization_id == subject.organization_id,
        Shift.store_id == subject.store.id,
        Shift.runs_at(at),
        Shift.paused_until > at,
    )
    return None if session.scalars(paused.limit(1)).first() else "answered"


def _is_asked_whether_still_here(session: Session, subject: Subject, at: datetime) -> str | None:
    waits = select(Shift.id).where(
        Shift.organization_id == subject.organization_id,
        Shift.staff_id.in_(subject.people),
        Shift.runs_at(at),
        Shift.asked_at.is_not(None),
    )
    return None if session.scalars(waits.limit(1)).first() else "answered"


K = NotificationKind
CHECKS: Final[Mapping[NotificationKind, Check]] = {
    K.RING: _calls,
    K.HAND_OVER: _is_handed_over,
    K.REMINDER: _is_unheeded,
    K.UNANSWERED: _is_unanswered,
    K.UNANSWERED_SEVERE: _is_unanswered,
    K.LATE: _was_late,
    K.CLOSED_STORE: _stays_true,
    K.OWN: _is_looked_after,
    K.OUTCOME: _is_over,
    K.PRAISE: _praises,
    K.APPROVAL: _waits_for_approval,
    K.DECISION: _stays_true,
    K.DAY_LIMIT: _stays_true,
    K.FOLLOW_UP: _is_promised,
    K.CONTACT_MISSING: _lacks_contact,
    K.BROKEN: _is_broken,
    K.CARRIED_OVER: _is_left_open,
    K.DAILY_LOG: _stays_true,
    K.PAUSE: _somebody_pauses,
    K.STILL_HERE: _is_asked_whether_still_here,
    K.SHIFT_ENDED: _stays_true,
    K.CODE_MADE: _stays_true,
    K.FACTOR_REMOVED: _stays_true,
    K.CODE_BY_MAIL: _stays_true,
    K.PHONE_TAKEN: _stays_true,
    K.SIGN_IN_EXPIRED: _stays_true,  # said to a phone that is not reached any more: nothing can be withdrawn from it
    K.PHONE_ELSEWHERE: _stays_true,  # likewise
    K.TEST: _stays_true,
}
"""What makes each kind untrue, besides a concern that was voided and a store that has closed."""
