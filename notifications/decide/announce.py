"""Announce a step of a concern: bring its alert up to date and write outbox messages, in the transaction of the step.

The module reads from top to bottom: assess the step, apply it to the alert, write the messages. Nothing is sent here.
"""

from collections.abc import Iterable
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
from models.operations.people.shifts import NearEnd
from models.outbox.message import OutboxKind, OutboxMessage
from models.policy_defaults import APPROVAL_TTL, LATE_AFTER
from models.recovery.action import ActionStatus
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.decide.rules import ASSESSED_FIELDS, assess

# Whoever has taken the concern did something, or is told that they have to go on otherwise.
STEPS_OF_ACTIVITY = frozenset(
    {
        ConcernStep.ACTION_RECORDED,
        ConcernStep.OUTCOME_WAITS,
        ConcernStep.ACTION_DECLINED,
        ConcernStep.ACTION_EXPIRED,
    }
)
# Steps that may concern an alert there is. Of the steps after a resolution few do.
STEPS_OF_AN_ALERT = (
    (
        frozenset(ConcernStep)
        - {ConcernStep.LOGGED, ConcernStep.ACTION_REVERSED, ConcernStep.HANDED_OVER}
        - STEPS_AFTER_RESOLUTION
    )
    | {ConcernStep.FEEDBACK_GIVEN}
    | STEPS_OF_ACTIVITY
)
# After which something that phones show may be untrue or say something else, also where no alert is called off.
OUTDATING_STEPS = frozenset(
    {
        ConcernStep.TAKEN,
        ConcernStep.RELEASED,
        ConcernStep.REOPENED,
        ConcernStep.FEEDBACK_GIVEN,
        ConcernStep.VOIDED,
        ConcernStep.ACTION_APPROVED,
        ConcernStep.ACTION_DECLINED,
        ConcernStep.ACTION_EXPIRED,
        ConcernStep.PROMISE_KEPT,
        ConcernStep.PROMISE_CANCELLED,
        ConcernStep.PROMISE_HANDED_OVER,
    }
)
KINDS_OF_AN_ACTION = frozenset({NotificationKind.APPROVAL, NotificationKind.DECISION, NotificationKind.DAY_LIMIT})
OUTDATING_FIELDS = ASSESSED_FIELDS | {"praised", "place", "cause"}  # when they are edited


@dataclass(frozen=True)
class AlertTask:
    """Task of the worker for an alert, for its present step unless another one is named."""

    alert: Alert
    kind: OutboxKind
    step: int | None = None


def announce(session: Session, event: ConcernEvent) -> None:
    """Apply a step to the concern's alert and write the outbox messages it leads to."""
    alert = _lock_alert(session, event.concern) if event.step in STEPS_OF_AN_ALERT else None
    tasks = apply_to_alert(event, alert)
    session.add_all(OutboxMessage.for_alert(task.alert, task.kind, step=task.step, at=event.at) for task in tasks)
    session.add_all(_information_messages(event))
    if _may_outdate(event) and not any(task.kind is OutboxKind.FIND_WITHDRAWALS for task in tasks):
        concern = event.concern
        session.add(OutboxMessage.to_find_withdrawals(concern.organization_id, concern=concern, at=event.at))


def _may_outdate(event: ConcernEvent) -> bool:
    """Whether what phones show may be no longer true, or as it is. A resolved concern is not carried over any more."""
    concern = event.concern
    if event.step is ConcernStep.RESOLVED:
        return concern.business_date < concern.store.business_date(event.at)
    edited = event.step is ConcernStep.EDITED and not OUTDATING_FIELDS.isdisjoint(event.details)
    return edited or event.step in OUTDATING_STEPS


def announce_all(session: Session, events: Iterable[ConcernEvent]) -> None:
    """Announce several steps, in their order."""
    for event in events:
        announce(session, event)


def announce_pause(session: Session, shift: Shift, *, at: datetime) -> None:
    """Write a message for the lead, and nobody else, that a colleague needs a moment."""
    tenant, store_id = shift.organization_id, shift.store_id
    kind = NotificationKind.PAUSE
    session.add(OutboxMessage.information(kind, tenant, store_id=store_id, staff_id=shift.staff_id, at=at))
    over = OutboxMessage.to_find_withdrawals(tenant, store_id=store_id, due_at=shift.paused_until, at=at)
    session.add(over)


def announce_pause_ended(session: Session, shift: Shift, *, at: datetime) -> None:
    """Write a message that withdraws what the lead was told of a pause."""
    session.add(OutboxMessage.to_find_withdrawals(shift.organization_id, store_id=shift.store_id, at=at))


