"""Spending budget: what somebody may give without approval, and how much of it is left on a business day."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    String,
    Uuid,
    and_,
    case,
    cast,
    false,
    func,
    inspect,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.util import memoized_property

from models.access import Actor, Role
from models.concerns.concern import Concern
from models.customers.customer import Customer
from models.db.base import Money
from models.organizations.store import Store
from models.organizations.store_limits import StoreLimits
from models.policy_defaults import REPEATED_GIVING_DAYS, REPEATED_GIVING_WINDOW
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.approvers import Approvers
from models.recovery.order_cap import OrderRefunds, of_same_order
from models.recovery.remedy import LimitAmounts, Remedy, RemedyLimit, limit_role
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.key_budget import KeyBudget
from models.staff.staff import Staff, StaffStore


class Allowance(StrEnum):
    """What the limits say of an action."""

    WITHIN = "within"
    BEYOND = "beyond"  # the limit of a role, a person or the store: its setting says whether it asks first
    ASKS_FIRST = "asks_first"  # whatever the setting of the store


@dataclass(frozen=True)
class Budget:
    """The limit of a remedy for one customer today, and what is left of it. None for what costs nothing."""

    limit: Money | None
    left: Money | None


@dataclass
class Given:
    """What was given and counts against limits, in minor units of one currency.

    Of today, by remedy: `to_customer` and `by_giver`; `in_store` is all of the store's day, `by_key_for_order` what an
    API key that gives has given for the order, on any day. `customer_days` are the
    business dates within REPEATED_GIVING_WINDOW on which the customer, where they are known, was given something, and
    `to_customer_lately` is how much that was; None where they are unknown. `largest` are the largest limits that a role
    has among the remedies: all remedies together give no more.
    """

    to_customer: Counter[UUID] = field(default_factory=Counter)
    by_giver: Counter[UUID] = field(default_factory=Counter)
    in_store: int = 0
    by_key_for_order: int = 0
    customer_days: set[date] | None = None
    to_customer_lately: int = 0
    largest: dict[Role, LimitAmounts] = field(default_factory=dict)

    def add(self, remedy_id: UUID, cost: Money, *, on: date) -> None:
        """Count what is given now."""
        self.to_customer[remedy_id] += cost.amount
        self.by_giver[remedy_id] += cost.amount
        self.in_store += cost.amount
        self.by_key_for_order += cost.amount
        if self.customer_days is not None:
            self.customer_days.add(on)
            self.to_customer_lately += cost.amount

    def count_row(self, row: Any, amount: int, *, on: date) -> None:
        """Count a row of `read_given`."""
        match row.scope:
            case "largest":
                self.largest[Role(row.role)] = LimitAmounts(amount, row.per_staff)
            case "giver":
                self.by_giver[row.remedy_id] += amount
            case "store":
                self.in_store += amount
            case "order":
                self.by_key_for_order += amount
            case "customer":
                if row.day == on:
                    self.to_customer[row.remedy_id] += amount
                if self.customer_days is not None:
                    self.customer_days.add(row.day)
                    self.to_customer_lately += amount

    def left_to_customer(self, remedy_id: UUID, limit: LimitAmounts, *, role: Role | None) -> int:
        """Return how much of a remedy a role may still give to the customer today. Less than nothing: too much was."""
        most = max(limit.per_customer, self.largest.get(limit_role(role), limit).per_customer)
        return min(limit.per_customer - self.to_customer[remedy_id], most - self.to_customer.total())

    def left_of_giver(self, remedy_id: UUID, limit: LimitAmounts, *, role: Role | None) -> int | None:
        """Return how much of a remedy the giver may still give to all customers today. None: without end."""
        if limit.per_staff is None:
            return None
        left, largest = limit.per_staff - self.by_giver[remedy_id], self.largest.get(limit_role(role), limit).per_staff
        if largest is None:
            return left
        return min(left, max(limit.per_staff, largest) - self.by_giver.total())

    def repeats(self, on: date) -> bool:
        """Whether something given on this day is the third day, or a later one, for this customer."""
        return self.customer_days is not None and len(self.customer_days | {on}) >= REPEATED_GIVING_DAYS


class Spending:
    """What counts against the limits of one giver for one concern on one day.

    It is read once, under a lock that lasts until the transaction ends: of two actions at once, the second sees the
    first. What cost nothing reads nothing.
    """

    def __init__(self, session: Session, concern: Concern, *, by: Actor, on: date, currency: str | None = None) -> None:
        self._session, self._concern, self._by, self.on = session, concern, by, on
        self.currency = currency or concern.store.currency_on(on)
        self._others: dict[str, Spending] = {}
        self.refunds = OrderRefunds(session, concern)
        self.approvers: dict[Any, Approvers] = {}  # by the managers who may not; who may is the same until the end

    def in_currency(self, currency: str) -> "Spending":
        """Return what counts in a currency: another one is that of an order of before the store changed its own."""
        if currency == self.currency:
            return self
        if currency not in self._others:
            self._others[currency] = Spending(self._session, self._concern, by=self._by, on=self.on, currency=currency)
        return self._others[currency]

    @memoized_property
    def given(self) -> Given:
        """What was given so far. What is given in this transaction is added to it."""
        lock_limits(self._session, self._concern, by=self._by)
        concern, to = self._concern, for_same_beneficiary(self._concern)
        known, order = concern.customer_id is not None, of_same_order(concern)
        return read_given(
            self._session, concern.store, self.currency, to=to, known=known, order=order, by=self._by, on=self.on
        )

    def allowance_of(self, remedy: Remedy, cost: Money) -> Allowance:
        """Return whether this may be given without approval, with all that was given before."""
        if cost.amount <= 0:
            return Allowance.WITHIN
        given, limit = self.given, remedy.limit_of(self._by.role, self.currency)
        store_limits = self.store_limits
        if store_limits is None or limit is None or cost.amount > store_limits.most_per_action:
            return Allowance.ASKS_FIRST
        if given.repeats(self.on):
            return Allowance.ASKS_FIRST
        most = limit.most
        if self._by.api_key_id is not None:
            budget = self._key_budget(self._by.api_key_id)
            if budget is None or given.by_key_for_order + cost.amount > budget.most_per_order:
                return Allowance.ASKS_FIRST
            if given.by_giver.total() + cost.amount > budget.most_per_day:
                return Allowance.ASKS_FIRST
            most = most._replace(per_staff=None)  # a key is no person: its budget counts instead
        left = amount_left(most, store_limits, given, remedy.id, role=self._by.role)
        return Allowance.WITHIN if cost.amount <= left else Allowance.BEYOND

    def _key_budget(self, key_id: UUID) -> KeyBudget | None:
        key = self._session.scalars(select(ApiKey).where(ApiKey.id == key_id)).one()
        return next((budget for budget in key.budgets if budget.currency == self.currency), None)

    @property
    def store_limits(self) -> StoreLimits | None:
        return self._concern.store.limits_in(self.currency)

    def managers_but(self, remedy: Remedy, cost: Money) -> Collection[UUID] | None:
        """Return the managers of the store who may not approve this. None: no manager may."""
        return managers_but(self._session, self._concern.store, self.given, remedy, cost, on=self.on)

    def may_approve(self, remedy: Remedy, cost: Money) -> bool:
        """Return whether the giver may let somebody else give this. A manager may as far as their own limit goes.

        Regional managers and administrators approve whatever somebody else asks for.
        """
        if self._by.role is not Role.MANAGER:
            return True
        within = within_manager_limit(self._concern.store, self.given, remedy, cost)
        return within and _is_within_managers_day(self.given, remedy, cost)

    def left_to_act_first(self) -> int:
        """Return for how much the store may still act first today, by its setting or after hours, in minor units."""
        if self.store_limits is None:
            return 0
        acted_first = select(func.coalesce(func.sum(RecoveryAction.cost_amount), 0)).where(
            RecoveryAction.store_id == self._concern.store_id,
            RecoveryAction.business_date == self.on,
            RecoveryAction.cost_currency == self.currency,
            IN_EFFECT,
            RecoveryAction.acted_first,
        )
        self._session.flush()
        used = int(self._session.scalars(acted_first).one() or 0)
        return max(self.store_limits.most_after_hours - used, 0)

    def passes_day_limit(self, cost: Money) -> bool:
        """Return whether this cost takes the day of the store over its limit."""
        limits = self.store_limits
        if limits is None or limits.most_per_day is None or cost.amount <= 0:
            return False
        return self.given.in_store <= limits.most_per_day < self.given.in_store + cost.amount


def within_manager_limit(store: Store, given: Given, remedy: Remedy, cost: Money) -> bool:
    """Return whether a manager could approve this, as far as the customer's limit goes.

    Where they have no limit, the ceiling of the store is as far as they go.
    """
    limit, store_limits = remedy.limit_of(Role.MANAGER, cost.currency), store.limits_in(cost.currency)
    if limit is None:
        return store_limits is not None and cost.amount <= store_limits.most_per_action
    return cost.amount <= given.left_to_customer(remedy.id, limit.most, role=Role.MANAGER)


def _is_within_managers_day(given: Given, remedy: Remedy, cost: Money) -> bool:
    """Return whether a manager who has given this today could give it, as far as the limit of their day goes."""
    limit = remedy.limit_of(Role.MANAGER, cost.currency)
    left = None if limit is None else given.left_of_giver(remedy.id, limit.most, role=Role.MANAGER)
    return left is None or cost.amount <= left


def managers_but(
    session: Session, store: Store, given: Given, remedy: Remedy, cost: Money, *, on: date
) -> Collection[UUID] | None:
    """Return the managers of a store who may not approve this, for they gave too much today. None: no manager may."""
    gave_nothing = Given(largest=given.largest)
    if not within_manager_limit(store, given, remedy, cost) or not _is_within_managers_day(gave_nothing, remedy, cost):
        return None
    limit = remedy.limit_of(Role.MANAGER, cost.currency)
    if limit is None or limit.most.per_staff is None:
        return ()
    columns = (RecoveryAction.acted_by_id, RecoveryAction.remedy_id, func.sum(RecoveryAction.cost_amount))
    of_store = select(StaffStore.staff_id).where(StaffStore.store_id == store.id)
    today = (RecoveryAction.business_date == on, RecoveryAction.cost_currency == cost.currency)
    by_staff = select(*columns).where(IN_EFFECT, *today, RecoveryAction.acted_by_id.in_(of_store))
    gave: dict[UUID | None, Given] = defaultdict(lambda: Given(largest=given.largest))
    for staff_id, remedy_id, amount in session.execute(by_staff.group_by(*columns[:2])):
        gave[staff_id].by_giver[remedy_id] += int(amount or 0)
    return [id_ for id_, own in gave.items() if id_ is not None and not _is_within_managers_day(own, remedy, cost)]


def budget_left(
    limit: LimitAmounts | None,
    store_limits: StoreLimits | None,
    given: Given,
    remedy_id: UUID,
    *,
    role: Role | None,
    on: date,
) -> Budget:
    """Return what is left of a remedy that costs something; the currency is that of the store's limits, if any."""
    if limit is None or store_limits is None:
        return Budget(None, None)
    left = 0 if given.repeats(on) else max(amount_left(limit, store_limits, given, remedy_id, role=role), 0)
    currency = store_limits.currency
    return Budget(Money(limit.per_customer, currency), Money(left, currency))


