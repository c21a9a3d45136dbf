"""The climb: which steps are due, what a step rings, whose phones still show what was answered."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.alerts.alert import Alert, StepResult
from models.alerts.enums import AlertState
from models.alerts.notification import DELIVERED_STATES, DEVICE_CHANNEL, Notification, NotificationKind
from models.concerns.concern import Concern
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import PUSH_TTL
from models.staff.device import AddressKind, Device
from notifications.decide.announce import announce
from notifications.decide.recipients import recipients_of


def select_due(at: datetime) -> Select[Alert]:
    """Alerts whose time has come: to climb, to remind who took it, to be given back."""
    waiting = Alert.state.in_((AlertState.OPEN, AlertState.TAKEN))
    return Alert.alone().where(Alert.next_step_at <= at, waiting)


def escalate_due(session: Session, *, at: datetime, limit: int = 100) -> int:
    """Take every alert whose time has come one step further; how many there were.

    Several workers may do this at once: each passes over what another holds.
    """
    stmt = select_due(at).options(joinedload(Alert.concern)).order_by(Alert.next_step_at).limit(limit)
    alerts = session.scalars(stmt.with_for_update(of=Alert, skip_locked=True, key_share=True)).all()
    arrived = _with_receipt(session, alerts)
    for alert in alerts:
        _advance(session, alert, at=at, arrived=alert.id in arrived)
    return len(alerts)


def escalate_alert(session: Session, alert: Alert, at: datetime) -> None:
    """Take one alert whose time has come a step further, by itself."""
    _advance(session, alert, at=at, arrived=bool(_with_receipt(session, [alert])))


def _advance(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    if alert.state is AlertState.TAKEN:
        _remind_or_release(session, alert, at=at)
    else:
        _escalate(session, alert, at=at, arrived=arrived)


def _escalate(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    """All steps whose time has come: after a time without a worker there may be several, and none is left out."""
    while alert.next_step_at is not None and alert.next_step_at <= at:
        match alert.advance(at=at, arrived=arrived):
            case StepResult.BEGAN:
                session.add(OutboxMessage.for_alert(alert, OutboxKind.FIND_RECIPIENTS, at=at))
            case StepResult.UNANSWERED:
                session.add(
                    OutboxMessage.information(NotificationKind.UNANSWERED, alert.organization_id, alert=alert, at=at)
                )


def _remind_or_release(session: Session, alert: Alert, *, at: datetime) -> None:
    """Giving back changes the concern, which whoever taps has before the alert: so that is a task of its own."""
    if alert.remind(at=at):
        session.add(_reminder_message(alert, at=at))
    else:
        session.add(OutboxMessage.for_alert(alert, OutboxKind.AUTO_RELEASE, at=at))


def _reminder_message(alert: Alert, *, at: datetime) -> OutboxMessage:
    return OutboxMessage.information(
        NotificationKind.REMINDER, alert.organization_id, alert=alert, staff_id=alert.taken_by_id, at=at
    )


def auto_release(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """What was taken and forgotten calls again, unless something was done in this very moment."""
    of_the_alert = select(Alert.concern_id).where(Alert.id == outbox_message.alert_id).scalar_subquery()
    concern = session.scalars(
        select(Concern).where(Concern.id == of_the_alert).with_for_update(of=Concern, key_share=True)
    ).one()
    alert = Alert.lock(session, outbox_message.alert_id)
    if alert.state is not AlertState.TAKEN or alert.run_id != outbox_message.run_id:
        return
    if alert.reminded_at is not None and alert.next_step_at is None:
        announce(session, concern.auto_release(at=at))


def count_overdue(session: Session, *, at: datetime, by: timedelta) -> int:
    """How many alerts should have gone a step further by now and have not, or have called and reached for nobody."""
    behind = or_(Alert.next_step_at < at - by, Alert.recipients_found_at.is_(None) & (Alert.run_started_at < at - by))
    waiting = Alert.next_step_at.is_not(None) & (Alert.state == AlertState.OPEN)
    return session.scalars(select(func.count()).select_from(Alert).where(waiting, behind)).one()


def find_recipients(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Queue a notification for every phone this step reaches, as things stand now; a step that reaches none is skipped.

    An alert that was answered meanwhile, or rings in a newer run, reaches nobody; nor does one that stood unreached
    until its time was over: then it is in the lists, and the customer is gone. Harmless to repeat.
    """
    alert = Alert.lock(session, outbox_message.alert_id, joinedload(Alert.concern), joinedload(Alert.store))
    if alert.state is not AlertState.OPEN or alert.run_id != outbox_message.run_id or outbox_message.step is None:
        return
    stage = outbox_message.step
    while True:
        heard = recipients_of(session, alert, step=stage, at=at)
        if heard.phones:
            _queue_notifications(session, alert, heard.phones, stage=stage, at=at)
            return
        current = stage == alert.absolute_step
        if not current:
            alert.record_step(0, stage=stage, at=at, why=heard.why_nobody)
            return
        if not alert.skip(heard.why_nobody, at=at):
            return
        stage = alert.absolute_step


