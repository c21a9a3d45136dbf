"""What the verdict on a letter means for its row, its phone and its alert."""

import random
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alerts.alert import RINGING_STATES, Alert
from models.alerts.enums import AlertState
from models.alerts.notification import DEVICE_CHANNEL, FAILED_STATES, Notification, NotificationKind, NotificationState
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import Device
from notifications.channels.base import DeliveryOutcome, DeliveryResult, Message
from notifications.messages.compose import is_outdated, send_deadline

RELEASE_RETRY_AFTER = timedelta(minutes=5)  # until what could not be given back is tried anew
MIN_BACK_OFF, MAX_BACK_OFF = timedelta(seconds=1), timedelta(seconds=30)
LAST_TRY_BEFORE = timedelta(seconds=2)  # before it is too late to send it
# What may arrive after somebody has come or has done something, and is then taken off the phone again.
WITHDRAWN_IF_ANSWERED = frozenset({NotificationKind.RING, NotificationKind.HAND_OVER, NotificationKind.REMINDER})


def record_result(
    session: Session, outbox_message: OutboxMessage, message: Message, result: DeliveryResult, *, at: datetime
) -> None:
    """Record what became of an attempt."""
    notification = outbox_message.notification_or_raise
    match result.outcome:
        case DeliveryOutcome.SENT if outbox_message.kind is OutboxKind.DELIVER_WITHDRAWAL:
            _mark_withdrawn(session, outbox_message, at=at)
        case DeliveryOutcome.SENT:
            notification.accept(provider_id=result.provider_id, at=at)
            _withdraw_if_answered(session, outbox_message, at=at)
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
    """A task that failed too often for a reason nobody foresaw: whoever waits for it is told that it did not work."""
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
    """After a pause, or a moment before it is too late; None where the provider asks for more time than there is."""
    last = send_deadline(outbox_message, outbox_message.notification_or_raise) - LAST_TRY_BEFORE
    earliest = at + max(result.retry_after or timedelta(0), MIN_BACK_OFF / 2)
    return max(earliest, min(at + back_off(outbox_message.attempts), last)) if earliest <= last else None


def back_off(tries: int) -> timedelta:
    """A pause that doubles with each try, up to the longest; half of it is random, so that no crowd comes at once."""
    longest: timedelta = min(MIN_BACK_OFF * 2 ** min(tries, 10), MAX_BACK_OFF)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 jitter needs no secret randomness


def _withdraw_if_answered(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """The push may have overtaken a take. One of the two has the alert first: if not we, then we see the answer."""
    if outbox_message.alert_id is None or outbox_message.notification_or_raise.kind not in WITHDRAWN_IF_ANSWERED:
        return
    state = session.scalars(
        select(Alert.state).where(Alert.id == outbox_message.alert_id).with_for_update(read=True)
    ).one()
    if state in RINGING_STATES:
        return
    alert = session.scalars(Alert.alone().where(Alert.id == outbox_message.alert_id)).one()
    if is_outdated(alert, outbox_message.notification_or_raise):
        session.add(
            OutboxMessage.for_alert(
                alert, OutboxKind.DELIVER_WITHDRAWAL, at=at, notification=outbox_message.notification_or_raise
            )
        )


def _mark_withdrawn(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """The phone shows nothing of the alert any more that it had when it was to be cleared."""
    shown = (
        Notification.alert_id == outbox_message.alert_id,
        Notification.device_id == outbox_message.notification_or_raise.device_id,
        Notification.queued_at <= outbox_message.created_at,
    )
    session.execute(update(Notification).where(*shown, Notification.withdrawn_at.is_(None)).values(withdrawn_at=at))


def _advance_if_unreachable(session: Session, notification: Notification, *, at: datetime) -> None:
    """Where this was the last phone the present step could have reached, the next one need not wait for it."""
    if notification.kind is not NotificationKind.RING:
        return
    alert = Alert.lock(session, notification.alert_id)
    if (notification.run_id, notification.step) != (alert.run_id, alert.absolute_step):
        return
    session.flush()
    hopes = select(Notification.id).where(
        Notification.alert_id == alert.id,
        Notification.run_id == alert.run_id,
        Notification.step == alert.absolute_step,
        Notification.state.not_in(FAILED_STATES),
    )
    if session.scalars(hopes).first() is None:
        alert.advance_now(at=at)


def _retire_device(
    session: Session, notification: Notification, message: Message, *, reason: str, at: datetime
) -> None:
    """Forget the address of a phone that is dead, unless the phone has told us a new one since."""
    if notification.channel != DEVICE_CHANNEL:
        return
    device = session.scalars(
        select(Device).where(Device.id == notification.device_id).with_for_update(of=Device, key_share=True)
    ).one()
    if device.address == message.recipient.address:
        device.retire(reason=reason, at=at)