def announce_near_end(session: Session, near_end: NearEnd, *, at: datetime) -> None:
    """Announce what a shift that ended has given back, or write a message that asks its person `still here?`."""
    announce_all(session, near_end.given_back)
    if near_end.ask:
        shift, kind = near_end.shift, NotificationKind.STILL_HERE
        tenant, staff_id = shift.organization_id, shift.staff_id
        session.add(OutboxMessage.information(kind, tenant, staff_id=staff_id, at=at))
        over = OutboxMessage.to_find_withdrawals(tenant, staff_id=staff_id, due_at=shift.ends_at, at=at)
        session.add(over)


def announce_shift_extended(session: Session, shift: Shift, *, at: datetime) -> None:
    """Write a message that withdraws `still here?` from the phones of whoever answered it."""
    session.add(OutboxMessage.to_find_withdrawals(shift.organization_id, staff_id=shift.staff_id, at=at))


def announce_shift_ended(session: Session, shift: Shift, *, at: datetime) -> None:
    """Write a message for a person whose shift somebody else ended."""
    kind = NotificationKind.SHIFT_ENDED
    session.add(OutboxMessage.information(kind, shift.organization_id, staff_id=shift.staff_id, at=at))


def announce_factor_removed(session: Session, staff: Staff, *, at: datetime) -> None:
    """Write a message for a person whose second factor somebody else removed."""
    kind = NotificationKind.FACTOR_REMOVED
    session.add(OutboxMessage.information(kind, staff.organization_id, staff_id=staff.id, at=at))


def apply_to_alert(event: ConcernEvent, alert: Alert | None) -> list[AlertTask]:
    """Bring the concern's alert to where this step leads it; return the tasks that are left for the worker.

    An import of past concerns calls this alone, because their phones are not to ring any more.
    """
    if event.step in STEPS_OF_ACTIVITY:
        was_reminded = alert is not None and alert.state is AlertState.TAKEN and alert.note_activity()
        return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)] if alert and was_reminded else []
    match event.step:
        case ConcernStep.VOIDED | ConcernStep.EDITED if _is_taken_back(event):
            return _call_off(event, alert) if alert else []
        case ConcernStep.LOGGED | ConcernStep.REOPENED | ConcernStep.RELEASED:
            return _assess_and_apply(event, alert)
        case ConcernStep.FEEDBACK_GIVEN | ConcernStep.EDITED if _may_need_somebody(event):
            return _assess_and_apply(event, alert)
        case ConcernStep.TAKEN | ConcernStep.RESOLVED if alert:
            return _take_or_resolve(event, alert)
    return []


def _is_taken_back(event: ConcernEvent) -> bool:
    """Whether this step says that there was no concern: it was logged by mistake, or is praise."""
    return event.step is ConcernStep.VOIDED or ("kind" in event.details and event.concern.kind is Kind.PRAISE)


def _may_need_somebody(event: ConcernEvent) -> bool:
    """Whether a customer's feedback or an edit is a reason to look at the concern again."""
    if event.step is ConcernStep.FEEDBACK_GIVEN:
        return event.concern.unhappy_with_outcome
    return not ASSESSED_FIELDS.isdisjoint(event.details)


