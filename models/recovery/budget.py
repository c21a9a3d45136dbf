"""Spending budget: what somebody may give without approval, and how much of it is left on a business day."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, false, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.customers.customer import Customer
from models.db.base import Aggregate, Money
from models.organizations.store import Store
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.order_cap import of_same_order
from models.recovery.remedy import LimitAmounts, Remedy
from models.staff.staff import Staff

Criteria = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Budget:
    """The limit of a remedy for one customer today, and what is left of it. None where nothing limits."""

    limit: Money | None
    left: Money | None


def budget_of(session: Session, concern: Concern, remedy: Remedy, currency: str, *, by: Actor, on: date) -> Budget:
    """Return what `by` may still give of a remedy for this concern without approval, in this currency."""
    limit = remedy.limit_of(by.role, currency)
    if limit is None:
        return Budget(None, None)
    of_remedy = (RecoveryAction.remedy_id == remedy.id, *_on_day(on, currency))
    to_customer = _sum_spent(session, *of_remedy, for_same_beneficiary(concern))
    by_staff = _sum_spent(session, *of_remedy, _by_staff(by))
    return budget_left(limit.most, to_customer, by_staff, currency)


def budget_left(limit: LimitAmounts | None, to_customer: int, by_staff: int, currency: str) -> Budget:
    """Return what is left after `to_customer` was given to this customer today, and `by_staff` by this person to all.

    Amounts are in minor units.
    """
    if limit is None:
        return Budget(None, None)
    left = limit.per_customer - to_customer
    if limit.per_staff is not None:
        left = min(left, limit.per_staff - by_staff)
    return Budget(Money(limit.per_customer, currency), Money(max(left, 0), currency))


def select_spent_on(
    on: date, currency: str, *, to: ColumnElement[bool] | None, by: Actor
) -> CompoundSelect[UUID, int, bool]:
    """Return a statement for the sums of a day by remedy: rows of remedy id, `total` and `to_customer`.

    Rows with `to_customer` true are what `to` selects, if given; the others are what `by` gave. The two are separate
    selects of a UNION ALL, because each uses an index of its own.
    """
    day = _on_day(on, currency)
    sums = [(true(), to), (false(), _by_staff(by))] if to is not None else [(false(), _by_staff(by))]
    total = func.sum(RecoveryAction.cost_amount).label("total")
    return union_all(
        *(
            select(RecoveryAction.remedy_id, total, to_customer.label("to_customer"))
            .where(criterion, *day)
            .group_by(RecoveryAction.remedy_id)
            for to_customer, criterion in sums
        )
    )


def exceeds_budget(session: Session, concern: Concern, remedy: Remedy, cost: Money, *, by: Actor, on: date) -> bool:
    """Return whether a cost is more than `by` may give without approval, with all that was given that business day.

    Locks the beneficiary and the giver until the transaction ends: of two actions at once, the second sees the first.
    """
    if cost.amount <= 0 or remedy.limit_of(by.role, cost.currency) is None:
        return False
    _lock_budget(session, concern, by=by)
    left = budget_of(session, concern, remedy, cost.currency, by=by, on=on).left
    return left is not None and cost.amount > left.amount


def _lock_budget(session: Session, concern: Concern, *, by: Actor) -> None:
    """Lock whom the limit counts for: the customer, else the store of the order, else the concern; and the giver."""
    if concern.customer_id is not None:
        _lock(session, Customer, concern.customer_id)
    elif concern.order_key is not None:
        _lock(session, Store, concern.store_id)
    else:
        _lock(session, Concern, concern.id)
    if by.staff_id is not None:
        Staff.lock_staff(session, by.staff_id)


def _lock(session: Session, model: type[Aggregate], id_: UUID) -> None:
    session.flush()
    session.execute(select(model.id).where(model.id == id_).with_for_update(key_share=True))


def _sum_spent(session: Session, *criteria: ColumnElement[bool]) -> int:
    """Return the sum of the costs in effect. A reversed action and its reversing entry both count as nothing."""
    session.flush()
    spent: ColumnElement[int] = func.coalesce(func.sum(RecoveryAction.cost_amount), 0)
    return int(session.scalars(select(spent).where(IN_EFFECT, *criteria)).one())


def _on_day(on: date, currency: str) -> Criteria:
    same_currency = RecoveryAction.cost_currency == currency
    return RecoveryAction.business_date == on, same_currency, IN_EFFECT


def _by_staff(by: Actor) -> ColumnElement[bool]:
    """Return the criterion for what one person gave; for an API key, which is nobody, it matches nothing."""
    return RecoveryAction.acted_by_id == by.staff_id if by.staff_id else false()


def for_customer(customer_id: UUID) -> ColumnElement[bool]:
    return RecoveryAction.customer_id == customer_id


def for_same_beneficiary(concern: Concern) -> ColumnElement[bool]:
    """Return the criterion for actions to the same customer; where they are unknown, for the same order or concern.

    What was given for this concern counts in any case: another customer's name opens no second budget for it.
    """
    if concern.customer_id is None:
        return of_same_order(concern)
    return or_(for_customer(concern.customer_id), RecoveryAction.concern_id == concern.id)
