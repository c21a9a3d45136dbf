"""The climb: which steps are due, what a step rings, whose phones still show what was answered."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.alerts.alert import Alert, Climbed
from models.alerts.enums import AlertState
from models.alerts.notification import ON_A_PHONE, Notification, NotificationKind
from models.concerns.concern import Concern
from models.outbox.message import Outgoing, Task
from models.policy_defaults import PUSH_TTL
from models.staff.device import AddressKind, Device
from notifications.decide.announce import announce
from notifications.decide.recipients import audience


def due(at: datetime) -> Select[Alert]:
    """Alerts whose time has come: to climb, to remind who took it, to be given back."""
    waiting = Alert.state.in_((AlertState.OPEN, AlertState.TAKEN))
    return Alert.alone().where(Alert.next_step_at <= at, waiting)


def climb_due(session: Session, *, at: datetime, limit: int = 100) -> int:
    """Take every alert whose time has come one step further; how many there were.

    Several workers may do this at once: each passes over what another holds.
    """
    question = due(at).options(joinedload(Alert.concern)).order_by(Alert.next_step_at).limit(limit)
    alerts = session.scalars(question.with_for_update(of=Alert, skip_locked=True, key_share=True)).all()
    arrived = _arrived(session, alerts)
    for alert in alerts:
        _go_on(session, alert, at=at, arrived=alert.id in arrived)
    return len(alerts)


def climb_one(session: Session, alert: Alert, at: datetime) -> None:
    """Take one alert whose time has come a step further, by itself."""
    _go_on(session, alert, at=at, arrived=bool(_arrived(session, [alert])))


def _go_on(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    if alert.state is AlertState.TAKEN:
        _remind_or_give_back(session, alert, at=at)
    else:
        _climb(session, alert, at=at, arrived=arrived)


def _climb(session: Session, alert: Alert, *, at: datetime, arrived: bool) -> None:
    """All steps whose time has come: after a time without a worker there may be several, and none is left out."""
    while alert.next_step_at is not None and alert.next_step_at <= at:
        match alert.climb(at=at, arrived=arrived):
            case Climbed.BEGAN:
                session.add(Outgoing.about(alert, Task.REACH, at=at))
            case Climbed.UNANSWERED:
                session.add(Outgoing.news(NotificationKind.UNANSWERED, alert.organization_id, alert=alert, at=at))


def _remind_or_give_back(session: Session, alert: Alert, *, at: datetime) -> None:
    """Giving back changes the concern, which whoever taps has before the alert: so that is a task of its own."""
    if alert.remind(at=at):
        session.add(_reminder(alert, at=at))
    else:
        session.add(Outgoing.about(alert, Task.GIVE_BACK, at=at))


def _reminder(alert: Alert, *, at: datetime) -> Outgoing:
    return Outgoing.news(
        NotificationKind.REMINDER, alert.organization_id, alert=alert, staff_id=alert.taken_by_id, at=at
    )


def give_back(session: Session, task: Outgoing, *, at: datetime) -> None:
    """What was taken and forgotten calls again, unless something was done in this very moment."""
    of_the_alert = select(Alert.concern_id).where(Alert.id == task.alert_id).scalar_subquery()
    concern = session.scalars(
        select(Concern).where(Concern.id == of_the_alert).with_for_update(of=Concern, key_share=True)
    ).one()
    alert = Alert.held(session, task.alert_id)
    if alert.state is not AlertState.TAKEN or alert.run_id != task.run_id:
        return
    if alert.reminded_at is not None and alert.next_step_at is None:
        announce(session, concern.give_up_waiting(at=at))


def overdue(session: Session, *, at: datetime, by: timedelta) -> int:
    """How many alerts should have gone a step further by now and have not, or have called and reached for nobody."""
    behind = or_(Alert.next_step_at < at - by, Alert.reached_at.is_(None) & (Alert.run_started_at < at - by))
    waiting = Alert.next_step_at.is_not(None) & (Alert.state == AlertState.OPEN)
    return session.scalars(select(func.count()).select_from(Alert).where(waiting, behind)).one()


def reach(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue a notification for every phone this step reaches, as things stand now; a step that reaches none is skipped.

    An alert that was answered meanwhile, or rings in a newer run, reaches nobody; nor does one that stood unreached
    until its time was over: then it is in the lists, and the customer is gone. Harmless to repeat.
    """
    alert = Alert.held(session, task.alert_id, joinedload(Alert.concern), joinedload(Alert.store))
    if alert.state is not AlertState.OPEN or alert.run_id != task.run_id or task.step is None:
        return
    stage = task.step
    while True:
        heard = audience(session, alert, step=stage, at=at)
        if heard.phones:
            _ring(session, alert, heard.phones, stage=stage, at=at)
            return
        current = stage == alert.stage
        if not current:
            alert.reached(0, stage=stage, at=at, why=heard.why_nobody)
            return
        if not alert.skip(heard.why_nobody, at=at):
            return
        stage = alert.stage


def _ring(session: Session, alert: Alert, phones: Collection[Device], *, stage: int, at: datetime) -> None:
    rung = set(
        session.scalars(
            select(Notification.device_id).where(
                Notification.alert_id == alert.id, Notification.run_id == alert.run_id, Notification.step == stage
            )
        )
    )
    if not rung:
        alert.reached(len(phones), stage=stage, at=at)
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
        session.add_all([notification, Outgoing.about(alert, Task.RING, at=at, notification=notification)])


def recall(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue the removal of an answered alert from every phone that has it, the other phones of the taker included.

    What is being sent at this moment is looked after when its answer comes (delivery.settle).
    """
    alert = Alert.held(session, task.alert_id)
    if alert.calling:
        return
    under_way = (
        select(Notification.device_id)
        .join(Outgoing, Outgoing.notification_id == Notification.id)
        .where(Outgoing.alert_id == alert.id, Outgoing.task == Task.WITHDRAW, Outgoing.done_at.is_(None))
    )
    shown = Notification.of(alert.id).where(
        Notification.state.in_(ON_A_PHONE),
        Notification.withdrawn_at.is_(None),
        Notification.device_id.is_not(None),
        Notification.device_id.not_in(under_way),
    )
    # All that a phone shows of an alert stands under one tag, and goes away at once.
    latest = {notification.device_id: notification for notification in session.scalars(shown.order_by(Notification.id))}
    for notification in latest.values():
        session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=notification))


def _arrived(session: Session, alerts: Collection[Alert]) -> set[UUID | None]:
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