def amount_left(
    limit: LimitAmounts, store_limits: StoreLimits, given: Given, remedy_id: UUID, *, role: Role | None
) -> int:
    """Return how much of a remedy may be given without approval, in minor units. Less than nothing: too much was."""
    left = min(given.left_to_customer(remedy_id, limit, role=role), store_limits.most_per_action)
    if (of_giver := given.left_of_giver(remedy_id, limit, role=role)) is not None:
        left = min(left, of_giver)
    if store_limits.most_per_day is not None:
        left = min(left, store_limits.most_per_day - given.in_store)
    return left


def read_given(
    session: Session,
    store: Store,
    currency: str,
    *,
    to: ColumnElement[bool] | None,
    known: bool,
    order: ColumnElement[bool] | None = None,
    by: Actor,
    on: date,
) -> Given:
    """Return what was given and counts against limits, in one statement.

    `to` selects what counts for the customer, who is `known` or not, `order` what counts for the order. Each part is a
    select of its own in a UNION ALL, because each uses an index of its own.
    """
    counted = Given(customer_days=set() if known else None)
    today, in_store = RecoveryAction.business_date == on, RecoveryAction.store_id == store.id
    parts = [largest_limits(currency), _sums("giver", today, _by_giver(by)), _sums("store", today, in_store)]
    if to is not None:
        lately = RecoveryAction.business_date.between(on - REPEATED_GIVING_WINDOW, on)
        parts.append(_sums("customer", lately if known else today, to))
    if order is not None and by.api_key_id is not None:
        parts.append(_sums("order", order, _by_giver(by)))
    for row in session.execute(union_all(*parts)):
        counted.count_row(row, int(row.total) if row.currency == currency else 0, on=on)
    return counted


