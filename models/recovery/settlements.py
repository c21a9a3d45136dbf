"""Settlements: how far the money of an action has come, and what a late payment passes."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.event import ConcernEvent
from models.recovery.action import ActionStatus, RecoveryAction, Settlement
from models.recovery.budget import Allowance, Spending
from models.recovery.recount import is_more_for_customer


def settle(
    session: Session, action: RecoveryAction, *, to: Settlement, by: Actor, at: datetime, reference: str | None = None
) -> ConcernEvent:
    """Move the settlement on, as `RecoveryAction.settle` does, which see also for the errors.

    What is paid though it was taken back counts again, after all that was given since. Where it would ask first now,
    or its order is worth less, it is beyond, and reviewed, also if somebody had approved it.
    """
    was_taken_back = action.status is ActionStatus.REVERSED
    is_beyond = was_taken_back and to is Settlement.SETTLED and _would_ask_first(session, action)
    event = action.settle(session, to=to, reference=reference, by=by, at=at)
    if is_beyond:
        action.over_limit = True
        action.decided_at = action.decided_by = action.decision_note = None
    return event


def _would_ask_first(session: Session, action: RecoveryAction) -> bool:
    """Return whether what was taken back would ask first, if it were given once more."""
    if action.cost is None:
        return False
    giver = replace(
        Actor.unauthenticated(action.organization_id),
        staff_id=action.acted_by_id,
        role=action.acted_by.role if action.acted_by else None,
        api_key_id=action.acted_by_key_id,
    )
    spending = Spending(session, action.concern, by=giver, on=action.business_date, currency=action.cost.currency)
    return (
        is_more_for_customer(session, action)  # the concern may name somebody else by now
        or spending.allowance_of(action.remedy, action.cost) is not Allowance.WITHIN
        or spending.refunds.passes_cap(action.remedy, action.cost)
    )