def _queue_notifications(
    session: Session, alert: Alert, phones: Collection[Device], *, stage: int, at: datetime
) -> None:
    rung = set(
        session.scalars(
            select(Notification.device_id).where(
                Notification.alert_id == alert.id, Notification.run_id == alert.run_id, Notification.step == stage
            )
        )
    )
    if not rung:
        alert.record_step(len(phones), stage=stage, at=at)
    for device in phones:
        if device.id in rung:
            continue
        notification = Notification(
            alert_id=alert.id,
            concern_id=alert.concern_id,
            device_id=device.id,
            staff_id=device.staff_id,
            run_id=alert.run_id,
            step=stage,
            queued_at=at,
            expires_at=min(at + PUSH_TTL, alert.next_regular_time()),
        )
        session.add_all(
            [notification, OutboxMessage.for_alert(alert, OutboxKind.DELIVER_RING, at=at, notification=notification)]
        )


def find_withdrawals(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Queue the removal of an answered alert from every phone that has it, the other phones of the taker included.

    What is being sent at this moment is looked after when its answer comes (delivery.settle).
    """
    alert = Alert.lock(session, outbox_message.alert_id)
    if alert.is_ringing:
        return
    under_way = (
        select(Notification.device_id)
        .join(OutboxMessage, OutboxMessage.notification_id == Notification.id)
        .where(
            OutboxMessage.alert_id == alert.id,
            OutboxMessage.kind == OutboxKind.DELIVER_WITHDRAWAL,
            OutboxMessage.done_at.is_(None),
        )
    )
    shown = Notification.select_of_alert(alert.id).where(
        Notification.state.in_(DELIVERED_STATES),
        Notification.withdrawn_at.is_(None),
        Notification.channel == DEVICE_CHANNEL,
        Notification.device_id.not_in(under_way),
    )
    # All that a phone shows of an alert stands under one tag, and goes away at once.
    latest = {notification.device_id: notification for notification in session.scalars(shown.order_by(Notification.id))}
    for notification in latest.values():
        session.add(OutboxMessage.for_alert(alert, OutboxKind.DELIVER_WITHDRAWAL, at=at, notification=notification))


def _with_receipt(session: Session, alerts: Collection[Alert]) -> set[UUID | None]:
    """Those of which a phone has told us, in their present run. A terminal has it as soon as it was given to it."""
    if not alerts:
        return set()
    told = or_(
        Notification.received_at.is_not(None), Notification.shown_at.is_not(None), Notification.opened_at.is_not(None)
    )
    printed = Notification.accepted_at.is_not(None) & (Device.address_kind == AddressKind.LOG)
    found = session.scalars(
        select(Notification.alert_id)
        .join(Device, (Device.id == Notification.device_id) & (Device.organization_id == Notification.organization_id))
        .where(
            Notification.alert_id.in_([alert.id for alert in alerts]),
            Notification.run_id.in_([alert.run_id for alert in alerts]),
            or_(told, printed),
        )
    )
    return set(found)
