"""Recount of limits: what was given to somebody unknown counts once they are named, and with the order it is for."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.access import Role
from models.concerns.concern import Concern
from models.customers.customer import Customer
from models.policy_defaults import REPEATED_GIVING_DAYS, REPEATED_GIVING_WINDOW
from models.recovery.action import IN_EFFECT, ActionStatus, RecoveryAction
from models.recovery.budget import Given, for_customer, for_same_beneficiary, largest_limits
from models.recovery.remedy import LimitAmounts, limit_role


def recount_customer(session: Session, arrivals: Sequence[RecoveryAction], customer_id: UUID | None) -> None:
    """Mark as beyond what would have asked first, had one known that it was given to this customer.

    `arrivals` have become theirs just now. Nothing is refused and nothing waits: it was given, and is reviewed. Locks
    the customer: what is given to them meanwhile counts, or is counted with it. None: they belong to nobody known.
    """
    if customer_id is not None and (arrivals := _given_without_approval(arrivals)):
        _lock_customer(session, customer_id)
        _recount(session, arrivals, to=for_customer(customer_id), known=True)


def recount_order(session: Session, concern: Concern) -> None:
    """Mark as beyond what would have asked first, had one known for which order it was given to somebody unknown."""
    of_concern = select(RecoveryAction).where(RecoveryAction.concern_id == concern.id)
    arrivals = session.scalars(of_concern.where(RecoveryAction.customer_id.is_(None)).order_by(RecoveryAction.id)).all()
    if concern.customer_id is None and (arrivals := _given_without_approval(arrivals)):
        _recount(session, arrivals, to=for_same_beneficiary(concern), known=False)


def is_more_for_customer(session: Session, action: RecoveryAction) -> bool:
    """Return whether it would be too much for the customer it was given to, or their third day. Locks the customer."""
    if action.customer_id is None or action.cost is None:
        return False
    _lock_customer(session, action.customer_id)
    others = _read_others(session, [action], for_customer(action.customer_id))
    return _is_beyond(action, others, _read_largest(session, {action.cost.currency}), known=True)


def _lock_customer(session: Session, customer_id: UUID) -> None:
    session.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))


def _given_without_approval(actions: Sequence[RecoveryAction]) -> list[RecoveryAction]:
    return [
        action
        for action in actions
        if action.status is ActionStatus.DONE and not action.over_limit and action.cost and action.cost.amount > 0
    ]


def _recount(session: Session, arrivals: list[RecoveryAction], *, to: ColumnElement[bool], known: bool) -> None:
    """Compare the arrivals with the limits one by one, after all else that was given to the same."""
    rows = _read_others(session, arrivals, to)
    largest = _read_largest(session, {action.cost.currency for action in arrivals if action.cost})
    for action in arrivals:
        if _is_beyond(action, rows, largest, known=known):
            action.over_limit = True
            action.bump_version()
        rows.append((action.remedy_id, action.business_date, action.cost))


def _read_others(session: Session, arrivals: Sequence[RecoveryAction], to: ColumnElement[bool]) -> list[Any]:
    """Return what else was given to the same around the days of the arrivals: remedy, day and cost."""
    session.flush()
    days = [action.business_date for action in arrivals]
    around = RecoveryAction.business_date.between(
        min(days) - REPEATED_GIVING_WINDOW, max(days) + REPEATED_GIVING_WINDOW
    )
    columns = (RecoveryAction.remedy_id, RecoveryAction.business_date, RecoveryAction.cost)
    is_other = RecoveryAction.id.not_in([action.id for action in arrivals])
    stmt = select(*columns).where(IN_EFFECT, RecoveryAction.cost_amount > 0, to, around, is_other)
    return [tuple(row) for row in session.execute(stmt)]


def _is_beyond(
    action: RecoveryAction, rows: Collection[Any], largest: dict[str, dict[Role, LimitAmounts]], *, known: bool
) -> bool:
    cost = action.cost
    if cost is None:
        return False
    if known and _is_on_third_day(action.business_date, {day for _, day, _ in rows}):
        return True
    role = limit_role(action.acted_by.role if action.acted_by else None)
    limit = action.remedy.limit_of(role, cost.currency)
    before = Given(largest=largest[cost.currency])
    for remedy_id, day, other in rows:
        if (day, other.currency) == (action.business_date, cost.currency):
            before.to_customer[remedy_id] += other.amount
    return limit is not None and cost.amount > before.left_to_customer(action.remedy_id, limit.most, role=role)


def _is_on_third_day(day: date, others: Collection[date]) -> bool:
    """Return whether it is one of three days within REPEATED_GIVING_WINDOW, whichever of them was known last."""
    days = {day, *others}
    windows = [{each for each in days if end - REPEATED_GIVING_WINDOW <= each <= end} for end in days]
    return any(day in window and len(window) >= REPEATED_GIVING_DAYS for window in windows)


def _read_largest(session: Session, currencies: Collection[str]) -> dict[str, dict[Role, LimitAmounts]]:
    by_currency: dict[str, dict[Role, LimitAmounts]] = defaultdict(dict)
    for currency in currencies:
        for row in session.execute(largest_limits(currency)):
            by_currency[currency][Role(row.role)] = LimitAmounts(int(row.total), row.per_staff)
    return by_currency
