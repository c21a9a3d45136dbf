"""Cap of the refunds of one order: what its customer has paid, as a till told it, or as people typed it first."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session
from sqlalchemy.util import memoized_property

from models.access import Actor, Permission
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.db.base import Money
from models.errors import Forbidden, Invalid
from models.organizations.store import Store
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.order import Order, OrderSource
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.invitation import Invitation


def of_same_order(concern: Concern) -> ColumnElement[bool]:
    """Return the criterion for actions of the same order; without a reference, for those of the concern.

    An order is told apart by the store, the business day and the folded reference: what people typed and a till told
    is one.
    """
    return _of_order(concern, concern.order_key)


def _of_order(concern: Concern, key: str | None) -> ColumnElement[bool]:
    """Return the criterion for actions of the order that has this key where and when the concern was."""
    if key is None:
        return RecoveryAction.concern_id == concern.id
    names_it = _names_order(concern.store_id, concern.business_date, key)
    return RecoveryAction.concern_id.in_(select(Concern.id).where(names_it))


def _names_order(store_id: UUID, business_date: date, key: str) -> ColumnElement[bool]:
    """Return the criterion for concerns that name an order."""
    return and_(Concern.store_id == store_id, Concern.business_date == business_date, Concern.order_key == key)


class OrderRefunds:
    """What was refunded for the order of a concern, and its cap: read once, under the lock of the store."""

    def __init__(self, session: Session, concern: Concern) -> None:
        self._session, self._concern = session, concern

    @memoized_property
    def cap(self) -> Money | None:
        _lock_store(self._session, self._concern)
        return find_cap(self._session, self._concern)

    @memoized_property
    def so_far(self) -> int:
        """The sum of the refunds in the currency of the cap."""
        return _sum_of_refunds(self._session, self._concern, self.cap.currency) if self.cap else 0

    def check(self, remedy: Remedy, cost: Money) -> None:
        """Raise Invalid where all refunds together would be more than the order was worth: nobody may approve that."""
        cap = self._cap_for(remedy)
        if cap is not None and cap.currency != cost.currency:
            raise Invalid(f"Refunds for this order are in {cap.currency}.", pointer="/cost/currency")
        if self.passes_cap(remedy, cost):
            raise Invalid("Refunds would be more than the order was worth.", pointer="/cost")

    def passes_cap(self, remedy: Remedy, cost: Money) -> bool:
        """Return whether all refunds together would be more than the order was worth."""
        cap = self._cap_for(remedy)
        return cap is not None and cap.currency == cost.currency and self.so_far + cost.amount > cap.amount

    def _cap_for(self, remedy: Remedy) -> Money | None:
        """Return the cap, if it limits this remedy. Where no order is named, nothing is locked or read."""
        is_of_order = self._concern.order_key is not None or self._concern.order_value is not None
        return self.cap if remedy.kind is RemedyKind.REFUND and is_of_order else None

    def add(self, remedy: Remedy, cost: Money) -> None:
        """Count what is refunded now, if the sum was read."""
        if remedy.kind is RemedyKind.REFUND and "so_far" in self.__dict__:
            self.so_far += cost.amount


def _sum_of_refunds(session: Session, concern: Concern, currency: str) -> int:
    refunds = (RecoveryAction.remedy.has(kind=RemedyKind.REFUND), RecoveryAction.cost_currency == currency)
    sum_of_costs: ColumnElement[int] = func.coalesce(func.sum(RecoveryAction.cost_amount), 0)
    return int(session.scalars(select(sum_of_costs).where(IN_EFFECT, *refunds, of_same_order(concern))).one())


@dataclass(frozen=True)
class OrderBefore:
    """What was known of an order before a change of a concern, and who has given something for it.

    `key` is its folded reference; None: it is known by the concern alone. `keys` are the API keys that gave something.
    """

    key: str | None
    cap: Money | None
    givers: frozenset[UUID]
    keys: frozenset[UUID]

    @classmethod
    def of(cls, session: Session, concern: Concern, key: str | None) -> "OrderBefore":
        cap = _cap_of_concern(session, concern, key) if key else concern.order_value
        gave = select(RecoveryAction.acted_by_id, RecoveryAction.acted_by_key_id).where(
            IN_EFFECT, RecoveryAction.cost_amount.is_not(None), _of_order(concern, key)
        )
        rows = session.execute(gave.distinct()).all()
        givers = frozenset(staff_id for staff_id, _ in rows if staff_id is not None)
        return cls(key, cap, givers, frozenset(key_id for _, key_id in rows if key_id is not None))

    def is_givers_word(self, session: Session, *, by: Actor, at: datetime) -> bool:
        """Return whether `by` gave something for it, or could have acted as who did: by a code they made, or a key."""
        if by.staff_id in self.givers or by.staff_id in ApiKey.makers_of(session, *self.keys):
            return True
        return any(Invitation.was_made_by(session, giver, maker_id=by.staff_id, at=at) for giver in self.givers)

    def is_loosened(self, session: Session, concern: Concern) -> bool:
        """Return whether its cap was raised or removed after something was given."""
        if not (self.givers or self.keys) or self.cap is None:
            return False
        cap = _cap_of_concern(session, concern, self.key) if self.key else find_cap(session, concern)
        return cap is None or cap.currency != self.cap.currency or cap.amount > self.cap.amount


class OrderChange:
    """A change of the order that a concern names: the one it leaves and the one it comes to, as they were before.

    Locks the store until the transaction ends: of a refund and a change at once, the second sees the first.
    """

    def __init__(self, session: Session, concern: Concern, *, to: str | None) -> None:
        _lock_store(session, concern)
        self._leaves = OrderBefore.of(session, concern, concern.order_key)
        self._comes_to = self._leaves if to in (None, concern.order_key) else OrderBefore.of(session, concern, to)
        self._cap_before = self._comes_to.cap if to or concern.order_key is None else None
        of_concern = IN_EFFECT, RecoveryAction.concern_id == concern.id, RecoveryAction.cost_amount.is_not(None)
        self._was_given = session.scalars(select(RecoveryAction.id).where(*of_concern).limit(1)).first() is not None

    def check_not_loosened(self, session: Session, concern: Concern, *, by: Actor, at: datetime) -> None:
        """Raise Forbidden where a cap was raised, removed or replaced after something was given.

        Somebody who may approve, has not given it, and could not have acted as who did, may do that.
        """
        session.flush()
        orders = {self._leaves, self._comes_to}
        may_loosen = by.may(Permission.RECOVERY_APPROVE)
        is_replaced = self._was_given and self._leaves.key is not None and concern.order_key != self._leaves.key
        for order in orders:
            is_changed = (is_replaced and order is self._leaves) or order.is_loosened(session, concern)
            if is_changed and (not may_loosen or order.is_givers_word(session, by=by, at=at)):
                raise Forbidden(
                    "Something was given for this order: somebody else who may approve has to change it.",
                    pointer="/order",
                )

    def check_refunds(self, session: Session, concern: Concern) -> None:
        """Raise Invalid for refunds beyond the cap, where they came to this order now or its cap was lowered now."""
        cap = find_cap(session, concern)
        is_new = self._was_given and concern.order_key != self._leaves.key
        if cap is None or (cap == self._cap_before and not is_new):
            return
        if _sum_of_refunds(session, concern, cap.currency) > cap.amount:
            raise Invalid("Refunds for this order were more than it is worth.", pointer="/order")


def find_cap(session: Session, concern: Concern) -> Money | None:
    """Return the most that can be refunded for the order of a concern. None: nobody has said what it is worth."""
    if concern.order_key is None:
        return concern.order_value
    return _cap_of_concern(session, concern, concern.order_key)


def _cap_of_concern(session: Session, concern: Concern, key: str) -> Money | None:
    return _cap_of_reference(session, concern.store_id, concern.business_date, key)


def tell_value(session: Session, order: Order, value: Money, *, by_key_id: UUID | None) -> None:
    """Set what an order is worth. A key that gave something for the order lowers its cap by that, and never raises it.

    The store is locked: see `tell_order`.
    """
    place = (order.store_id, order.business_date, order.reference_key)
    gifts = select(RecoveryAction.id).where(
        IN_EFFECT, RecoveryAction.cost_amount.is_not(None), RecoveryAction.acted_by_key_id == by_key_id
    )
    of_order = gifts.where(RecoveryAction.concern_id.in_(select(Concern.id).where(_names_order(*place)))).limit(1)
    cap = _cap_of_reference(session, *place) if session.scalars(of_order).first() is not None else None
    order.value, order.cap_amount = value, None
    if cap is not None:
        session.flush()
        raised = _cap_of_reference(session, *place)
        if raised is not None and raised.amount > cap.amount:
            order.cap_amount = value.amount - (raised.amount - cap.amount)


def _cap_of_reference(session: Session, store_id: UUID, business_date: date, key: str) -> Money | None:
    """Return what tills told of the orders with this reference, else the first value that people typed, if any.

    Where the tills of several keys told that reference, what people type means all of their orders: values add up. Of
    the sources of one key the largest counts.
    """
    same_order = (Order.store_id == store_id, Order.business_date == business_date, Order.reference_key == key)
    of_key = (
        select(
            func.max(func.coalesce(Order.cap_amount, Order.value_amount)).label("amount"),
            func.max(Order.value_currency).label("currency"),
        )
        .join(Order.source)
        .where(*same_order)
        .group_by(OrderSource.api_key_id)
        .subquery()
    )
    total = func.sum(of_key.c.amount).label("amount"), func.max(of_key.c.currency).label("currency")
    of_tills = select(*total).subquery()
    of_people = (
        select(Concern.order_value_amount.label("amount"), Concern.order_value_currency.label("currency"))
        .where(
            _names_order(store_id, business_date, key),
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
