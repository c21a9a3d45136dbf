"""The climb: which steps are due, whom a step reaches, whose phones still show what was answered."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from models.access import GRANTS, Permission, Role
from models.alert import Alert, AlertState
from models.concern import Concern
from models.device import Device
from models.notification import Notification
from models.outbox import Outgoing, Task
from models.staff import Shift, Staff, StaffStore

LONGEST_TTL = timedelta(minutes=10)
HEARING = tuple(role for role, grants in GRANTS.items() if Permission.ALERT_HEAR in grants)


def climb_due(session: Session, *, at: datetime, limit: int = 100) -> int:
    """Take every alert whose time has come one step further; how many there were.

    Several workers may do this at once: each passes over what another holds.
    """
    due = session.scalars(
        select(Alert)
        .where(Alert.next_step_at <= at, Alert.state == AlertState.OPEN)
        .order_by(Alert.next_step_at)
        .limit(limit)
        .with_for_update(of=Alert, skip_locked=True)
    ).all()
    for alert in due:
        if alert.climb(at=at):
            session.add(Outgoing.about(alert, Task.REACH, at=at))
    return len(due)


def overdue(session: Session, *, at: datetime, by: timedelta) -> int:
    """How many alerts should have gone a step further by now, and have not."""
    late = select(func.count()).select_from(Alert).where(Alert.next_step_at < at - by, Alert.state == AlertState.OPEN)
    return session.scalars(late).one()


def reach(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue a notification for every phone this step reaches, as things stand now.

    An alert that was answered meanwhile, or rings in a newer run, reaches nobody.
    """
    alert = _held(session, task)
    if alert is None or alert.state is not AlertState.OPEN or alert.run_id != task.run_id:
        return
    alert.reached_at = alert.reached_at or at
    alert.touch()
    expires_at = min(at + LONGEST_TTL, alert.next_step_at or at + LONGEST_TTL)
    for device in session.scalars(phones(alert, step=task.step)):
        notification = Notification(
            alert_id=alert.id,
            device_id=device.id,
            staff_id=device.staff_id,
            run_id=alert.run_id,
            step=task.step,
            queued_at=at,
            expires_at=expires_at,
        )
        alert.notifications.append(notification)
        session.add(Outgoing.about(alert, Task.RING, at=at, notification=notification))


def recall(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue the removal of an answered alert from every phone that may still show it."""
    alert = _held(session, task)
    if alert is None or alert.calling:
        return
    for notification in alert.notifications:
        if notification.on_a_phone and notification.withdrawn_at is None:
            session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=notification))


def phones(alert: Alert, *, step: int) -> Select[Device]:
    """The devices a step reaches: of those who may be rung, here, now, and never of the one who logged it."""
    whom = alert.policy["steps"][step]["whom"]
    reached: list[ColumnElement[bool]] = []
    if "on_shift" in whom:
        on_shift = select(Shift.staff_id).where(Shift.store_id == alert.store_id, Shift.ended_at.is_(None))
        reached.append(Staff.id.in_(on_shift))
    if "managers" in whom:
        belongs = select(StaffStore.staff_id).where(StaffStore.store_id == alert.store_id)
        reached.append((Staff.role == Role.MANAGER) & Staff.id.in_(belongs))
    reporter = select(Concern.reported_by_id).where(Concern.id == alert.concern_id).scalar_subquery()
    return (
        select(Device)
        .join(Staff, Staff.id == Device.staff_id)
        .where(
            Device.address.is_not(None),
            Staff.left_at.is_(None),
            Staff.role.in_(HEARING),
            Staff.id.is_distinct_from(reporter),
            or_(*reached),
        )
        .order_by(Device.seen_at.desc(), Device.id)
    )


def _held(session: Session, task: Outgoing) -> Alert | None:
    return session.scalars(select(Alert).where(Alert.id == task.alert_id).with_for_update(of=Alert)).one_or_none()
