"""Recording recovery actions within a budget, and approving or declining those above it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Money
from models.errors import Forbidden, Invalid, InvalidState
from models.organizations.store import AboveLimit
from models.policy_defaults import APPROVAL_TTL
from models.recovery.action import ActionStatus, RecoveryAction, Settlement
from models.recovery.budget import exceeds_budget
from models.recovery.order_cap import check_refunds_within_order
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials.invitation import Invitation


def record_action(
    session: Session,
    concern: Concern,
    *,
    by: Actor,
    remedy: Remedy,
    at: datetime,
    acted_at: datetime | None = None,
    cost: Money | None = None,
    **fields: Any,
) -> tuple[RecoveryAction, ConcernEvent]:
    """Record an action on a concern that is not resolved.

    Without a cost the action has the usual cost of the remedy, where that is in the currency that the store has now.
    What is more than `by` may give stays pending until somebody approves it, unless the store reviews such actions
    afterwards (`Store.above_limit`). `fields` are `id` and `note`.

    Raises Invalid for a cost in another currency, so that the sums of a store's day are sums of one currency, and for
    refunds of more than the order is worth.
    """
    today = concern.store.business_date(at)
    cost = _cost_of(remedy, cost, currency=concern.store.currency_on(today))
    if cost is not None:
        check_refunds_within_order(session, concern, remedy, cost)
    over_limit = cost is not None and exceeds_budget(session, concern, remedy, cost, by=by, on=today)
    needs_approval = over_limit and concern.store.above_limit is AboveLimit.ASK_FIRST
    action = RecoveryAction(
        **fields,
        concern=concern,
        store_id=concern.store_id,
        customer_id=concern.customer_id,
        remedy=remedy,
        status=ActionStatus.PENDING if needs_approval else ActionStatus.DONE,
        cost=None if needs_approval else cost,
        requested_cost=cost if needs_approval else None,
        over_limit=over_limit,
        business_date=today,
        settlement=Settlement.NONE if needs_approval else _settlement(remedy, cost),
        expires_at=at + APPROVAL_TTL if needs_approval else None,
        acted_at=min(acted_at or at, at),
        recorded_at=at,
        acted_by_id=by.staff_id,
        decided_by=None,
    )
    event = action.record_event(ConcernStep.ACTION_RECORDED, by=by, at=at, status=str(action.status))
    session.add(action)
    return action, event


def approve(
    session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str | None = None
) -> ConcernEvent:
    """Approve a pending action, or an action over the limit that was done first.

    Raises Forbidden for an action of one's own, for that of somebody for whom one made a code within a day, and for
    more than one may give oneself, and InvalidState when it was
    decided already, expired, or needs no approval.
    """
    _record_decision(session, action, by=by, at=at, note=note)
    if action.status is ActionStatus.PENDING and action.requested_cost is not None:
        today = action.concern.store.business_date(at)
        check_refunds_within_order(session, action.concern, action.remedy, action.requested_cost)
        if exceeds_budget(session, action.concern, action.remedy, action.requested_cost, by=by, on=today):
            raise Forbidden("This is more than you may give as well: ask somebody who may give more.")
        action.status, action.cost, action.requested_cost = ActionStatus.DONE, action.requested_cost, None
        action.business_date, action.settlement = today, _settlement(action.remedy, action.cost)
    return action.record_event(ConcernStep.ACTION_APPROVED, by=by, at=at)


def decline(session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str) -> ConcernEvent:
    """Decline an action, with the reason as `note`. What was done first stays done. Errors as in `approve`."""
    _record_decision(session, action, by=by, at=at, note=note)
    if action.status is ActionStatus.PENDING:
        action.status = ActionStatus.DECLINED
    return action.record_event(ConcernStep.ACTION_DECLINED, by=by, at=at, note=note)


def expire_pending(session: Session, concern: Concern, *, at: datetime) -> Sequence[ConcernEvent]:
    """Expire the pending actions of a concern whose time is over. Returns the events for the caller to announce."""
    pending = (RecoveryAction.concern_id == concern.id, RecoveryAction.status == ActionStatus.PENDING)
    system = Actor.unauthenticated(concern.organization_id)
    events = []
    for action in session.scalars(select(RecoveryAction).where(*pending, RecoveryAction.expires_at <= at)):
        action.status = ActionStatus.EXPIRED
        action.bump_version()
        events.append(action.record_event(ConcernStep.ACTION_EXPIRED, by=system, at=at))
    return events


def _record_decision(session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str | None) -> None:
    needs_decision = action.status is ActionStatus.PENDING or (action.status is ActionStatus.DONE and action.over_limit)
    if not needs_decision or action.decided_at is not None:
        raise InvalidState("Nobody asks for this, or it is decided already.", state=str(action.status))
    if action.expires_at is not None and action.expires_at <= at:
        raise InvalidState("Nobody decided in time; it has to be asked for again.", state=str(ActionStatus.EXPIRED))
    if action.acted_by_id is not None and action.acted_by_id == by.staff_id:
        raise Forbidden("Nobody decides about what they asked for themselves.")
    if action.acted_by_id is not None and Invitation.was_made_by(
        session, action.acted_by_id, maker_id=by.staff_id, at=at
    ):
        raise Forbidden("Whoever could read a sign-in code of somebody decides nothing that they ask for within a day.")
    action.decided_at, action.decided_by_id, action.decision_note = at, by.staff_id, note
    action.bump_version()


def _cost_of(remedy: Remedy, cost: Money | None, *, currency: str) -> Money | None:
    if cost is None:
        return remedy.usual_cost(currency)
    if cost.currency != currency:
        raise Invalid(f"This store counts in {currency}.", pointer="/cost/currency")
    return cost


def _settlement(remedy: Remedy, cost: Money | None) -> Settlement:
    return Settlement.RECORDED if remedy.kind is RemedyKind.REFUND and cost and cost.amount else Settlement.NONE
