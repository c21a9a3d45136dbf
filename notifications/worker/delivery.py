"""Consequences of a delivery result for its outbox row, its device and its alert."""

import random
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import DEVICE_CHANNEL, FAILED_STATES, Notification, NotificationKind, NotificationState
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import Device
from notifications.channels.base import DeliveryOutcome, DeliveryResult, Message
from notifications.messages.compose import send_deadline

RELEASE_RETRY_AFTER = timedelta(minutes=5)  # until a release that was dead-lettered is tried again
MIN_BACK_OFF, MAX_BACK_OFF = timedelta(seconds=1), timedelta(seconds=30)
LAST_TRY_BEFORE = timedelta(seconds=2)  # before the message expires
# After which a phone is not rung any more, and the reason why it is retired.
LAST_NOTIFICATIONS = {
    NotificationKind.SIGN_IN_EXPIRED: "sign-in-expired",
    NotificationKind.PHONE_ELSEWHERE: "elsewhere",
}


def record_result(
    session: Session, outbox_message: OutboxMessage, message: Message, result: DeliveryResult, *, at: datetime
) -> None:
    """Record the result of an attempt: finish the row, or reschedule it."""
    notification = outbox_message.notification_or_raise
    match result.outcome:
        case DeliveryOutcome.SENT if outbox_message.kind is OutboxKind.DELIVER_WITHDRAWAL:
            _mark_withdrawn(session, outbox_message, at=at)
        case DeliveryOutcome.SENT if outbox_message.kind is OutboxKind.DELIVER_UPDATE:
            _withdraw_if_outdated(session, outbox_message, at=at)
        case DeliveryOutcome.SENT:
            notification.accept(provider_id=result.provider_id, at=at)
            if reason := LAST_NOTIFICATIONS.get(notification.kind):
                _retire_device(session, notification, message, reason=reason, at=at)
            _withdraw_if_outdated(session, outbox_message, at=at)
        case DeliveryOutcome.LATER:
            if not result.unsure:
                notification.wait(result.reason)
            until = _next_attempt(outbox_message, result, at=at)
            if until is not None:
                outbox_message.retry_at(until=until, reason=result.reason)
                return
            notification.fail(NotificationState.EXPIRED, result.reason)
        case DeliveryOutcome.GONE:
            _retire_device(session, notification, message, reason=result.reason, at=at)
            notification.fail(NotificationState.FAILED, result.reason)
            _advance_if_unreachable(session, notification, at=at)
        case DeliveryOutcome.REFUSED:
            notification.fail(NotificationState.FAILED, result.reason)
            _advance_if_unreachable(session, notification, at=at)
    outbox_message.finish(at=at)


def after_dead_letter(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Undo what waits for a dead letter: fail its notification, or let its alert go on without it."""
    if outbox_message.kind in (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO):
        outbox_message.notification_or_raise.fail(NotificationState.FAILED, "set-aside")
    elif outbox_message.kind is OutboxKind.FIND_RECIPIENTS:
        alert = Alert.lock(session, outbox_message.alert_id)
        if alert.run_id == outbox_message.run_id and alert.is_ringing:
            alert.recipients_found_at = alert.recipients_found_at or at
            alert.bump_version()
    elif outbox_message.kind is OutboxKind.AUTO_RELEASE:
        alert = Alert.lock(session, outbox_message.alert_id)
        if alert.run_id == outbox_message.run_id and alert.state is AlertState.TAKEN and alert.next_step_at is None:
            alert.next_step_at = at + RELEASE_RETRY_AFTER
            alert.bump_version()


def _next_attempt(outbox_message: OutboxMessage, result: DeliveryResult, *, at: datetime) -> datetime | None:
    """Return when to try again, or None when the provider asks for more time than the message has left."""
    last = send_deadline(outbox_message, outbox_message.notification_or_raise) - LAST_TRY_BEFORE
    earliest = at + max(result.retry_after or timedelta(0), MIN_BACK_OFF / 2)
    return max(earliest, min(at + back_off(outbox_message.attempts), last)) if earliest <= last else None


def back_off(attempts: int) -> timedelta:
    """Return a pause that doubles with each attempt up to MAX_BACK_OFF. Half of it is random, to spread attempts."""
    pause: timedelta = min(MIN_BACK_OFF * 2 ** min(attempts, 10), MAX_BACK_OFF)
    return pause * (0.5 + random.random() / 2)  # noqa: S311 jitter needs no secret randomness


def _withdraw_if_outdated(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Withdraw a notification that was no longer true while it was in flight.

    Either this transaction writes the notification first, and whoever marks it outdated sees that it was delivered; or
    it comes second and sees the mark.
    """
    notification = outbox_message.notification_or_raise
    session.flush()
    session.refresh(notification, ["outdated_at"])
    if notification.outdated_at is not None and notification.channel == DEVICE_CHANNEL:
        session.add(OutboxMessage.withdrawal_of(notification, share_id=outbox_message.share_id, at=at))


def _mark_withdrawn(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Mark a notification withdrawn, and all of its alert on this device that were queued before the withdrawal."""
    notification = outbox_message.notification_or_raise
    notification.withdrawn_at = notification.withdrawn_at or at
    if notification.alert_id is None:
        return
    shown = (
        Notification.alert_id == notification.alert_id,
        Notification.device_id == notification.device_id,
        Notification.queued_at <= outbox_message.created_at,
    )
    session.execute(update(Notification).where(*shown, Notification.withdrawn_at.is_(None)).values(withdrawn_at=at))


def _advance_if_unreachable(session: Session, notification: Notification, *, at: datetime) -> None:
    """Bring the next step forward if this was the last phone that the present step could have reached."""
    if notification.kind is not NotificationKind.RING:
        return
    alert = Alert.lock(session, notification.alert_id)
    if (notification.run_id, notification.step) != (alert.run_id, alert.absolute_step):
        return
    session.flush()
    pending = select(Notification.id).where(
        Notification.alert_id == alert.id,
        Notification.run_id == alert.run_id,
        Notification.step == alert.absolute_step,
        Notification.state.not_in(FAILED_STATES),
    )
    if session.scalars(pending).first() is None:
        alert.advance_now(at=at)


def _retire_device(
    session: Session, notification: Notification, message: Message, *, reason: str, at: datetime
) -> None:
    """Retire the address of a device that is gone or signed out, unless it has registered or signed in since."""
    if notification.channel != DEVICE_CHANNEL:
        return
    device = session.scalars(
        select(Device).where(Device.id == notification.device_id).with_for_update(of=Device, key_share=True)
    ).one()
    signed_in = notification.kind is NotificationKind.SIGN_IN_EXPIRED and device.has_sign_in(session, at=at)
    registered = device.addressed_at is not None and device.addressed_at > notification.queued_at
    if device.address == message.recipient.address and not (signed_in or registered):
        device.retire(reason=reason, at=at)
