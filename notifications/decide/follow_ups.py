"""Follow-ups: remind their owners in time, mark overdue ones broken and inform the managers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload, lazyload

from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.customers.customer import Customer
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import FOLLOW_UP_REMIND_BEFORE
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.decide.announce import announce


def announce_follow_up(session: Session, follow_up: FollowUp, event: ConcernEvent) -> None:
    """Write the outbox messages of a step: a reminder, the end of its time, information for the owner."""
    announce(session, event)
    if event.step not in (ConcernStep.PROMISED, ConcernStep.PROMISE_HANDED_OVER):
        return
    handed_over = event.step is ConcernStep.PROMISE_HANDED_OVER
    if handed_over and follow_up.owner_id != event.by_staff_id:
        session.add(_information(NotificationKind.FOLLOW_UP, follow_up, staff_id=follow_up.owner_id, at=event.at))
    # A thank-you goes to customers who agreed to it, and there may be hundreds.
    if not handed_over and follow_up.fix_id is None and follow_up.missing:
        missing = NotificationKind.CONTACT_MISSING
        session.add(_information(missing, follow_up, staff_id=follow_up.owner_id, at=event.at))
    if follow_up.status is FollowUpStatus.OPEN:
        session.add_all(set_timers(follow_up, at=event.at, handed_over=handed_over))


def announce_contact(session: Session, customer: Customer, *, at: datetime) -> None:
    """Withdraw what owners of follow-ups were told of a customer who could not be reached, and can be now."""
    outstanding = select(Notification.id).where(
        Notification.concern_id == Concern.id,
        Notification.kind == NotificationKind.CONTACT_MISSING,
        Notification.outdated_at.is_(None),
    )
    of_customer = select(Concern).where(Concern.customer_id == customer.id, outstanding.exists()).order_by(Concern.id)
    for concern in session.scalars(of_customer.options(lazyload("*"))):
        session.add(OutboxMessage.to_find_withdrawals(concern.organization_id, concern=concern, at=at))


def set_timers(follow_up: FollowUp, *, at: datetime, handed_over: bool = False) -> list[OutboxMessage]:
    """Return the timers of an open follow-up: to remind its owner, not again if that is over, and when it is due."""
    remind_at = follow_up.due_at - FOLLOW_UP_REMIND_BEFORE
    timers = [_timer(OutboxKind.BREAK_FOLLOW_UP, follow_up, due_at=follow_up.due_at, at=at)]
    if remind_at > at or not handed_over:
        timers.insert(0, _timer(OutboxKind.REMIND_OWNER, follow_up, due_at=max(remind_at, at), at=at))
    return timers


def remind(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Remind the owner; if they cannot be reached, whoever leads the shift, or else the managers."""
    follow_up = session.scalars(_select_follow_up(outbox_message)).one()
    reminded_first = FollowUp.status == FollowUpStatus.OPEN, FollowUp.id < follow_up.id
    if follow_up.run_id != outbox_message.run_id or _is_unwanted_thank_you(session, follow_up):
        return
    if not _is_covered_by_another(session, follow_up, *reminded_first):
        owner_id = follow_up.owner_id if _is_owner_reachable(session, follow_up, at) else None
        session.add(_information(NotificationKind.FOLLOW_UP, follow_up, staff_id=owner_id, at=at))


def break_overdue(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Mark a follow-up broken that was not done in time, and inform the managers. Cancel an unwanted thank-you."""
    # The concern is locked before the follow-up, as in requests.
    lock = select(Concern).where(Concern.id == outbox_message.concern_id).with_for_update(of=Concern, key_share=True)
    session.scalars(lock).one()
    follow_up = session.scalars(_select_follow_up(outbox_message).with_for_update(of=FollowUp, key_share=True)).one()
    if follow_up.run_id == outbox_message.run_id and _is_unwanted_thank_you(session, follow_up):
        announce(session, follow_up.cancel_unwanted(at=at))
    elif follow_up.run_id == outbox_message.run_id:
        announce(session, follow_up.mark_broken(at=at))
        if not _is_covered_by_another(session, follow_up, FollowUp.status == FollowUpStatus.BROKEN):
            session.add(_information(NotificationKind.BROKEN, follow_up, at=at))


def _is_unwanted_thank_you(session: Session, follow_up: FollowUp) -> bool:
    """Whether it is a thank-you to a customer who no longer agrees to be contacted."""
    if follow_up.fix_id is None:
        return False
    stmt = select(Customer.may_contact).where(Customer.id == follow_up.customer_id)
    return session.scalars(stmt).one_or_none() is not True


def _is_covered_by_another(session: Session, follow_up: FollowUp, *which: ColumnElement[bool]) -> bool:
    """Whether another thank-you for the same fix, owner, store and time informs of all of them.

    A fix may lead to hundreds of thank-yous; one notification says as much as all of them. `which` selects the
    follow-ups that may stand for the others.
    """
    if follow_up.fix_id is None:
        return False
    shared = (FollowUp.fix_id, FollowUp.owner_id, FollowUp.store_id, FollowUp.due_at)
    same = (column == getattr(follow_up, column.key) for column in shared)
    others = select(FollowUp.id).where(*same, FollowUp.id != follow_up.id, *which)
    return session.scalars(others.limit(1)).first() is not None


def _timer(kind: OutboxKind, follow_up: FollowUp, *, due_at: datetime, at: datetime) -> OutboxMessage:
    return OutboxMessage.timer(kind, follow_up.concern, follow_up=follow_up, due_at=due_at, at=at)


def _information(
    kind: NotificationKind, follow_up: FollowUp, *, staff_id: UUID | None = None, at: datetime
) -> OutboxMessage:
    return OutboxMessage.information(
        kind, follow_up.concern.organization_id, follow_up=follow_up, staff_id=staff_id, at=at
    )


def _select_follow_up(outbox_message: OutboxMessage) -> Select[FollowUp]:
    return select(FollowUp).where(FollowUp.id == outbox_message.follow_up_id).options(joinedload(FollowUp.concern))


def _is_owner_reachable(session: Session, follow_up: FollowUp, at: datetime) -> bool:
    """Whether the owner still works here, is on shift in this store and is not paused."""
    stmt = select(Shift).join(Staff, (Staff.id == Shift.staff_id) & (Staff.organization_id == Shift.organization_id))
    on_shift = stmt.where(
        Shift.staff_id == follow_up.owner_id,
        Shift.store_id == follow_up.store_id,
        Shift.runs_at(at),
        Staff.works_at(at),
    )
    shift = session.scalars(on_shift).one_or_none()
    return shift is not None and not shift.is_paused(at)