def lock_limits(session: Session, concern: Concern, *, by: Actor) -> None:
    """Lock what limits count for, in this order: the customer, the store, the giver. One statement does it."""
    if not inspect(concern).pending:  # of a new concern there is nothing yet that could count
        session.flush()
    stmt = select(Store.id).where(Store.id == concern.store_id)
    if concern.customer_id is not None:
        stmt = select(Customer.id).join(Store, Store.organization_id == Customer.organization_id)
        stmt = stmt.where(Customer.id == concern.customer_id, Store.id == concern.store_id)
    if by.api_key_id is not None:
        of_key = (ApiKey.organization_id == Store.organization_id, ApiKey.id == by.api_key_id)
        stmt = stmt.join(ApiKey, and_(*of_key))
    if by.staff_id is not None:
        stmt = stmt.join(Staff, Staff.organization_id == Store.organization_id).where(Staff.id == by.staff_id)
    session.execute(stmt.with_for_update(key_share=True))


def _sums(scope: str, *criteria: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Return the sums of what is in effect. A reversed action and its reversing entry both count as nothing."""
    keys = (RecoveryAction.remedy_id, RecoveryAction.business_date, RecoveryAction.cost_currency)
    total = func.sum(RecoveryAction.cost_amount)
    stmt = select(literal(scope), *keys, total, cast(null(), String), cast(null(), BigInteger))
    return stmt.where(IN_EFFECT, RecoveryAction.cost_amount > 0, *criteria).group_by(*keys)


def largest_limits(currency: str) -> Select[*tuple[Any, ...]]:
    """Return the largest limits of each role among the remedies that are offered, in the form of `_sums`.

    Without an end for all customers together where one of the remedies has none.
    """
    per_staff, endless = func.max(RemedyLimit.most_per_staff), func.count() > func.count(RemedyLimit.most_per_staff)
    columns = (
        literal("largest").label("scope"),
        cast(null(), Uuid()).label("remedy_id"),
        cast(null(), Date()).label("day"),
        RemedyLimit.currency.label("currency"),
        func.max(RemedyLimit.most_per_customer).label("total"),
        cast(RemedyLimit.role, String).label("role"),
        case((endless, null()), else_=per_staff).label("per_staff"),
    )
    stmt = select(*columns).join(Remedy, Remedy.id == RemedyLimit.remedy_id)
    stmt = stmt.where(Remedy.retired_at.is_(None), RemedyLimit.currency == currency)
    return stmt.group_by(RemedyLimit.role, RemedyLimit.currency)


def _by_giver(by: Actor) -> ColumnElement[bool]:
    """Return the criterion for what one person or API key gave; for nobody it matches nothing."""
    if by.api_key_id is not None:
        return RecoveryAction.acted_by_key_id == by.api_key_id
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
