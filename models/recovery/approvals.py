"""Recording recovery actions within a budget, and approving or declining those above it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor, Permission, Role
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Money
from models.errors import Conflict, Forbidden, Invalid, InvalidState
from models.organizations.store import AboveLimit
from models.policy_defaults import APPROVAL_TTL
from models.recovery.action import ActionStatus, RecoveryAction, Settlement
from models.recovery.approvers import find_approvers
from models.recovery.budget import (
    Allowance,
    Spending,
    for_same_beneficiary,
    managers_but,
    read_given,
)
from models.recovery.order_cap import find_cap
from models.recovery.remedy import MONEY_KINDS, Remedy, RemedyKind
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.invitation import Invitation
from models.staff.staff import Staff

DECIDING_STEPS = (ConcernStep.ACTION_APPROVED, ConcernStep.ACTION_DECLINED, ConcernStep.ACTION_EXPIRED)


def record_action(
    session: Session,
    concern: Concern,
    *,
    by: Actor,
    remedy: Remedy,
    at: datetime,
    acted_at: datetime | None = None,
    cost: Money | None = None,
    spending: Spending | None = None,
    **fields: Any,
) -> tuple[RecoveryAction, ConcernEvent]:
    """Record an action on a concern that is not resolved.

    Without a cost the action has the usual cost of the remedy, where that is in the currency that the store has now.
    What is more than `by` may give stays pending until somebody approves it. A store that reviews such actions
    afterwards (`Store.above_limit`) acts first, for as much as it may in a day, but not where an action asks first
    whatever the store says: see `Spending.allowance_of`. `fields` are `id` and `note`; `spending` is that of the
    concern where several actions are recorded at once.

    Raises Invalid for a cost in another currency, so that the sums of a store's day are sums of one currency, unless it
    refunds an order of before the store changed its currency, for money or a gift without a cost, and for refunds of
    more than the order is worth. Raises Conflict where nobody could approve, unless that is after hours and within what
    the store may act first for.
    """
    today = concern.store.business_date(at)
    spending = spending or Spending(session, concern, by=by, on=today)
    cost = _cost_of(session, concern, remedy, cost, currency=spending.currency)
    if cost is not None:
        spending = spending.in_currency(cost.currency)
    allowance, given = Allowance.WITHIN, None
    if cost is not None and cost.amount > 0:
        allowance, given = spending.allowance_of(remedy, cost), spending.given
        spending.refunds.check(remedy, cost)
    needs_approval = False
    if cost is not None and allowance is not Allowance.WITHIN:
        left = spending.left_to_act_first() if allowance is Allowance.BEYOND else 0
        acts_first = concern.store.above_limit is AboveLimit.ACT_FIRST and cost.amount <= left
        needs_approval = not acts_first and _asks_first(
            session, concern, remedy, cost, spending=spending, left=left, by=by, at=at
        )
    action = RecoveryAction(
        **fields,
        concern=concern,
        store_id=concern.store_id,
        customer_id=concern.customer_id,
        remedy=remedy,
        status=ActionStatus.PENDING if needs_approval else ActionStatus.DONE,
        cost=None if needs_approval else cost,
        requested_cost=cost if needs_approval else None,
        over_limit=allowance is not Allowance.WITHIN,
        acted_first=allowance is not Allowance.WITHIN and not needs_approval,
        business_date=today,
        settlement=Settlement.NONE if needs_approval else _settlement(remedy, cost),
        expires_at=at + APPROVAL_TTL if needs_approval else None,
        acted_at=min(acted_at or at, at),
        recorded_at=at,
        acted_by_id=by.staff_id,
        acted_by_key_id=by.api_key_id,
        decided_by=None,
    )
    if given is not None and given.customer_days is not None:
        action.set_given_before(len(given.customer_days), given.to_customer_lately)
    details = {} if needs_approval else _count(spending, remedy, cost)
    event = action.record_event(ConcernStep.ACTION_RECORDED, by=by, at=at, status=str(action.status), **details)
    session.add(action)
    return action, event


def resolve(session: Session, concern: Concern, *, by: Actor, at: datetime, **end: Any) -> list[ConcernEvent]:
    """Record how a concern ended, as `Concern.resolve` does. While something waits for approval, the end waits too."""
    if find_pending(session, concern):
        return concern.end_on_approval(by=by, at=at, **end)
    return [concern.resolve(by=by, at=at, **end)]


def find_pending(session: Session, concern: Concern) -> Sequence[RecoveryAction]:
    """Return the actions of a concern that wait for approval."""
    session.flush()
    pending = (RecoveryAction.concern_id == concern.id, RecoveryAction.status == ActionStatus.PENDING)
    return session.scalars(select(RecoveryAction).where(*pending).order_by(RecoveryAction.id)).all()


def approve(
    session: Session,
    action: RecoveryAction,
    *,
    by: Actor,
    at: datetime,
    note: str | None = None,
    on_phone_of: UUID | None = None,
) -> list[ConcernEvent]:
    """Approve a pending action, or an action over the limit that was done first.

    With the last one that waited, the concern ends as it was said to: see `resolve`. Returns the events. `on_phone_of`
    is the colleague who is signed in on the phone on which `by` gave their PIN.

    Raises Forbidden for an action of one's own, for that of somebody for whom one made a code within a day, and for
    more than one may give oneself, and InvalidState when it was
    decided already, expired, or needs no approval.
    """
    _record_decision(session, action, by=by, at=at, note=note)
    details: dict[str, Any] = {} if on_phone_of is None else {"on_phone_of": str(on_phone_of)}
    if action.status is ActionStatus.PENDING and (cost := action.requested_cost) is not None:
        concern, today = action.concern, action.concern.store.business_date(at)
        spending = Spending(session, concern, by=by, on=today, currency=cost.currency)
        if not spending.may_approve(action.remedy, cost):
            raise Forbidden("This is more than you may give as well: ask somebody who may give more.")
        if by.role is Role.ADMIN:
            _check_last_resort(session, action, managers_but=spending.managers_but(action.remedy, cost), by=by, at=at)
        spending.refunds.check(action.remedy, cost)
        details |= _count(spending, action.remedy, cost)
        action.status, action.cost, action.requested_cost = ActionStatus.DONE, cost, None
        action.business_date, action.settlement = today, _settlement(action.remedy, cost)
    else:
        _check_last_resort(session, action, by=by, at=at)
    approved = action.record_event(ConcernStep.ACTION_APPROVED, by=by, at=at, **details)
    ended = None if find_pending(session, action.concern) else action.concern.apply_waiting_end(at=at)
    return [approved, ended] if ended else [approved]


def decline(session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str) -> ConcernEvent:
    """Decline an action, with the reason as `note`. What was done first stays done. Errors as in `approve`.

    How the concern ended has to be told again: with what was declined it would have ended otherwise.
    """
    _record_decision(session, action, by=by, at=at, note=note)
    _check_last_resort(session, action, by=by, at=at)
    if action.status is ActionStatus.PENDING:
        action.status, action.concern.waiting_end = ActionStatus.DECLINED, None
    return action.record_event(ConcernStep.ACTION_DECLINED, by=by, at=at, note=note)


def read_decisions(session: Session, organization_id: UUID, concern_ids: Collection[UUID]) -> dict[UUID, ConcernStep]:
    """Return the step that decided about each action of these concerns, by action, where one did."""
    stmt = (
        select(ConcernEvent.step, ConcernEvent.details)
        .where(
            ConcernEvent.organization_id == organization_id,
            ConcernEvent.concern_id.in_(concern_ids),
            ConcernEvent.step.in_(DECIDING_STEPS),
        )
        .order_by(ConcernEvent.concern_id, ConcernEvent.number)
    )
    return {UUID(details["recovery_action_id"]): step for step, details in session.execute(stmt)}


def people_to_ask(session: Session, concern: Concern, *, asked_by_id: UUID | None, at: datetime) -> Sequence[Staff]:
    """Return whose phones are to ring for what waits on a concern, as things stand now: of each action who may."""
    store, today = concern.store, concern.store.business_date(at)
    nobody = Actor.unauthenticated(concern.organization_id)
    to, known = for_same_beneficiary(concern), concern.customer_id is not None
    pending = [(action, cost) for action in find_pending(session, concern) if (cost := action.requested_cost)]
    so_far = {
        currency: read_given(session, store, currency, to=to, known=known, by=nobody, on=today)
        for currency in {cost.currency for _, cost in pending}
    }
    people: dict[UUID, Staff] = {}
    waiting = dict.fromkeys((action.remedy, cost, action.acted_by_key_id) for action, cost in pending)
    for remedy, cost, key_id in waiting:
        but = managers_but(session, store, so_far[cost.currency], remedy, cost, on=today)
        approvers = find_approvers(
            session, store, asked_by_id=asked_by_id, asked_by_key_id=key_id, managers_but=but, at=at
        )
        people |= {staff.id: staff for staff in approvers.to_ask}
    return list(people.values())


def review(
    session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str | None = None
) -> ConcernEvent:
    """Record that somebody has looked at what was given beyond a limit. Errors as in `approve`."""
    if not action.is_to_review:
        raise InvalidState("Nothing was given here that has to be reviewed.", state=str(action.status))
    _record_decision(session, action, by=by, at=at, note=note)
    _check_last_resort(session, action, by=by, at=at)
    return action.record_event(ConcernStep.ACTION_REVIEWED, by=by, at=at)


def expire_pending(session: Session, concern: Concern, *, at: datetime) -> Sequence[ConcernEvent]:
    """Expire the pending actions of a concern whose time is over. Returns the events for the caller to announce."""
    pending = (RecoveryAction.concern_id == concern.id, RecoveryAction.status == ActionStatus.PENDING)
    system = Actor.unauthenticated(concern.organization_id)
    events = []
    for action in session.scalars(select(RecoveryAction).where(*pending, RecoveryAction.expires_at <= at)):
        action.status, concern.waiting_end = ActionStatus.EXPIRED, None
        action.bump_version()
        events.append(action.record_event(ConcernStep.ACTION_EXPIRED, by=system, at=at))
    return events


def _asks_first(
    session: Session,
    concern: Concern,
    remedy: Remedy,
    cost: Money,
    *,
    spending: Spending,
    left: int,
    by: Actor,
    at: datetime,
) -> bool:
    """Return whether somebody is asked. False where the store acts first because nobody could approve after hours.

    Conflict where nobody could approve, with what was `left` for which the store would have acted first.
    """
    store = concern.store
    but = spending.managers_but(remedy, cost)
    key = None if but is None else frozenset(but)
    if key not in spending.approvers:
        spending.approvers[key] = find_approvers(
            session, store, asked_by_id=by.staff_id, asked_by_key_id=by.api_key_id, managers_but=but, at=at
        )
    approvers = spending.approvers[key]
    if approvers.can_decide_in(store, at):
        return True
    if not store.is_open(at) and cost.amount <= left:
        return False
    raise Conflict(
        "Nobody could approve this now. After hours the store acts first up to a sum, and a manager reviews it.",
        code="nobody-may-approve",
        acts_first_up_to={"amount": left, "currency": spending.currency},
    )


def _check_last_resort(
    session: Session,
    action: RecoveryAction,
    *,
    by: Actor,
    at: datetime,
    managers_but: Collection[UUID] | None = (),
) -> None:
    """Raise Forbidden for an administrator while a manager or a regional manager can be reached.

    `managers_but`: as in `find_approvers`. Managers decline and review whatever it costs.
    """
    if by.role is not Role.ADMIN:
        return
    approvers = find_approvers(
        session,
        action.concern.store,
        asked_by_id=action.acted_by_id,
        asked_by_key_id=action.acted_by_key_id,
        managers_but=managers_but,
        at=at,
    )
    if approvers.somebody_before_administrators:
        raise Forbidden("A manager or regional manager can be reached, and decides this.")


def _record_decision(session: Session, action: RecoveryAction, *, by: Actor, at: datetime, note: str | None) -> None:
    by.require(Permission.RECOVERY_APPROVE)
    if by.store_ids is not None and action.store_id not in by.store_ids:  # whoever gave a PIN on the phone of another
        raise Forbidden("Somebody of the store where it was asked for decides about it.")
    is_pending = action.status is ActionStatus.PENDING
    if not is_pending and not action.is_to_review:
        raise InvalidState("Nobody asks for this, or it is decided already.", state=str(action.status))
    if is_pending and action.expires_at is not None and action.expires_at <= at:
        raise InvalidState("Nobody decided in time; it has to be asked for again.", state=str(ActionStatus.EXPIRED))
    if action.acted_by_id is not None and action.acted_by_id == by.staff_id:
        raise Forbidden("Nobody decides about what they asked for themselves.")
    if action.acted_by_id is not None and Invitation.was_made_by(
        session, action.acted_by_id, maker_id=by.staff_id, at=at
    ):
        raise Forbidden("Whoever could read a sign-in code of somebody decides nothing that they ask for within a day.")
    if action.acted_by_key_id is not None and by.staff_id in ApiKey.makers_of(session, action.acted_by_key_id):
        raise Forbidden("Whoever made a key decides nothing that it asks for.")
    action.decided_at, action.decided_by_id, action.decision_note = at, by.staff_id, note
    action.bump_version()


def _count(spending: Spending, remedy: Remedy, cost: Money | None) -> dict[str, Any]:
    """Count what is given from now on. Returns what the event says of the store's day, where it passes its limit."""
    if cost is None or cost.amount <= 0:
        return {}
    passes = spending.passes_day_limit(cost)
    spending.given.add(remedy.id, cost, on=spending.on)
    spending.refunds.add(remedy, cost)
    return {"beyond_day_limit": True} if passes else {}


def _cost_of(session: Session, concern: Concern, remedy: Remedy, cost: Money | None, *, currency: str) -> Money | None:
    if cost is None:
        cost = remedy.usual_cost(currency)
    elif cost.currency != currency and not _is_in_currency_of_order(session, concern, remedy, cost):
        raise Invalid(f"This store counts in {currency}.", pointer="/cost/currency")
    if remedy.kind in MONEY_KINDS and (cost is None or cost.amount <= 0):
        raise Invalid("Money and gifts cost something: say how much.", pointer="/cost")
    return cost


def _is_in_currency_of_order(session: Session, concern: Concern, remedy: Remedy, cost: Money) -> bool:
    """Return whether it refunds an order that was paid in this currency, before the store changed its own."""
    cap = find_cap(session, concern) if remedy.kind is RemedyKind.REFUND else None
    return cap is not None and cap.currency == cost.currency


def _settlement(remedy: Remedy, cost: Money | None) -> Settlement:
    return Settlement.RECORDED if remedy.kind is RemedyKind.REFUND and cost and cost.amount else Settlement.NONE