def _lock_alert(session: Session, concern: Concern) -> Alert | None:
    """Return the concern's alert, locked, because a worker may be escalating it at this moment."""
    return session.scalars(
        select(Alert)
        .where(Alert.concern_id == concern.id)
        .with_for_update(of=Alert, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


# ------------------------------------------------------------------------------------------------ assess, then apply


def _assess_and_apply(event: ConcernEvent, alert: Alert | None) -> list[AlertTask]:
    """Assess the concern as it stands now; open, change, restart or cancel its alert accordingly."""
    concern = event.concern
    assessment = assess(concern, concern.store.alert_rules, rang_by=alert.rule if alert else None)
    if assessment is None:
        return _cancel(event, alert) if alert and _is_correction(event, alert) else []
    if alert is None:
        late = _is_too_late(event, alert, assessment)
        alert = Alert.open(concern, assessment, policy=_policy_for(concern, assessment), late=late, at=event.at)
    elif _is_reclassified_only(event, alert, assessment):
        return _reclassify(event, alert, assessment)
    else:
        late = _is_too_late(event, alert, assessment)
        alert.reclassify(assessment, at=event.at)
        alert.restart(policy=_policy_for(concern, assessment), late=late, at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_RECIPIENTS)] if alert.is_ringing else []


def _is_correction(event: ConcernEvent, alert: Alert) -> bool:
    """Whether an open concern that needs nobody is so because of this step.

    An edit counts only if it changed a field that the alert's rule watches. After another edit, what has changed is the
    rule.
    """
    rule = next((rule for rule in event.concern.store.alert_rules if rule.slug == alert.rule), None)
    watched = {"mood"} | (rule.watched_fields if rule else set())
    corrected = event.step is not ConcernStep.EDITED or not watched.isdisjoint(event.details)
    return event.concern.status is Status.OPEN and corrected


def _is_too_late(event: ConcernEvent, alert: Alert | None, assessment: Assessment) -> bool:
    """Whether the customer is gone, so that the alert is recorded and rings nobody.

    That is so of a concern that was logged late, one that a customer wrote outside the opening hours (the address
    stands on the receipt), and one that is corrected long after it occurred while no alert rings. An alert that rings
    goes on, and praise that becomes a concern is as if it had been logged now. A customer who gave feedback waits for
    an answer wherever they are. What occurred after the store had gone out of business never rings.
    """
    concern = event.concern
    if concern.is_after_closing:
        return True
    if assessment.reason is Reason.FEEDBACK:
        return False
    rings = alert is not None and alert.state is AlertState.OPEN
    edited = event.step is ConcernStep.EDITED and "kind" not in event.details
    return (
        concern.late
        or (alert is not None and alert.state is AlertState.LATE)
        or (concern.source is Source.CUSTOMER and not concern.store.is_open(event.at))
        or (edited and not rings and event.at - (concern.became_concern_at or concern.occurred_at) > LATE_AFTER)
    )


def _is_reclassified_only(event: ConcernEvent, alert: Alert, assessment: Assessment) -> bool:
    """Whether the alert goes on from where it is, with another severity or reason."""
    edited = event.step is ConcernStep.EDITED
    return edited and alert.state is not AlertState.CANCELLED and not _brings_managers_forward(alert, assessment)


def _brings_managers_forward(alert: Alert, assessment: Assessment) -> bool:
    """Whether managers are to be called now instead of at their step, as this is the customer's second concern.

    Not if they were called already, nor if the alert was not answered: they have heard of that.
    """
    begun = (step for step in alert.policy["steps"][: alert.absolute_step + 1] if alert.severity in step["severities"])
    called = any(RecipientGroup.MANAGERS in step["whom"] for step in begun)
    return alert.state is AlertState.OPEN and assessment.managers_at_once and not called


def _policy_for(concern: Concern, assessment: Assessment) -> PolicySnapshot:
    """Return a snapshot of the escalation policy of the store or the organization at this moment."""
    policy = concern.store.policy
    snapshot = policy.snapshot() if policy else DEFAULT_POLICY
    return with_managers_at_once(snapshot) if assessment.managers_at_once else snapshot


def _reclassify(event: ConcernEvent, alert: Alert, assessment: Assessment) -> list[AlertTask]:
    """Change severity and reason. Steps that were passed over, and are for the new severity, are made up for."""
    passed_over = alert.reclassify(assessment, at=event.at)
    if alert.state is not AlertState.OPEN:
        return []
    return [AlertTask(alert, OutboxKind.FIND_RECIPIENTS, step) for step in passed_over]


def _cancel(event: ConcernEvent, alert: Alert) -> list[AlertTask]:
    """Cancel the alert: nobody has to come for the concern as it stands now. What came too late stays late."""
    return [] if alert.state is AlertState.LATE else _call_off(event, alert)


def _call_off(event: ConcernEvent, alert: Alert) -> list[AlertTask]:
    """Cancel the alert, in whatever state it is, and remove it from phones."""
    on_phones = _may_be_on_phones(alert)
    if alert.state is not AlertState.CANCELLED:
        alert.cancel(at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)] if on_phones else []


def _take_or_resolve(event: ConcernEvent, alert: Alert) -> list[AlertTask]:
    """Record that somebody came or that the concern is resolved, and remove the alert from phones."""
    on_phones = _may_be_on_phones(alert)
    if event.step is ConcernStep.RESOLVED:
        alert.resolve(by=event.concern.taken_by, at=event.at)
    elif alert.is_ringing:
        alert.take(by=event.concern.taken_by, at=event.at)
    return [AlertTask(alert, OutboxKind.FIND_WITHDRAWALS)] if on_phones else []


def _may_be_on_phones(alert: Alert) -> bool:
    """Whether phones may show the alert, or a reminder of it."""
    return alert.is_ringing or alert.reminded_at is not None


