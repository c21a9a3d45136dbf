"""Escalation of alerts: take the steps that are due, and ring whom a step reaches."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.alerts.alert import Alert, StepResult
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Severity
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import PUSH_TTL
from models.recovery.approvals import find_pending
from models.staff.device import AddressKind, Device
from notifications.decide.announce import announce
from notifications.decide.recipients import Recipients, recipients_of


def select_due(at: datetime) -> Select[Alert]:
    """Select alerts that are due: for the next step, for a reminder to whoever took them, or for their release."""
    waiting = Alert.state.in_((AlertState.OPEN, AlertState.TAKEN))
    return Alert.select_without_notifications().where(Alert.next_step_at <= at, waiting)


def escalate_due(session: Session, *, at: datetime, limit: int = 100) -> int:
    """Take the alerts that are due a step further, organizations in turn; return how many there were.

    Several workers may do this at once: each passes over alerts that another has locked.
    """
    turn = func.row_number().over(partition_by=Alert.organization_id, order_by=Alert.next_step_at)
    turns = select_due(at).with_only_columns(Alert.organization_id, Alert.id, turn.label("turn")).subquery()
    same_alert = (turns.c.organization_id == Alert.organization_id) & (turns.c.id == Alert.id)
    stmt = select_due(at).join(turns, same_alert).options(joinedload(Alert.concern))
    stmt = stmt.order_by(turns.c.turn, Alert.next_step_at).limit(limit)
    alerts = session.scalars(stmt.with_for_update(of=Alert, skip_locked=True, key_share=True)).all()
    confirmed = _with_receipt(session, alerts)
    for alert in alerts:
        _advance(session, alert, at=at, arrived=alert.id in confirmed)
    return len(alerts)


def escalate_alert(session: Session, alert: Alert, at: datetime) -> None:
    """Take a single alert that is due a step further."""
    _advance(session, alert, at=at, arrived=bool(_with_receipt(session, [alert])))


def _advance(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    if alert.state is AlertState.TAKEN:
        _remind_or_release(session, alert, at=at)
    else:
        _escalate(session, alert, at=at, arrived=arrived)


def _escalate(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    """Take all steps that are due: there may be several after a time without a worker, and none is left out."""
    while alert.next_step_at is not None and alert.next_step_at <= at:
        match alert.advance(at=at, has_receipt=arrived):
            case StepResult.BEGAN:
                session.add(OutboxMessage.for_alert(alert, OutboxKind.FIND_RECIPIENTS, at=at))
            case StepResult.UNANSWERED:
                is_severe = alert.severity is Severity.SEVERE
                kind = NotificationKind.UNANSWERED_SEVERE if is_severe else NotificationKind.UNANSWERED
                session.add(OutboxMessage.information(kind, alert.organization_id, alert=alert, at=at))


def _remind_or_release(session: Session, alert: Alert, *, at: datetime) -> None:
    """Remind whoever took the alert, or queue its release.

    A release locks the concern. Requests lock the concern before the alert, so doing it here, with the alert locked,
    could deadlock with one of them.
    """
    if alert.remind(at=at):
        session.add(_reminder_message(alert, at=at))
    else:
        session.add(OutboxMessage.for_alert(alert, OutboxKind.AUTO_RELEASE, at=at))


def _reminder_message(alert: Alert, *, at: datetime) -> OutboxMessage:
    return OutboxMessage.information(
        NotificationKind.REMINDER, alert.organization_id, alert=alert, staff_id=alert.taken_by_id, at=at
    )


def auto_release(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Release a concern that was taken and forgotten, unless something was done about it in the meantime."""
    concern_id = select(Alert.concern_id).where(Alert.id == outbox_message.alert_id).scalar_subquery()
    concern = session.scalars(
        select(Concern).where(Concern.id == concern_id).with_for_update(of=Concern, key_share=True)
    ).one()
    alert = Alert.lock(session, outbox_message.alert_id)
    if alert.state is not AlertState.TAKEN or alert.run_id != outbox_message.run_id:
        return
    if alert.reminded_at is None or alert.next_step_at is not None:
        return
    if find_pending(session, concern):
        alert.note_activity()  # they wait with the customer for an approval
    else:
        announce(session, concern.auto_release(at=at))


def count_overdue(session: Session, *, at: datetime, by: timedelta) -> int:
    """Count open alerts that are overdue for their next step, or whose recipients should have been found by now."""
    overdue = or_(Alert.next_step_at < at - by, Alert.recipients_found_at.is_(None) & (Alert.run_started_at < at - by))
    waiting = Alert.next_step_at.is_not(None) & (Alert.state == AlertState.OPEN)
    return session.scalars(select(func.count()).select_from(Alert).where(waiting, overdue)).one()


def find_recipients(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Queue a notification for every phone this step reaches now; skip a step that reaches none.

    Do nothing for an alert that is not open any more or that rings in a newer run. May be repeated.
    """
    alert = Alert.lock(session, outbox_message.alert_id, joinedload(Alert.concern), joinedload(Alert.store))
    if alert.state is not AlertState.OPEN or alert.run_id != outbox_message.run_id or outbox_message.step is None:
        return
    step = outbox_message.step
    while True:
        recipients = recipients_of(session, alert, step=step, at=at)
        if recipients.people_by_phone:
            _queue_notifications(session, alert, recipients, step=step, at=at)
            return
        if step != alert.absolute_step:  # a step of the past, for an alert that has become severe
            alert.record_step(0, step=step, at=at, why=recipients.why_nobody)
            return
        if not alert.skip(recipients.why_nobody, at=at):
            return
        step = alert.absolute_step


def _queue_notifications(session: Session, alert: Alert, recipients: Recipients, *, step: int, at: datetime) -> None:
    """Queue one notification for each phone, however many people it is for."""
    notified = set(
        session.scalars(
            select(Notification.device_id).where(
                Notification.alert_id == alert.id, Notification.run_id == alert.run_id, Notification.step == step
            )
        )
    )
    if not notified:
        phones = len(recipients.people_by_phone)
        alert.record_step(phones, step=step, at=at, left_out=recipients.left_out)
    for device, people in recipients.people_by_phone.items():
        if device.id in notified:
            continue
        notification = Notification.to_phone(
            device,
            people,
            alert_id=alert.id,
            concern_id=alert.concern_id,
            announcement_id=alert.run_id,
            run_id=alert.run_id,
            step=step,
            queued_at=at,
            expires_at=min(at + PUSH_TTL, alert.next_regular_time()),
        )
        session.add_all(
            [notification, OutboxMessage.for_alert(alert, OutboxKind.DELIVER_RING, at=at, notification=notification)]
        )


def _with_receipt(session: Session, alerts: Collection[Alert]) -> set[UUID | None]:
    """Return the ids of alerts that a phone has confirmed in their present run. A printed one counts as confirmed."""
    if not alerts:
        return set()
    confirmed = or_(
        Notification.received_at.is_not(None), Notification.shown_at.is_not(None), Notification.opened_at.is_not(None)
    )
    printed = Notification.accepted_at.is_not(None) & (Device.address_kind == AddressKind.LOG)
    stmt = (
        select(Notification.alert_id)
        .join(Device, (Device.id == Notification.device_id) & (Device.organization_id == Notification.organization_id))
        .where(
            Notification.alert_id.in_([alert.id for alert in alerts]),
            Notification.run_id.in_([alert.run_id for alert in alerts]),
            or_(confirmed, printed),
        )
    )
    return set(session.scalars(stmt))
