"""Telling: from a step of a concern to its alert and one outbox row, in the transaction of the step."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import Alert
from models.concern import Concern
from models.concern_event import ConcernEvent, Step
from models.outbox import Outgoing, Task
from notifications.rules import POLICY, rings


def announce(session: Session, event: ConcernEvent) -> None:
    """Decide what this step means for the call for help, and write it down. Nothing is sent from here."""
    concern = event.concern
    match event.step:
        case Step.LOGGED:
            _ring(session, concern, None, at=event.at)
        case Step.EDITED | Step.REOPENED | Step.RELEASED:
            _ring(session, concern, _held(session, concern), at=event.at, again=event.step is not Step.EDITED)
        case Step.TAKEN | Step.RESOLVED:
            if alert := _held(session, concern):
                _answer(session, alert, event)
        case Step.ACTION_RECORDED | Step.ACTION_REVERSED:
            pass


def _ring(session: Session, concern: Concern, alert: Alert | None, *, at: datetime, again: bool = False) -> None:
    """Raise the alert a concern is worth; `again` restarts one that was answered before."""
    ring = rings(concern)
    if ring is None or (alert is not None and not again):
        return
    if alert is None:
        alert = Alert.raise_(concern, severity=ring.severity, reason=ring.reason, policy=POLICY, at=at)
    else:
        alert.ring_again(at=at)
    if alert.calling:
        session.add(Outgoing.about(alert, Task.REACH, at=at))


def _answer(session: Session, alert: Alert, event: ConcernEvent) -> None:
    """Somebody came, or it is over: the others' phones need not show it any longer."""
    was_calling = alert.calling
    if event.step is Step.RESOLVED:
        alert.resolve(at=event.at)
    elif was_calling:
        alert.take(by_staff_id=event.by_staff_id, at=event.at)
    if was_calling:
        session.add(Outgoing.about(alert, Task.RECALL, at=event.at))


def _held(session: Session, concern: Concern) -> Alert | None:
    """The concern's alert, locked against the worker that may be climbing it at this moment."""
    return session.scalars(
        select(Alert)
        .where(Alert.concern_id == concern.id)
        .with_for_update(of=Alert)
        .execution_options(populate_existing=True)
    ).one_or_none()