# ------------------------------------------------------------------------------------------- messages that do not ring


def _information_messages(event: ConcernEvent) -> list[OutboxMessage]:
    """Return the messages that inform people of a step without calling them."""
    kinds = _information_kinds(event)
    messages = [_information_message(kind, event, staff_id) for kind in kinds for staff_id in _addressees(kind, event)]
    if NotificationKind.APPROVAL in kinds:
        expires_at = event.at + APPROVAL_TTL
        timer = OutboxMessage.timer(OutboxKind.EXPIRE_APPROVALS, event.concern, due_at=expires_at, at=event.at)
        messages.append(timer)
    return messages


def _information_kinds(event: ConcernEvent) -> list[NotificationKind]:
    """Return what is worth knowing about this step. A new concern of a closed store is for its region only."""
    praise = [NotificationKind.PRAISE] if _is_new_praise(event) else []
    if event.step is ConcernStep.LOGGED and event.concern.is_after_closing:
        return [NotificationKind.CLOSED_STORE, *praise]
    kind = _information_kind(event)
    beyond_day_limit = [NotificationKind.DAY_LIMIT] if event.details.get("beyond_day_limit") else []
    return [*beyond_day_limit, *([] if kind is None else [kind])]


def _information_kind(event: ConcernEvent) -> NotificationKind | None:
    """Return what is worth knowing about this step although nobody has to come."""
    concern, is_praise = event.concern, event.concern.kind is Kind.PRAISE
    match event.step:
        case ConcernStep.LOGGED | ConcernStep.EDITED if _is_new_praise(event):
            return NotificationKind.PRAISE
        case ConcernStep.LOGGED if concern.alert is not None and concern.alert.state is AlertState.LATE:
            return NotificationKind.LATE
        case ConcernStep.LOGGED if concern.unhappy and concern.status is not Status.OPEN and not is_praise:
            return NotificationKind.OWN
        case ConcernStep.RESOLVED:
            return NotificationKind.OUTCOME
        case ConcernStep.HANDED_OVER:
            return NotificationKind.HAND_OVER
    return _approval_kind(event)


def _approval_kind(event: ConcernEvent) -> NotificationKind | None:
    """Return whether somebody asks for more than they may give, or waits for a decision that this step takes."""
    match event.step:
        case ConcernStep.ACTION_RECORDED if event.details["status"] == ActionStatus.PENDING:
            return NotificationKind.APPROVAL
        case ConcernStep.ACTION_APPROVED | ConcernStep.ACTION_DECLINED | ConcernStep.ACTION_EXPIRED:
            return NotificationKind.DECISION
    return None


def _is_new_praise(event: ConcernEvent) -> bool:
    """Whether this step praises a colleague who has not heard of it yet and did not log it themselves."""
    concern = event.concern
    new = event.step is ConcernStep.LOGGED or not {"praised", "kind"}.isdisjoint(event.details)
    return concern.kind is Kind.PRAISE and new and concern.praised_id not in (None, event.by_staff_id)


def _addressees(kind: NotificationKind, event: ConcernEvent) -> list[UUID | None]:
    """Return for whom there is a message each: one that names nobody is for whoever is to know such a thing.

    A decision is for whoever asked, and for whoever is with the customer.
    """
    match kind:
        case NotificationKind.HAND_OVER:
            return [UUID(event.details["to"])]
        case NotificationKind.PRAISE:
            return [event.concern.praised_id]
        case NotificationKind.DECISION:
            asked_by = UUID(event.details["asked_by"]) if "asked_by" in event.details else None
            people = dict.fromkeys((asked_by, event.concern.taken_by_id))
            return [staff_id for staff_id in people if staff_id not in (None, event.by_staff_id)]
        case NotificationKind.APPROVAL:
            return [event.by_staff_id]
    return [None]


def _information_message(kind: NotificationKind, event: ConcernEvent, staff_id: UUID | None) -> OutboxMessage:
    """Return the message. One that goes with an alert is dropped once somebody has come, so it names the alert."""
    concern = event.concern
    alert = concern.alert if kind is NotificationKind.LATE else None
    if kind is NotificationKind.HAND_OVER and concern.alert is not None and concern.alert.is_ringing:
        alert = concern.alert
    action_id = event.details.get("recovery_action_id") if kind in KINDS_OF_AN_ACTION else None
    return OutboxMessage.information(
        kind,
        concern.organization_id,
        concern=concern,
        alert=alert,
        recovery_action_id=UUID(action_id) if action_id else None,
        staff_id=staff_id,
        at=event.at,
    )
