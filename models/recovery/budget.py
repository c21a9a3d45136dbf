"""The trust budget: what somebody may give without asking, and how much of it is left on a business day."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, false, func, select, true, union_all
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.customers.customer import Customer
from models.db.base import Aggregate, Money
from models.errors import Invalid
from models.organizations.store import Store
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import LimitAmounts, Remedy, RemedyKind
from models.staff.staff import Staff

Criteria = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Budget:
    """What may be given of a remedy to one customer today, and how much of that is left; None where nothing limits."""

    limit: Money | None
    left: Money | None


def budget_of(session: Session, concern: Concern, remedy: Remedy, *, by: Actor, on: date) -> Budget:
    """What this person may still give of a remedy for this concern without asking."""
    currency = concern.store.currency
    limit = remedy.limit_of(by.role, currency)
    if limit is None:
        return Budget(None, None)
    rows = (RecoveryAction.remedy_id == remedy.id, *_on_day(on, currency))
    to_them, by_them = (_spent(session, *rows, whose) for whose in (for_same_beneficiary(concern), _by_staff(by)))
    return budget_left(limit.most, to_them, by_them, currency)


def budget_left(limit: LimitAmounts | None, to_them: int, by_them: int, currency: str) -> Budget:
    """`to_them`: what they were given of it today; `by_them`: what this person gave of it to everybody."""
    if limit is None:
        return Budget(None, None)
    left = limit.per_customer - to_them
    if limit.per_staff is not None:
        left = min(left, limit.per_staff - by_them)
    return Budget(Money(limit.per_customer, currency), Money(max(left, 0), currency))


def select_spent_on(
    on: date, currency: str, *, to: ColumnElement[bool] | None, by: Actor
) -> CompoundSelect[UUID, int, bool]:
    """By remedy, the sums of that day `to_them` (if there is anybody), and then of what this person gave.

    Apart, as each is found by an index of its own.
    """
    day = _on_day(on, currency)
    whose = [(true(), to), (false(), _by_staff(by))] if to is not None else [(false(), _by_staff(by))]
    total = func.sum(RecoveryAction.cost_amount).label("total")
    return union_all(
        *(
            select(RecoveryAction.remedy_id, total, to_them.label("to_them"))
            .where(which, *day)
            .group_by(RecoveryAction.remedy_id)
            for to_them, which in whose
        )
    )


def exceeds_budget(session: Session, concern: Concern, remedy: Remedy, cost: Money, *, by: Actor, on: date) -> bool:
    """Whether this is more than `by` may give without asking, with all that was given that business day.

    Holds whom it counts for until the end of the transaction: of two who give at once, the second one sees the first.
    """
    if cost.amount <= 0 or remedy.limit_of(by.role, cost.currency) is None:
        return False
    _lock_budget(session, concern, by=by)
    left = budget_of(session, concern, remedy, by=by, on=on).left
    return left is not None and cost.amount > left.amount


def check_refunds_within_order(session: Session, concern: Concern, remedy: Remedy, cost: Money) -> None:
    """Invalid where money back would be more than the order was worth: nobody may allow that."""
    value = concern.order_value
    if remedy.kind is not RemedyKind.REFUND or value is None or value.currency != cost.currency:
        return
    _lock(session, Store, concern.store_id)
    refunds = RecoveryAction.remedy.has(kind=RemedyKind.REFUND)
    same_currency = RecoveryAction.cost_currency == cost.currency
    given = _spent(session, refunds, same_currency, _of_the_same_order(concern))
    if given + cost.amount > value.amount:
        raise Invalid("Refunds would be more than the order was worth.", pointer="/cost")


def _lock_budget(session: Session, concern: Concern, *, by: Actor) -> None:
    """Whom the limit counts for: the customer; where they are unknown, the store of the order; and the giver."""
    if concern.customer_id is not None:
        _lock(session, Customer, concern.customer_id)
    elif concern.order_reference is not None:
        _lock(session, Store, concern.store_id)
    else:
        _lock(session, Concern, concern.id)
    if by.staff_id is not None:
        Staff.lock_staff(session, by.staff_id)


def _lock(session: Session, what: type[Aggregate], id_: UUID) -> None:
    session.flush()
    session.execute(select(what.id).where(what.id == id_).with_for_update(key_share=True))


def _spent(session: Session, *criteria: ColumnElement[bool]) -> int:
    """What stands of it: that which was reversed is nothing, together with the entry that takes it back."""
    session.flush()
    spent: ColumnElement[int] = func.coalesce(func.sum(RecoveryAction.cost_amount), 0)
    return int(session.scalars(select(spent).where(IN_EFFECT, *criteria)).one())


def _on_day(on: date, currency: str) -> Criteria:
    same_currency = RecoveryAction.cost_currency == currency
    return RecoveryAction.business_date == on, same_currency, IN_EFFECT


def _by_staff(by: Actor) -> ColumnElement[bool]:
    """What one person gave; a key is nobody."""
    return RecoveryAction.acted_by_id == by.staff_id if by.staff_id else false()


def to_customer(customer_id: UUID) -> ColumnElement[bool]:
    return RecoveryAction.concern_id.in_(select(Concern.id).where(Concern.customer_id == customer_id))


def for_same_beneficiary(concern: Concern) -> ColumnElement[bool]:
    """For the customer; where they are unknown for the order; else for the concern."""
    return to_customer(concern.customer_id) if concern.customer_id else _of_the_same_order(concern)


def _of_the_same_order(concern: Concern) -> ColumnElement[bool]:
    if concern.order_reference is None:
        return RecoveryAction.concern_id == concern.id
    same = (Concern.store_id == concern.store_id, Concern.order_reference == concern.order_reference)
    return RecoveryAction.concern_id.in_(select(Concern.id).where(*same))
