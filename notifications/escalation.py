"""The climb: which steps are due, whom a step reaches, whose phones still show what was answered."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.access import GRANTS, Permission, Role
from models.alert import Alert, AlertState
from models.device import Device
from models.notification import ON_A_PHONE, Notification
from models.outbox import Outgoing, Task
from models.staff import Shift, Staff, StaffStore

LONGEST_TTL = timedelta(minutes=10)


def climb_due(session: Session, *, at: datetime, limit: int = 100) -> int:
    """Take every alert whose time has come one step further; how many there were.

    Several workers may do this at once: each passes over what another holds.
    """
    due = session.scalars(
        Alert.alone()
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
    """How many alerts should have gone a step further by now and have not, or have called and reached for nobody."""
    behind = or_(Alert.next_step_at < at - by, Alert.reached_at.is_(None) & (Alert.run_started_at < at - by))
    waiting = Alert.next_step_at.is_not(None) & (Alert.state == AlertState.OPEN)
    return session.scalars(select(func.count()).select_from(Alert).where(waiting, behind)).one()


def reach(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue a notification for every phone this step reaches, as things stand now.

    An alert that was answered meanwhile, or rings in a newer run, reaches nobody; nor does one that stood unreached
    until its time was over: then it is in the lists, and the customer is gone. Harmless to repeat.
    """
    alert = _held(session, task)
    if alert is None or alert.state is not AlertState.OPEN or alert.run_id != task.run_id:
        return
    alert.reached_at = alert.reached_at or at
    alert.touch()
    expires_at = min(at + LONGEST_TTL, alert.next_step_at or at + LONGEST_TTL)
    rung = select(Notification.device_id).where(
        Notification.alert_id == alert.id, Notification.run_id == alert.run_id, Notification.step == task.step
    )
    for device in session.scalars(phones(alert, step=task.step).where(Device.id.not_in(rung))):
        notification = Notification(
            alert_id=alert.id,
            device_id=device.id,
            staff_id=device.staff_id,
            run_id=alert.run_id,
            step=task.step,
            queued_at=at,
            expires_at=expires_at,
        )
        session.add_all([notification, Outgoing.about(alert, Task.RING, at=at, notification=notification)])


def recall(session: Session, task: Outgoing, *, at: datetime) -> None:
    """Queue the removal of an answered alert from every phone that has it, the other phones of the taker included.

    What is being sent at this moment is looked after when its answer comes (delivery.settle).
    """
    alert = _held(session, task)
    if alert is None or alert.calling:
        return
    under_way = select(Outgoing.notification_id).where(
        Outgoing.alert_id == alert.id, Outgoing.task == Task.WITHDRAW, Outgoing.done_at.is_(None)
    )
    rung = Notification.of(alert.id).where(
        Notification.state.in_(ON_A_PHONE), Notification.withdrawn_at.is_(None), Notification.id.not_in(under_way)
    )
    for notification in session.scalars(rung):
        session.add(Outgoing.about(alert, Task.WITHDRAW, at=at, notification=notification))


def phones(alert: Alert, *, step: int) -> Select[Device]:
    """The devices a step reaches: of those who may be rung for it, here, now, and never of the one who logged it."""
    whom = alert.policy["steps"][step]["whom"]
    reached: list[ColumnElement[bool]] = []
    if "on_shift" in whom:
        on_shift = select(Shift.staff_id).where(Shift.store_id == alert.store_id, Shift.ended_at.is_(None))
        reached.append(Staff.id.in_(on_shift))
    if "managers" in whom:
        belongs = select(StaffStore.staff_id).where(StaffStore.store_id == alert.store_id)
        reached.append((Staff.role == Role.MANAGER) & Staff.id.in_(belongs))
    return (
        select(Device)
        .join(Staff, Staff.id == Device.staff_id)
        .where(
            Device.address.is_not(None),
            Staff.left_at.is_(None),
            Staff.role.in_(_hearing(sensitive=alert.concern.sensitive)),
            Staff.id.is_distinct_from(alert.concern.reported_by_id),
            or_(*reached),
        )
        .order_by(Device.seen_at.desc(), Device.id)
    )


def _hearing(*, sensitive: bool) -> list[Role]:
    """Who may be rung: for a sensitive concern only those who may then read it."""
    needed = {Permission.ALERT_HEAR} | ({Permission.CONCERN_SENSITIVE} if sensitive else set())
    return [role for role, granted in GRANTS.items() if needed <= granted]


def _held(session: Session, task: Outgoing) -> Alert | None:
    """The alert of a task with its concern, locked against an answer that comes in at this moment."""
    return session.scalars(
        Alert.alone().where(Alert.id == task.alert_id).options(joinedload(Alert.concern)).with_for_update(of=Alert)
    ).one_or_none()
