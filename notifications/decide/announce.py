"""Telling: from a step of a concern to its alert and one outbox row, in the transaction of the step."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.alerts.enums import AlertState, Reason
from models.alerts.escalation_policy import DEFAULT_POLICY, PolicySnapshot, RecipientGroup, with_managers_at_once
from models.alerts.notification import NotificationKind
from models.alerts.rule import Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Source, Status
from models.concerns.event import STEPS_AFTER_RESOLUTION, ConcernEvent, ConcernStep
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import APPROVAL_TTL, LATE_AFTER
from models.recovery.action import ActionStatus
from models.staff.shift import Shift
from notifications.decide.rules import ASSESSED_FIELDS, assess

STEPS_OF_AN_ALERT = (
    frozenset(ConcernStep)
    - {ConcernStep.LOGGED, ConcernStep.ACTION_REVERSED, ConcernStep.HANDED_OVER}
    - STEPS_AFTER_RESOLUTION
)
STEPS_OF_AN_ALERT |= {ConcernStep.FEEDBACK_GIVEN}


def announce(session: Session, event: ConcernEvent) -> None:
    """Decide what this step means for the call for help, and write it down. Nothing is sent from here."""
    held = _lock_alert(session, event.concern) if event.step in STEPS_OF_AN_ALERT else None
    for to_do in apply_to_alert(event, held):
        session.add(OutboxMessage.for_alert(to_do.alert, to_do.kind, step=to_do.step, at=event.at))
    if (kind := _information_kind(event)) is not None:
        session.add(_information_message(kind, event))
    if kind is NotificationKind.APPROVAL:
        session.add(
            OutboxMessage.timer(OutboxKind.EXPIRE_APPROVALS, event.concern, due_at=event.at + APPROVAL_TTL, at=event.at)
        )


def announce_pause(session: Session, shift: Shift, *, at: datetime) -> None:
    """Let the lead know, and nobody else, that a colleague needs a moment."""
    kind = NotificationKind.PAUSE
    session.add(OutboxMessage.information(kind, shift.organization_id, staff_id=shift.staff_id, at=at))


@dataclass(frozen=True)
class AlertTask:
    """What an alert asks of the worker, for its present step unless another one is named."""

    alert: Alert
    kind: OutboxKind
    step: int | None = None


def apply_to_alert(event: ConcernEvent, alert: Alert | None) -> list[AlertTask]:
    """Bring the concern's alert to where this step leads it; what is left to do outside the house, if anything.

    For history that is told afterwards this alone is called: its phones rang long ago.
    """
    match event.step:
        case ConcernStep.LOGGED | ConcernStep.REOPENED | ConcernStep.RELEASED:
            return _raise_or_restart(event.concern, alert, event)
        case ConcernStep.FEEDBACK_GIVEN if event.concern.unhappy_with_outcome:
            return _raise_or_restart(event.concern, alert, event)
        case ConcernStep.EDITED if not ASSESSED_FIELDS.isdisjoint(event.details):
            return _raise_or_restart(event.concern, alert, event)
        case ConcernStep.TAKEN | ConcernStep.RESOLVED if alert:
            return _take_or_resolve(alert, event)
        case ConcernStep.ACTION_RECORDED if alert and alert.note_activity():
            return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)]
    return []


def _information_message(kind: NotificationKind, event: ConcernEvent) -> OutboxMessage:
    """The news of a step. One that goes with a call for help is of no use any more once somebody goes."""
    concern, whom = event.concern, None
    alert = concern.alert if kind is NotificationKind.LATE else None
    if kind is NotificationKind.HAND_OVER:
        whom = UUID(event.details["to"])
        alert = concern.alert if concern.alert is not None and concern.alert.is_ringing else None
    if kind is NotificationKind.PRAISE:
        whom = concern.praised_id
    if kind is NotificationKind.DECISION:
        whom = UUID(event.details["asked_by"])
    if kind is NotificationKind.APPROVAL:
        whom = event.by_staff_id
    return OutboxMessage.information(
        kind, concern.organization_id, concern=concern, alert=alert, staff_id=whom, at=event.at
    )


def _information_kind(event: ConcernEvent) -> NotificationKind | None:
    """What is worth knowing although nobody has to come."""
    concern = event.concern
    match event.step:
        case ConcernStep.LOGGED | ConcernStep.EDITED if _is_new_praise(event):
            return NotificationKind.PRAISE
        case ConcernStep.LOGGED if concern.alert is not None and concern.alert.state is AlertState.LATE:
            return NotificationKind.LATE
        case ConcernStep.LOGGED if concern.unhappy and concern.status is not Status.OPEN:
            return NotificationKind.OWN
        case ConcernStep.RESOLVED:
            return NotificationKind.OUTCOME
        case ConcernStep.HANDED_OVER:
            return NotificationKind.HAND_OVER
    return _approval_information(event)


def _is_new_praise(event: ConcernEvent) -> bool:
    """Praise for a colleague, who has not heard of it yet and did not write it down themselves."""
    concern = event.concern
    new = event.step is ConcernStep.LOGGED or "praised" in event.details
    return concern.kind is Kind.PRAISE and new and concern.praised_id not in (None, event.by_staff_id)


def _approval_information(event: ConcernEvent) -> NotificationKind | None:
    """Somebody asks to give more than they may; or that is decided, and they wait for it."""
    match event.step:
        case ConcernStep.ACTION_RECORDED if event.details["status"] == ActionStatus.PENDING:
            return NotificationKind.APPROVAL
        case ConcernStep.ACTION_APPROVED | ConcernStep.ACTION_DECLINED | ConcernStep.ACTION_EXPIRED if (
            "asked_by" in event.details
        ):
            return NotificationKind.DECISION
    return None


def _raise_or_restart(concern: Concern, alert: Alert | None, event: ConcernEvent) -> list[AlertTask]:
    """Raise the alert a concern is worth, or restart the one it has.

    An edit changes how badly a call rings, and takes back one that was a slip of the finger.
    """
    ring = assess(concern, concern.store.alert_rules, rang_by=alert.rule if alert else None)
    edited = event.step is ConcernStep.EDITED
    if ring is None:
        return (
            _cancel(alert, event) if alert and concern.status is Status.OPEN and _corrects_alert(alert, event) else []
        )
    # A mood corrected in the evening calls nobody to a table that has long been empty, whatever comes after. What calls
    # already goes on calling, and who answers how it was in the end waits for a word, wherever they are. What stands
    # on a receipt is written to us at night as well, when nobody can come.
    calls = alert is not None and alert.state is AlertState.OPEN
    gone = concern.late or (alert is not None and alert.state is AlertState.LATE)
    gone = gone or (concern.source is Source.CUSTOMER and not concern.store.is_open(event.at))
    gone = gone or (edited and not calls and event.at - concern.occurred_at > LATE_AFTER)
    late = gone and ring.reason is not Reason.FEEDBACK
    if alert is None:
        alert = Alert.open(concern, ring, policy=_policy_for(concern, ring), late=late, at=event.at)
    elif edited and alert.state is not AlertState.CANCELLED and not _brings_managers_forward(alert, ring):
        passed_over = alert.reclassify(ring, at=event.at)
        return [
            AlertTask(alert, OutboxKind.FIND_RECIPIENTS, step) for step in passed_over if alert.state is AlertState.OPEN
        ]
    else:
        alert.reclassify(ring, at=event.at)
        alert.restart(policy=_policy_for(concern, ring), late=late, at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_RECIPIENTS)] if alert.is_ringing else []


def _corrects_alert(alert: Alert, event: ConcernEvent) -> bool:
    """Whether what does not ring as it stands was corrected. An edit of something else only finds the rule changed."""
    rule = next((rule for rule in event.concern.store.alert_rules if rule.slug == alert.rule), None)
    asked = {"mood"} | (rule.watched_fields if rule else set())
    return event.step is not ConcernStep.EDITED or not asked.isdisjoint(event.details)


def _policy_for(concern: Concern, ring: Assessment) -> PolicySnapshot:
    """How the call climbs: as the store or the organization has it at this moment."""
    policy = concern.store.policy
    climb = policy.snapshot() if policy else DEFAULT_POLICY
    return with_managers_at_once(climb) if ring.managers_at_once else climb


def _brings_managers_forward(alert: Alert, ring: Assessment) -> bool:
    """It has turned out to be this customer's second concern: the managers do not wait for their step.

    Who was rung at theirs is not rung again, nor is anybody where nobody came: of that they have heard.
    """
    begun = (one for one in alert.policy["steps"][: alert.absolute_step + 1] if alert.severity in one["severities"])
    called = any(RecipientGroup.MANAGERS in one["whom"] for one in begun)
    return alert.state is AlertState.OPEN and ring.managers_at_once and not called


def _cancel(alert: Alert, event: ConcernEvent) -> list[AlertTask]:
    """Nobody has to come for it as it stands now; who came for it as it was does no longer."""
    on_phones = _may_be_on_phones(alert)
    if alert.is_ringing or alert.state in (AlertState.TAKEN, AlertState.RESOLVED):
        alert.cancel(at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)] if on_phones else []


def _take_or_resolve(alert: Alert, event: ConcernEvent) -> list[AlertTask]:
    """Somebody came, or it is over: the phones need not show it any longer."""
    on_phones = _may_be_on_phones(alert)
    if event.step is ConcernStep.RESOLVED:
        alert.resolve(by=event.concern.taken_by, at=event.at)
    elif alert.is_ringing:
        alert.take(by=event.concern.taken_by, at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)] if on_phones else []


def _may_be_on_phones(alert: Alert) -> bool:
    """Whether phones may show a call, or a reminder of one."""
    return alert.is_ringing or alert.reminded_at is not None


def _lock_alert(session: Session, concern: Concern) -> Alert | None:
    """The concern's alert, locked against the worker that may be climbing it at this moment."""
    return session.scalars(
        select(Alert)
        .where(Alert.concern_id == concern.id)
        .with_for_update(of=Alert, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
