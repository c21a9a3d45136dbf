"""Composition of messages from outbox rows: what is sent as things stand now, or why nothing is."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload

from models.alerts.alert import Alert
from models.alerts.notification import (
    KINDS_DURING_PAUSE,
    LOUD_KINDS,
    Notification,
    NotificationKind,
    NotificationState,
)
from models.concerns.concern import Concern
from models.concerns.enums import Severity
from models.concerns.event import ConcernStep
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import PUSH_TTL
from models.recovery.action import RecoveryAction
from models.recovery.approvals import read_decisions
from models.recovery.follow_up import FollowUp
from models.staff.device import Device
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import Message, MessageKind
from notifications.channels.registry import recipient_of
from notifications.decide.recipients import ringable_phones
from notifications.decide.validity import Subject, count_carried_over, reason_outdated
from notifications.messages import texts
from notifications.messages.code_mail import compose_code_mail
from notifications.messages.daily_log_mail import compose_daily_log_mail, may_read_log
from notifications.messages.links import link_of
from notifications.messages.recipient_language import locale_of
from notifications.messages.texts import MessageContext

AlertStep = tuple[UUID | None, int | None]


@dataclass(frozen=True)
class RingablePhones:
    """Who may be rung and on which phones, by alert and step; looked up once for all phones that are to be rung now."""

    to_ring: Mapping[AlertStep, set[UUID | None]]
    phones: dict[AlertStep, dict[UUID, set[UUID]]] = field(default_factory=dict)

    @classmethod
    def of(cls, outbox_messages: Iterable[OutboxMessage]) -> Self:
        to_ring: defaultdict[AlertStep, set[UUID | None]] = defaultdict(set)
        for outbox_message in outbox_messages:
            if outbox_message.kind is OutboxKind.DELIVER_RING:
                notification = outbox_message.notification_or_raise
                to_ring[outbox_message.alert_id, notification.step].add(notification.device_id)
        return cls(to_ring)

    def phones_of(
        self, session: Session, alert: Alert, notification: Notification, *, at: datetime
    ) -> dict[UUID, set[UUID]]:
        """Return whom the step of this notification would ring at this moment, and which phones reach them."""
        key = (alert.id, notification.step)
        if key not in self.phones:
            step = notification.step or 0
            self.phones[key] = ringable_phones(session, alert, self.to_ring[key], step=step, at=at)
        return self.phones[key]


# Everything a message is composed from, loaded together with its row.
MESSAGE_OPTIONS = (
    joinedload(OutboxMessage.notification).options(
        joinedload(Notification.device), selectinload(Notification.recipient_links)
    ),
    joinedload(OutboxMessage.alert).lazyload(Alert.notifications),
    joinedload(OutboxMessage.alert).joinedload(Alert.store),
    joinedload(OutboxMessage.follow_up).options(lazyload(FollowUp.owner), lazyload(FollowUp.promised_by)),
    joinedload(OutboxMessage.recovery_action).options(
        lazyload(RecoveryAction.remedy), lazyload(RecoveryAction.acted_by), lazyload(RecoveryAction.decided_by)
    ),
    joinedload(OutboxMessage.concern).joinedload(Concern.filed_category),
    joinedload(OutboxMessage.concern).joinedload(Concern.filed_cause),
    joinedload(OutboxMessage.concern).joinedload(Concern.place),
)


def compose_messages(
    session: Session, outbox_messages: Iterable[OutboxMessage], *, at: datetime, across_tenants: bool = False
) -> dict[OutboxMessage, Message | None]:
    """Return what to send for deliveries of rings, information and withdrawals as things stand now.

    The value is None for a message that is of no use any more: it is marked done, and the notification says why it was
    not sent. Whom a step reaches is looked up once for all its phones.

    With `across_tenants` the value is None, too, for messages about a day, which stay to be done. Their figures are
    counted with the indexes of one organization, in a transaction of their own that no other message waits for.
    """
    outbox_messages = list(outbox_messages)
    ringable = RingablePhones.of(outbox_messages)
    return {
        outbox_message: None
        if across_tenants and outbox_message.business_date is not None
        else _compose(session, outbox_message, ringable, at=at)
        for outbox_message in outbox_messages
    }


def _compose(
    session: Session, outbox_message: OutboxMessage, ringable: RingablePhones, *, at: datetime
) -> Message | None:
    alert, notification = outbox_message.alert, outbox_message.notification_or_raise
    locale = locale_of(session, notification)
    context = _context(session, outbox_message, notification, locale=locale)
    digest = _digest(notification, context)
    if outbox_message.kind is OutboxKind.DELIVER_WITHDRAWAL:
        reason = _reason_not_to_withdraw(alert, notification)
    elif outbox_message.kind is OutboxKind.DELIVER_UPDATE:
        reason = _reason_not_to_update(session, outbox_message, notification, ringable, digest, at)
    else:
        reason = _reason_not_to_send(session, outbox_message, alert, notification, ringable, at)
    recipient = recipient_of(notification)
    if reason or recipient is None:
        outbox_message.finish(at=at)
        return None
    if outbox_message.kind is not OutboxKind.DELIVER_WITHDRAWAL:
        notification.start_attempt()
        notification.text_digest = digest
        notification.count = context.count if outbox_message.business_date is not None else None
    message = Message(
        notification_id=notification.id,
        alert_id=notification.alert_id,
        concern_id=notification.concern_id,
        recovery_action_id=notification.recovery_action_id,
        follow_up_id=notification.follow_up_id,
        notification_kind=notification.kind,
        tag=notification.tag,
        link=link_of(notification),
        kind=_message_kind(outbox_message, notification),
        recipient=recipient,
        title=texts.title(notification.kind, context, locale=locale),
        body=texts.body(notification.kind, context, locale=locale),
        severity=alert.severity if alert else Severity.NORMAL,
        sent_at=at,
        expires_at=send_deadline(outbox_message, notification),
    )
    match notification.kind:
        case NotificationKind.DAILY_LOG:
            return compose_daily_log_mail(session, outbox_message, message, locale=locale, at=at)
        case NotificationKind.CODE_BY_MAIL:
            return compose_code_mail(session, notification, message, locale=locale, at=at)
    return message


def _context(
    session: Session, outbox_message: OutboxMessage, notification: Notification, *, locale: str | None
) -> MessageContext:
    """Return what the texts may contain."""
    if outbox_message.concern is None:
        return MessageContext(count=count_carried_over(session, outbox_message.store, outbox_message.business_date))
    decision, action = _decision(session, notification), outbox_message.recovery_action
    return MessageContext.of(
        outbox_message.concern, outbox_message.alert, action=action, decision=decision, locale=locale
    )


def _decision(session: Session, notification: Notification) -> ConcernStep | None:
    """Return what was decided about the action of a notification that says so."""
    action_id, concern_id = notification.recovery_action_id, notification.concern_id
    if notification.kind is not NotificationKind.DECISION or action_id is None or concern_id is None:
        return None
    return read_decisions(session, notification.organization_id, [concern_id]).get(action_id)


def _digest(notification: Notification, context: MessageContext) -> str:
    """Return a digest of what a notification says, whatever its language."""
    text = (
        f"{texts.title(notification.kind, context, locale=None)}\n{texts.body(notification.kind, context, locale=None)}"
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def send_deadline(outbox_message: OutboxMessage, notification: Notification) -> datetime:
    """Return when it is too late to send."""
    return (
        outbox_message.created_at + PUSH_TTL
        if outbox_message.kind in (OutboxKind.DELIVER_WITHDRAWAL, OutboxKind.DELIVER_UPDATE)
        else notification.expires_at
    )


def _message_kind(outbox_message: OutboxMessage, notification: Notification) -> MessageKind:
    if outbox_message.kind is OutboxKind.DELIVER_WITHDRAWAL:
        return MessageKind.WITHDRAW
    if outbox_message.kind is OutboxKind.DELIVER_UPDATE:
        return MessageKind.UPDATE
    return MessageKind.RING if notification.kind in LOUD_KINDS else MessageKind.INFORM


def _reason_not_to_send(
    session: Session,
    outbox_message: OutboxMessage,
    alert: Alert | None,
    notification: Notification,
    ringable: RingablePhones,
    at: datetime,
) -> str | None:
    """Return why it is not sent, or None, and record it: no longer true, expired, or the person is not reached."""
    state = NotificationState.SUPPRESSED
    if reason := reason_outdated(session, notification.kind, Subject.of(outbox_message, notification), at=at):
        rings_again = alert is not None and alert.is_ringing
        if notification.state is NotificationState.LEASED and notification.device_id and not rings_again:
            # The result of an attempt is unknown, so the phone may show it all the same.
            session.add(OutboxMessage.withdrawal_of(notification, share_id=outbox_message.share_id, at=at))
    elif notification.expires_at <= at:
        state, reason = NotificationState.EXPIRED, outbox_message.last_error or "expired"
    else:
        reason = _reason_not_reached(session, outbox_message, notification, ringable, at)
    if reason:
        notification.fail(state, reason)
    return reason


def _reason_not_reached(
    session: Session, outbox_message: OutboxMessage, notification: Notification, ringable: RingablePhones, at: datetime
) -> str | None:
    """Return why nobody whom it is for is reached at this address any more, or None."""
    device, alert = notification.device, outbox_message.alert
    if reason := _reason_not_readable(session, outbox_message, notification, at):
        return reason
    if device is None:
        return None
    if device.staff_id != notification.staff_id:
        return "changed-hands"
    if outbox_message.kind is OutboxKind.DELIVER_RING and alert is not None:
        return _reason_not_rung(notification, device, ringable.phones_of(session, alert, notification, at=at))
    return _reason_not_informed(session, notification, device, at=at)


def _reason_not_rung(notification: Notification, device: Device, phones: dict[UUID, set[UUID]]) -> str | None:
    """Return why a phone rings for none of its people any more, or None. One who is still there is enough."""
    there = notification.recipient_ids & phones.keys()
    if any(device.id in phones[staff_id] for staff_id in there):
        return None
    return "signed-out" if there and notification.staff_id else "off-shift"


def _reason_not_informed(session: Session, notification: Notification, device: Device, *, at: datetime) -> str | None:
    """Return why a phone informs none of its people any more, or None. A pause is not disclosed: it reads off shift."""
    if notification.kind is NotificationKind.PHONE_ELSEWHERE:
        return None  # whoever is signed in on it
    if notification.kind is NotificationKind.SIGN_IN_EXPIRED:
        return "signed-in" if device.has_sign_in(session, at=at) else None
    reach = phones_in_reach(list(notification.recipient_ids), at=at)
    tenant = notification.organization_id
    stmt = (
        select(Shift.paused_until)
        .select_from(reach)
        .join(Staff, (Staff.organization_id == tenant) & (Staff.id == reach.c.staff_id) & Staff.works_at(at))
        .outerjoin(Shift, (Shift.organization_id == tenant) & (Shift.staff_id == Staff.id) & Shift.runs_at(at))
        .where(reach.c.organization_id == tenant, reach.c.device_id == device.id)
    )
    pauses = session.scalars(stmt).all()
    if not pauses:
        return "signed-out" if notification.staff_id else "off-shift"
    if notification.kind in KINDS_DURING_PAUSE or any(until is None or until <= at for until in pauses):
        return None
    return "off-shift"


def _reason_not_readable(
    session: Session, outbox_message: OutboxMessage, notification: Notification, at: datetime
) -> str | None:
    """Return why it is not for this person any more, or why there is no address of theirs; else None."""
    if notification.kind is NotificationKind.DAILY_LOG and not may_read_log(session, outbox_message, at=at):
        return "out-of-reach"
    if notification.staff is not None and notification.staff.has_left(at):
        return "left"
    return "address-retired" if recipient_of(notification) is None else None


def _reason_not_to_withdraw(alert: Alert | None, notification: Notification) -> str | None:
    """Return why it is not withdrawn, or None. A new ring has the same tag and would vanish with the old one."""
    if alert is not None and alert.is_ringing:
        return "calling again"
    return "withdrawn" if notification.withdrawn_at else None


def _reason_not_to_update(
    session: Session,
    outbox_message: OutboxMessage,
    notification: Notification,
    ringable: RingablePhones,
    digest: str,
    at: datetime,
) -> str | None:
    """Return why it is not shown anew, or None. The notification itself was delivered, and stays so."""
    if notification.outdated_at or notification.withdrawn_at or notification.opened_at:
        return "seen or withdrawn"
    if outbox_message.attempts == 0 and notification.text_digest in (None, digest):
        return "says the same"
    if send_deadline(outbox_message, notification) <= at:
        return "expired"
    if reason := reason_outdated(session, notification.kind, Subject.of(outbox_message, notification), at=at):
        return reason
    return _reason_not_reached(session, outbox_message, notification, ringable, at)
