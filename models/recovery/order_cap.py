"""Cap of the refunds of one order: what its customer has paid, as a till told it, or as people typed it first."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from models.access import Actor, Permission
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.db.base import Money
from models.errors import Forbidden, Invalid
from models.organizations.store import Store
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.order import Order
from models.recovery.remedy import Remedy, RemedyKind


def of_same_order(concern: Concern) -> ColumnElement[bool]:
    """Return the criterion for actions of the same order; without a reference, for those of the concern.

    An order is told apart by the store, the business day and the folded reference: what people typed and a till told
    is one.
    """
    if concern.order_key is None:
        return RecoveryAction.concern_id == concern.id
    same_order = (
        Concern.store_id == concern.store_id,
        Concern.business_date == concern.business_date,
        Concern.order_key == concern.order_key,
    )
    return RecoveryAction.concern_id.in_(select(Concern.id).where(*same_order))


def check_refunds_within_order(session: Session, concern: Concern, remedy: Remedy, cost: Money) -> None:
    """Raise Invalid where all refunds together would be more than the order was worth: nobody may approve that.

    Locks the store until the transaction ends: of two refunds at once, the second sees the first.
    """
    if remedy.kind is not RemedyKind.REFUND or (concern.order_key is None and concern.order_value is None):
        return
    _lock_store(session, concern)
    cap = _cap_of(session, concern)
    if cap is None:
        return
    if cap.currency != cost.currency:
        raise Invalid(f"The order was valued in {cap.currency}: correct that first.", pointer="/cost/currency")
    refunds = (RecoveryAction.remedy.has(kind=RemedyKind.REFUND), RecoveryAction.cost_currency == cost.currency)
    sum_of_costs: ColumnElement[int] = func.coalesce(func.sum(RecoveryAction.cost_amount), 0)
    refunded = session.scalars(select(sum_of_costs).where(IN_EFFECT, *refunds, of_same_order(concern))).one()
    if int(refunded) + cost.amount > cap.amount:
        raise Invalid("Refunds would be more than the order was worth.", pointer="/cost")


@dataclass(frozen=True)
class OrderBefore:
    """What was known of the order of a concern before a change of it, and who has given something for it.

    `given_on_concern`: whether something was given on the concern itself, and not only on others about that order.
    """

    key: str | None
    cap: Money | None
    givers: frozenset[UUID | None]
    given_on_concern: bool

    @classmethod
    def of(cls, session: Session, concern: Concern) -> "OrderBefore":
        """Lock the store and return what is known of the order before the change."""
        _lock_store(session, concern)
        stmt = select(RecoveryAction.acted_by_id, RecoveryAction.concern_id)
        rows = session.execute(
            stmt.where(IN_EFFECT, RecoveryAction.cost_amount.is_not(None), of_same_order(concern))
        ).all()
        given_on_concern = any(row.concern_id == concern.id for row in rows)
        givers = frozenset(row.acted_by_id for row in rows)
        return cls(concern.order_key, _cap_of(session, concern), givers, given_on_concern)

    def check_not_loosened(self, session: Session, concern: Concern, *, by: Actor) -> None:
        """Raise Forbidden where a cap was raised, removed or replaced after something was given.

        Somebody who may approve, and has not given it, may do that.
        """
        if not self.givers or (by.may(Permission.RECOVERY_APPROVE) and by.staff_id not in self.givers):
            return
        session.flush()
        is_replaced = self.given_on_concern and self.key is not None and concern.order_key != self.key
        if self.key is None:
            cap = _cap_of(session, concern)
        else:
            cap = _cap_of_reference(session, concern.store_id, concern.business_date, self.key)
        if is_replaced or _is_looser(cap, than=self.cap):
            raise Forbidden(
                "Something was given for this order: somebody else who may approve has to change it.",
                pointer="/order",
            )


def _is_looser(cap: Money | None, *, than: Money | None) -> bool:
    if than is None:
        return False
    return cap is None or cap.currency != than.currency or cap.amount > than.amount


def _cap_of(session: Session, concern: Concern) -> Money | None:
    if concern.order_key is None:
        return concern.order_value
    return _cap_of_reference(session, concern.store_id, concern.business_date, concern.order_key)


def _cap_of_reference(session: Session, store_id: UUID, business_date: date, key: str) -> Money | None:
    """Return what tills told of the orders with this reference, else the first value that people typed, if any.

    Where several tills told that reference on that day, what people type means all of their orders: values add up.
    """
    same_order = (Order.store_id == store_id, Order.business_date == business_date, Order.reference_key == key)
    value = func.sum(Order.value_amount).label("amount"), func.max(Order.value_currency).label("currency")
    of_tills = select(*value).where(*same_order).subquery()
    of_people = (
        select(Concern.order_value_amount.label("amount"), Concern.order_value_currency.label("currency"))
        .where(
            Concern.store_id == store_id,
            Concern.business_date == business_date,
            Concern.order_key == key,
            Concern.order_value_amount.is_not(None),
            Concern.status != Status.VOIDED,
        )
        .order_by(Concern.received_at, Concern.id)
        .limit(1)
        .subquery()
    )
    amount, currency = (
        func.coalesce(of_tills.c[name], of_people.c[name]).label(name) for name in ("amount", "currency")
    )
    row = session.execute(select(amount, currency).select_from(of_tills.outerjoin(of_people, true()))).one()
    return None if row.amount is None else Money(int(row.amount), row.currency)


def _lock_store(session: Session, concern: Concern) -> None:
    session.flush()
    session.execute(select(Store.id).where(Store.id == concern.store_id).with_for_update(key_share=True))
