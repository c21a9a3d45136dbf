"""Withdrawals and updates: what phones show and is no longer true is taken off them, what changed is shown anew.

Each is one push to each phone that shows it, and to no other.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload

from models.alerts.alert import Alert
from models.alerts.notification import DEVICE_CHANNEL, Notification, NotificationKind, NotificationRecipient
from models.concerns.child import ConcernChild
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.policy_defaults import NOTIFICATIONS_SHOWN_FOR
from models.recovery.action import RecoveryAction
from models.recovery.follow_up import FollowUp
from notifications.decide.validity import Subject, reason_outdated

K = NotificationKind
# What is shown until somebody does something: it has to say how things are. Any other says how they were.
UPDATED_KINDS = frozenset(
    {K.RING, K.HAND_OVER, K.REMINDER, K.UNANSWERED, K.UNANSWERED_SEVERE, K.APPROVAL, K.CARRIED_OVER}
)
Child = TypeVar("Child", bound=ConcernChild)


def find_withdrawals(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Mark what is no longer true of a concern, a store or a shift, and queue its removal from phones that show it.

    What is still true, and may say something else by now, is shown anew where it was not opened.
    A notification that is in flight at this moment is withdrawn when its result comes (delivery.record_result).
    """
    if outbox_message.concern_id is not None:
        _withdraw_of_concern(session, outbox_message.concern_id, at=at)
    elif outbox_message.store_id is not None:
        store = session.get_one(Store, (outbox_message.organization_id, outbox_message.store_id))
        _withdraw_of_store(session, store, at=at)
    elif outbox_message.staff_id is not None:
        _withdraw_of_shift(session, outbox_message.staff_id, at=at)


def _withdraw_of_concern(session: Session, concern_id: UUID, *, at: datetime) -> None:
    concern = session.scalars(select(Concern).where(Concern.id == concern_id).options(joinedload(Concern.store))).one()
    alert = session.scalars(Alert.select_without_notifications().where(Alert.concern_id == concern_id)).one_or_none()
    notifications = _lock_valid(session, Notification.concern_id == concern_id, at=at)
    follow_ups = _load(session, FollowUp, (notification.follow_up_id for notification in notifications))
    actions = _load(session, RecoveryAction, (notification.recovery_action_id for notification in notifications))
    for notification in notifications:
        subject = Subject(
            organization_id=notification.organization_id,
            run_id=notification.run_id,
            people=notification.recipient_ids,
            concern=concern,
            alert=alert if notification.alert_id else None,
            follow_up=follow_ups.get(notification.follow_up_id),
            action=actions.get(notification.recovery_action_id),
        )
        _mark_if_outdated(session, notification, subject, at=at)
    # A new ring has the same tag and would vanish with the old one.
    rings_under = str(alert.id) if alert is not None and alert.is_ringing else None
    removable = [notification for notification in notifications if notification.tag != rings_under]
    _queue_withdrawals(session, removable, share_id=concern.store_id, at=at)
    _queue_updates(session, notifications, share_id=concern.store_id, at=at)
    if concern.business_date < concern.store.business_date(at):
        _withdraw_of_store(session, concern.store, at=at)


def _withdraw_of_store(session: Session, store: Store, *, at: datetime) -> None:
    """Withdraw what is about the store itself: a day that leaves nothing open any more, a pause that is over."""
    notifications = _lock_valid(session, Notification.store_id == store.id, at=at)
    for notification in notifications:
        subject = Subject(
            organization_id=notification.organization_id, store=store, business_date=notification.business_date
        )
        _mark_if_outdated(session, notification, subject, at=at)
    _queue_withdrawals(session, notifications, share_id=store.id, at=at)
    _queue_updates(session, notifications, share_id=store.id, at=at)


def _withdraw_of_shift(session: Session, staff_id: UUID, *, at: datetime) -> None:
    """Withdraw the question whether a person is still here."""
    link = NotificationRecipient
    shared = select(link.notification_id).where(
        link.staff_id == staff_id, link.queued_at > at - NOTIFICATIONS_SHOWN_FOR
    )
    of_person = (Notification.staff_id == staff_id) | Notification.id.in_(shared)
    is_question = Notification.kind == NotificationKind.STILL_HERE
    notifications = _lock_valid(session, of_person, is_question, at=at)
    for notification in notifications:
        subject = Subject(organization_id=notification.organization_id, people=notification.recipient_ids)
        _mark_if_outdated(session, notification, subject, at=at)
    _queue_withdrawals(session, notifications, share_id=None, at=at)


def _lock_valid(session: Session, *which: ColumnElement[bool], at: datetime) -> Sequence[Notification]:
    """Return the notifications to phones that were true so far, locked, as a result may come in now."""
    stmt = (
        select(Notification)
        .where(
            *which,
            Notification.outdated_at.is_(None),
            Notification.channel == DEVICE_CHANNEL,
            Notification.queued_at > at - NOTIFICATIONS_SHOWN_FOR,
        )
        .options(
            lazyload(Notification.device),
            lazyload(Notification.staff),
            selectinload(Notification.recipient_links),
        )
        .order_by(Notification.id)
    )
    return session.scalars(stmt.with_for_update(of=Notification).execution_options(populate_existing=True)).all()


def _load(session: Session, model: type[Child], ids: Iterable[UUID | None]) -> dict[UUID | None, Child]:
    wanted = {id_ for id_ in ids if id_ is not None}
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted))).unique()}


def _mark_if_outdated(session: Session, notification: Notification, subject: Subject, *, at: datetime) -> None:
    if reason_outdated(session, notification.kind, subject, at=at):
        notification.outdated_at = at


def _queue_withdrawals(
    session: Session, notifications: Collection[Notification], *, share_id: UUID | None, at: datetime
) -> None:
    """Queue the removal of what was just marked, one for each phone and tag, unless something newer replaced it there.

    Each notification is marked once, so each is withdrawn once.
    """
    session.add_all(
        OutboxMessage.withdrawal_of(notification, share_id=share_id, at=at)
        for notification in _latest_of_tags(notifications)
        if notification.outdated_at is not None
    )


def _queue_updates(
    session: Session, notifications: Collection[Notification], *, share_id: UUID | None, at: datetime
) -> None:
    """Queue an update of what is still true, one for each phone and tag. It is not sent where the text is the same.

    One that still waits is put off instead: it will say how things are when it is sent, however often they changed.
    """
    to_update = {
        notification.id: notification
        for notification in _latest_of_tags(notifications)
        if notification.kind in UPDATED_KINDS
        and notification.outdated_at is None
        and notification.is_delivered
        and notification.opened_at is None
    }
    waiting = OutboxMessage.lock_waiting_updates(session, to_update) if to_update else ()
    for outbox_message in waiting:
        outbox_message.created_at = at
    updated = {outbox_message.notification_id for outbox_message in waiting}
    session.add_all(
        OutboxMessage.update_of(notification, share_id=share_id, at=at)
        for id_, notification in to_update.items()
        if id_ not in updated
    )


def _latest_of_tags(notifications: Collection[Notification]) -> Collection[Notification]:
    """Return the latest notification of each tag on each phone, without those that never came there."""
    shown: dict[tuple[UUID | None, str], Notification] = {}
    for notification in notifications:
        is_sent = notification.is_delivered or (notification.outdated_at is None and not notification.has_failed)
        if is_sent and notification.device_id is not None:
            shown[notification.device_id, notification.tag] = notification
    return shown.values()
