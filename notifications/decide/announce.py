"""Telling: from a step of a concern to its alert and one outbox row, in the transaction of the step."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState, Reason
from models.alerts.escalation_policy import DEFAULT, Climb, Whom, to_managers_at_once
from models.alerts.notification import NotificationKind
from models.alerts.rule import Ring
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Source, Status
from models.concerns.event import AFTERWARDS, ConcernEvent, Step
from models.outbox.message import Outgoing, Task
from models.policy_defaults import APPROVAL_TTL, LATE_AFTER
from models.recovery.action import ActionStatus
from models.staff.shift import Shift
from notifications.decide.rules import ASKED, rings

MATTERS_TO_AN_ALERT = frozenset(Step) - {Step.LOGGED, Step.ACTION_REVERSED, Step.HANDED_OVER} - AFTERWARDS
MATTERS_TO_AN_ALERT |= {Step.FEEDBACK_GIVEN}


def announce(session: Session, event: ConcernEvent) -> None:
    """Decide what this step means for the call for help, and write it down. Nothing is sent from here."""
    held = _held(session, event.concern) if event.step in MATTERS_TO_AN_ALERT else None
    for to_do in decide(event, held):
        session.add(Outgoing.about(to_do.alert, to_do.task, step=to_do.step, at=event.at))
    if (kind := _news(event)) is not None:
        session.add(_telling(kind, event))
    if kind is NotificationKind.APPROVAL:
        session.add(Outgoing.reminder(Task.EXPIRE, event.concern, due_at=event.at + APPROVAL_TTL, at=event.at))


def announce_pause(session: Session, shift: Shift, *, at: datetime) -> None:
    """Let the lead know, and nobody else, that a colleague needs a moment."""
    kind = NotificationKind.PAUSE
    session.add(Outgoing.news(kind, shift.organization_id, staff_id=shift.staff_id, at=at))


@dataclass(frozen=True)
class ToDo:
    """What an alert asks of the worker, for its present step unless another one is named."""

    alert: Alert
    task: Task
    step: int | None = None


def decide(event: ConcernEvent, alert: Alert | None) -> list[ToDo]:
    """Bring the concern's alert to where this step leads it; what is left to do outside the house, if anything.

    For history that is told afterwards this alone is called: its phones rang long ago.
    """
    match event.step:
        case Step.LOGGED | Step.REOPENED | Step.RELEASED:
            return _ring(event.concern, alert, event)
        case Step.FEEDBACK_GIVEN if event.concern.unhappy_after_all:
            return _ring(event.concern, alert, event)
        case Step.EDITED if not ASKED.isdisjoint(event.details):
            return _ring(event.concern, alert, event)
        case Step.TAKEN | Step.RESOLVED if alert:
            return _answer(alert, event)
        case Step.ACTION_RECORDED if alert and alert.worked_on():
            return [ToDo(alert, Task.RECALL)]
    return []


def _telling(kind: NotificationKind, event: ConcernEvent) -> Outgoing:
    """The news of a step. One that goes with a call for help is of no use any more once somebody goes."""
    concern, whom = event.concern, None
    alert = concern.alert if kind is NotificationKind.LATE else None
    if kind is NotificationKind.HAND_OVER:
        whom = UUID(event.details["to"])
        alert = concern.alert if concern.alert is not None and concern.alert.calling else None
    if kind is NotificationKind.PRAISE:
        whom = concern.praised_id
    if kind is NotificationKind.DECISION:
        whom = UUID(event.details["asked_by"])
    if kind is NotificationKind.APPROVAL:
        whom = event.by_staff_id
    return Outgoing.news(kind, concern.organization_id, concern=concern, alert=alert, staff_id=whom, at=event.at)


def _news(event: ConcernEvent) -> NotificationKind | None:
    """What is worth knowing although nobody has to come."""
    concern = event.concern
    match event.step:
        case Step.LOGGED | Step.EDITED if _praises_somebody(event):
            return NotificationKind.PRAISE
        case Step.LOGGED if concern.alert is not None and concern.alert.state is AlertState.LATE:
            return NotificationKind.LATE
        case Step.LOGGED if concern.unhappy and concern.status is not Status.OPEN:
            return NotificationKind.OWN
        case Step.RESOLVED:
            return NotificationKind.OUTCOME
        case Step.HANDED_OVER:
            return NotificationKind.HAND_OVER
    return _news_of_action(event)


def _praises_somebody(event: ConcernEvent) -> bool:
    """Praise for a colleague, who has not heard of it yet and did not write it down themselves."""
    concern = event.concern
    new = event.step is Step.LOGGED or "praised" in event.details
    return concern.kind is Kind.PRAISE and new and concern.praised_id not in (None, event.by_staff_id)


def _news_of_action(event: ConcernEvent) -> NotificationKind | None:
    """Somebody asks to give more than they may; or that is decided, and they wait for it."""
    match event.step:
        case Step.ACTION_RECORDED if event.details["status"] == ActionStatus.PENDING:
            return NotificationKind.APPROVAL
        case Step.ACTION_APPROVED | Step.ACTION_DECLINED | Step.ACTION_EXPIRED if "asked_by" in event.details:
            return NotificationKind.DECISION
    return None


def _ring(concern: Concern, alert: Alert | None, event: ConcernEvent) -> list[ToDo]:
    """Raise the alert a concern is worth, or restart the one it has.

    An edit changes how badly a call rings, and takes back one that was a slip of the finger.
    """
    ring = rings(concern, concern.store.alert_rules, rang_by=alert.rule if alert else None)
    edited = event.step is Step.EDITED
    if ring is None:
        return _take_back(alert, event) if alert and concern.status is Status.OPEN and _ends(alert, event) else []
    # A mood corrected in the evening calls nobody to a table that has long been empty, whatever comes after. What calls
    # already goes on calling, and who answers how it was in the end waits for a word, wherever they are. What stands
    # on a receipt is written to us at night as well, when nobody can come.
    calls = alert is not None and alert.state is AlertState.OPEN
    gone = concern.late or (alert is not None and alert.state is AlertState.LATE)
    gone = gone or (concern.source is Source.CUSTOMER and not concern.store.is_open(event.at))
    gone = gone or (edited and not calls and event.at - concern.occurred_at > LATE_AFTER)
    late = gone and ring.reason is not Reason.FEEDBACK
    if alert is None:
        alert = Alert.raise_(concern, ring, policy=_climb(concern, ring), late=late, at=event.at)
    elif edited and alert.state is not AlertState.CANCELLED and not _calls_the_managers_now(alert, ring):
        passed_over = alert.regrade(ring, at=event.at)
        return [ToDo(alert, Task.REACH, step) for step in passed_over if alert.state is AlertState.OPEN]
    else:
        alert.regrade(ring, at=event.at)
        alert.ring_again(policy=_climb(concern, ring), late=late, at=event.at)
    return [ToDo(alert, Task.REACH)] if alert.calling else []


def _ends(alert: Alert, event: ConcernEvent) -> bool:
    """Whether what does not ring as it stands was corrected. An edit of something else only finds the rule changed."""
    rule = next((rule for rule in event.concern.store.alert_rules if rule.slug == alert.rule), None)
    asked = {"mood"} | (rule.asks if rule else set())
    return event.step is not Step.EDITED or not asked.isdisjoint(event.details)


def _climb(concern: Concern, ring: Ring) -> Climb:
    """How the call climbs: as the store or the organization has it at this moment."""
    policy = concern.store.policy
    climb = policy.snapshot() if policy else DEFAULT
    return to_managers_at_once(climb) if ring.managers_at_once else climb


def _calls_the_managers_now(alert: Alert, ring: Ring) -> bool:
    """It has turned out to be this customer's second concern: the managers do not wait for their step.

    Who was rung at theirs is not rung again, nor is anybody where nobody came: of that they have heard.
    """
    begun = (one for one in alert.policy["steps"][: alert.stage + 1] if alert.severity in one["severities"])
    called = any(Whom.MANAGERS in one["whom"] for one in begun)
    return alert.state is AlertState.OPEN and ring.managers_at_once and not called


def _take_back(alert: Alert, event: ConcernEvent) -> list[ToDo]:
    """Nobody has to come for it as it stands now; who came for it as it was does no longer."""
    on_phones = _on_phones(alert)
    if alert.calling or alert.state in (AlertState.TAKEN, AlertState.RESOLVED):
        alert.cancel(at=event.at)
    return [ToDo(alert, Task.RECALL)] if on_phones else []


def _answer(alert: Alert, event: ConcernEvent) -> list[ToDo]:
    """Somebody came, or it is over: the phones need not show it any longer."""
    on_phones = _on_phones(alert)
    if event.step is Step.RESOLVED:
        alert.resolve(by=event.concern.taken_by, at=event.at)
    elif alert.calling:
        alert.take(by=event.concern.taken_by, at=event.at)
    return [ToDo(alert, Task.RECALL)] if on_phones else []


def _on_phones(alert: Alert) -> bool:
    """Whether phones may show a call, or a reminder of one."""
    return alert.calling or alert.reminded_at is not None


def _held(session: Session, concern: Concern) -> Alert | None:
    """The concern's alert, locked against the worker that may be climbing it at this moment."""
    return session.scalars(
        select(Alert)
        .where(Alert.concern_id == concern.id)
        .with_for_update(of=Alert, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
