"""The trust budget: what somebody may give without asking, and how much of it is left on a business day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, case, false, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.base import Aggregate, Money
from models.concern import Concern
from models.customer import Customer
from models.errors import Invalid
from models.recovery import RecoveryAction
from models.remedy import Remedy, RemedyKind
from models.staff import Staff
from models.store import Store

Criteria = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class Trust:
    """What may be given of a remedy to one customer today, and how much of that is left; None where nothing limits."""

    limit: Money | None
    left: Money | None


def trust_of(session: Session, concern: Concern, remedy: Remedy, *, by: Actor, on: date) -> Trust:
    """What this person may still give of a remedy for this concern without asking."""
    store = concern.store
    if remedy.limit_of(by.role, store.currency) is None:
        return Trust(None, None)
    rows = _that_day(remedy, store.currency, on)
    by_them = _given(session, *rows, _by(by.staff_id)) if by.staff_id else 0
    return _left(remedy, store, (_given(session, *rows, _for_the_same(concern)), by_them), by=by)


def offers(
    session: Session, store: Store, remedies: Sequence[Remedy], *, customer_id: UUID | None, by: Actor, on: date
) -> dict[UUID, Trust]:
    """What this person may still give of each remedy to a customer (or to somebody unknown), in one look-up."""
    columns = RecoveryAction.__table__.c
    of_customer = select(Concern.id).where(Concern.customer_id == customer_id)
    to_them = RecoveryAction.concern_id.in_(of_customer) if customer_id else false()
    theirs = _by(by.staff_id) if by.staff_id else false()
    given = session.execute(
        select(
            columns.remedy_id,
            func.sum(case((to_them, columns.cost_amount), else_=0)).label("to_them"),
            func.sum(case((theirs, columns.cost_amount), else_=0)).label("by_them"),
        )
        .where(columns.business_date == on, columns.cost_currency == store.currency, to_them | theirs)
        .group_by(columns.remedy_id)
    )
    used = {row.remedy_id: (int(row.to_them), int(row.by_them)) for row in given}
    return {remedy.id: _left(remedy, store, used.get(remedy.id, (0, 0)), by=by) for remedy in remedies}


def _left(remedy: Remedy, store: Store, used: tuple[int, int], *, by: Actor) -> Trust:
    """`used`: what they were given of it today, and what this person gave of it to everybody."""
    limit = remedy.limit_of(by.role, store.currency)
    if limit is None:
        return Trust(None, None)
    left = limit.most_per_customer - used[0]
    if limit.most_per_staff is not None:
        left = min(left, limit.most_per_staff - used[1])
    return Trust(limit.per_customer, Money(max(left, 0), store.currency))


def is_beyond(session: Session, concern: Concern, remedy: Remedy, cost: Money, *, by: Actor, on: date) -> bool:
    """Whether this is more than `by` may give without asking, with all that was given that business day.

    Holds whom it counts for until the end of the transaction: of two who give at once, the second one sees the first.
    """
    if cost.amount <= 0 or remedy.limit_of(by.role, cost.currency) is None:
        return False
    _hold_budget(session, concern, by=by)
    left = trust_of(session, concern, remedy, by=by, on=on).left
    return left is not None and cost.amount > left.amount


def refuse_above_order(session: Session, concern: Concern, remedy: Remedy, cost: Money) -> None:
    """Invalid where money back would be more than the order was worth: nobody may allow that."""
    value = concern.order_value
    if remedy.kind is not RemedyKind.REFUND or value is None or value.currency != cost.currency:
        return
    _hold(session, Store, concern.store_id)
    refunds = RecoveryAction.remedy.has(kind=RemedyKind.REFUND)
    same_currency = RecoveryAction.__table__.c.cost_currency == cost.currency
    given = _given(session, refunds, same_currency, _of_the_same_order(concern))
    if given + cost.amount > value.amount:
        raise Invalid("Refunds would be more than the order was worth.", pointer="/cost")


def _hold_budget(session: Session, concern: Concern, *, by: Actor) -> None:
    """Whom the limit counts for: the customer; where they are unknown, the store of the order; and the giver."""
    if concern.customer_id is not None:
        _hold(session, Customer, concern.customer_id)
    elif concern.order_reference is not None:
        _hold(session, Store, concern.store_id)
    else:
        _hold(session, Concern, concern.id)
    if by.staff_id is not None:
        Staff.one_at_a_time(session, by.staff_id)


def _hold(session: Session, what: type[Aggregate], id_: UUID) -> None:
    session.flush()
    session.execute(select(what.id).where(what.id == id_).with_for_update(key_share=True))


def _given(session: Session, *criteria: ColumnElement[bool]) -> int:
    """Reversed ones count with their reversing entries: together they are nothing."""
    session.flush()
    cost = RecoveryAction.__table__.c.cost_amount
    return int(session.scalars(select(func.coalesce(func.sum(cost), 0)).where(*criteria)).one())


def _that_day(remedy: Remedy, currency: str, on: date) -> Criteria:
    columns = RecoveryAction.__table__.c
    return columns.remedy_id == remedy.id, columns.business_date == on, columns.cost_currency == currency


def _by(staff_id: UUID) -> ColumnElement[bool]:
    """What one person gave, and what anybody took back of it."""
    theirs = select(RecoveryAction.id).where(
        RecoveryAction.acted_by_id == staff_id, RecoveryAction.reverses_id.is_(None)
    )
    return RecoveryAction.id.in_(theirs) | RecoveryAction.reverses_id.in_(theirs)


def _for_the_same(concern: Concern) -> ColumnElement[bool]:
    """For the customer; where they are unknown for the order; else for the concern."""
    if concern.customer_id is not None:
        same = select(Concern.id).where(Concern.customer_id == concern.customer_id)
        return RecoveryAction.concern_id.in_(same)
    return _of_the_same_order(concern)


def _of_the_same_order(concern: Concern) -> ColumnElement[bool]:
    if concern.order_reference is None:
        return RecoveryAction.concern_id == concern.id
    same = (Concern.store_id == concern.store_id, Concern.order_reference == concern.order_reference)
    return RecoveryAction.concern_id.in_(select(Concern.id).where(*same))
