"""Telling: from a step of a concern to its alert and one outbox row, in the transaction of the step."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.concern import LATE_AFTER, Concern
from models.concern_event import ConcernEvent, Step
from models.outbox import Outgoing, Task
from models.terms import Status
from notifications.rules import POLICY, rings

MATTERS_TO_AN_ALERT = frozenset({Step.EDITED, Step.REOPENED, Step.RELEASED, Step.TAKEN, Step.RESOLVED})


def announce(session: Session, event: ConcernEvent) -> None:
    """Decide what this step means for the call for help, and write it down. Nothing is sent from here."""
    held = _held(session, event.concern) if event.step in MATTERS_TO_AN_ALERT else None
    if (to_do := decide(event, held)) is not None:
        session.add(Outgoing.about(to_do.alert, to_do.task, at=event.at))


@dataclass(frozen=True)
class ToDo:
    """What an alert asks of the worker."""

    alert: Alert
    task: Task


def decide(event: ConcernEvent, alert: Alert | None) -> ToDo | None:
    """Bring the concern's alert to where this step leads it; what is left to do outside the house, if anything.

    For history that is told afterwards this alone is called: its phones rang long ago.
    """
    match event.step:
        case Step.LOGGED | Step.EDITED | Step.REOPENED | Step.RELEASED:
            return _ring(event.concern, alert, event)
        case Step.TAKEN | Step.RESOLVED:
            return _answer(alert, event) if alert else None
        case Step.ACTION_RECORDED | Step.ACTION_REVERSED:
            return None


def _ring(concern: Concern, alert: Alert | None, event: ConcernEvent) -> ToDo | None:
    """Raise the alert a concern is worth, or restart the one it has.

    An edit changes how badly a call rings, and takes back one that was a slip of the finger.
    """
    ring = rings(concern)
    edited = event.step is Step.EDITED
    if ring is None:
        return _take_back(alert, event) if edited and alert and concern.status is Status.OPEN else None
    if alert is None:
        # A mood corrected in the evening calls nobody to a table that has long been empty.
        late = concern.late or (edited and event.at - concern.occurred_at > LATE_AFTER)
        alert = Alert.raise_(concern, severity=ring.severity, reason=ring.reason, policy=POLICY, late=late, at=event.at)
    elif edited and alert.state is not AlertState.CANCELLED:
        alert.regrade(ring.severity, ring.reason)
        return None
    else:
        alert.ring_again(late=concern.late, at=event.at)
    return ToDo(alert, Task.REACH) if alert.calling else None


def _take_back(alert: Alert, event: ConcernEvent) -> ToDo | None:
    if not alert.calling:
        return None
    alert.cancel(at=event.at)
    return ToDo(alert, Task.RECALL)


def _answer(alert: Alert, event: ConcernEvent) -> ToDo | None:
    """Somebody came, or it is over: the others' phones need not show it any longer."""
    was_calling = alert.calling
    if event.step is Step.RESOLVED:
        alert.resolve(by=event.concern.taken_by, at=event.at)
    elif was_calling:
        alert.take(by=event.concern.taken_by, at=event.at)
    return ToDo(alert, Task.RECALL) if was_calling else None


def _held(session: Session, concern: Concern) -> Alert | None:
    """The concern's alert, locked against the worker that may be climbing it at this moment."""
    return session.scalars(
        select(Alert)
        .where(Alert.concern_id == concern.id)
        .with_for_update(of=Alert)
        .execution_options(populate_existing=True)
    ).one_or_none()
