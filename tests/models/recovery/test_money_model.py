"""Money under random sequences of events: no limit, no order and no payment says what did not happen.

What is refused and what is pending is the application's to decide: the model recounts from the rows that nothing was
given which may not be, and from a ledger of its own whom it was given to and who said that it was paid.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.access import GRANTS, KEY_GRANTS, Actor, Permission, Role
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import DomainError
from models.operations.log_concern import log_concern, update_concern
from models.operations.merge_customers import CustomerMerge
from models.operations.tell_order import tell_order
from models.operations.void_concern import void_concern
from models.organizations.store import Store
from models.recovery.action import SETTLEMENT_MOVES, UNPAID, ActionStatus, RecoveryAction, Settlement
from models.recovery.approvals import approve, decline, record_action
from models.recovery.order import Order
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials.api_key import ApiKey
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_sqlite
from tests.support.factories.organizations import Shop, make_store
from tests.support.oracle.money_ledger import MoneyLedger
from tests.support.profiles import by_profile, longer

T = TypeVar("T")
CURRENCIES = {"first": "EUR", "second": "USD", "third": "GBP"}
PER_CUSTOMER = {Role.FLOOR: 10, Role.MANAGER: 30, Role.REGIONAL: 30}
PER_STAFF = {Role.FLOOR: 25, Role.MANAGER: 60, Role.REGIONAL: 60}
PEOPLE = {"floor": Role.FLOOR, "colleague": Role.FLOOR, "manager": Role.MANAGER, "regional": Role.REGIONAL}
MAX_CONCERNS, MAX_PROFILES = 12, 4

who = st.sampled_from(["floor", "floor", "colleague", "manager", "regional", "key", "key"])
which = st.integers(0, 59)
profiles = st.sampled_from([None, None, 0, 0, 0, 1, 2, 3])
amounts = st.sampled_from([1, 6, 9, 10, 10, 11, 25, 31])
references = st.sampled_from(["12", " 12", "a-7", "A-7"])
values = st.sampled_from([None, 5, 12, 40])
currencies = st.sampled_from(["own", "own", "own", "USD", "EUR"])


class Scene(NamedTuple):
    """What all runs begin with: each rolls back what it has done."""

    app: App
    shop: Shop
    stores: dict[str, UUID]
    profiles: list[UUID]
    key_id: UUID


class OrderKey(NamedTuple):
    """What an order is told apart by; of a concern without a reference, its id stands for it."""

    store_id: UUID
    business_date: date
    reference: str


@pytest.fixture
def scene(app: App, shop: Shop) -> Scene:
    with app.back_office.writing(shop.organization_id) as session:
        session.add(make_store("third", shop.region_id))
        session.flush()
        stores = {store.slug: store for store in session.scalars(select(Store))}
        for slug, currency in CURRENCIES.items():
            stores[slug].currency = currency
        limits = [
            {"role": role, "per_customer": Money(most, currency), "per_staff": Money(PER_STAFF[role], currency)}
            for role, most in PER_CUSTOMER.items()
            for currency in CURRENCIES.values()
        ]
        Remedy.by_slug(session, "voucher").edit(session, at=NOON, limits=limits)
        Remedy.create(session, slug="refund", name="Money back", kind=RemedyKind.REFUND, at=NOON, limits=limits)
        by = actor_of(shop, "manager", None)
        profiles = [
            Customer.create(session, id_=uuid7(), by=by, at=NOON, country="PT", store_id=shop.store_id, name=name)
            for name in ("Ana", "Rui", "Eva", "Gil")
        ]
        key_id = session.scalars(select(ApiKey.id).where(ApiKey.name == "key")).one()
    return Scene(
        app, shop, {slug: store.id for slug, store in stores.items()}, [profile.id for profile in profiles], key_id
    )


def actor_of(shop: Shop, login: str, key_id: UUID | None) -> Actor:
    if login == "key":
        return Actor(shop.organization_id, frozenset().union(*KEY_GRANTS.values()), None, api_key_id=key_id)
    role = PEOPLE[login]
    return Actor(shop.organization_id, GRANTS[role], None, staff_id=shop.staff[login], role=role)


class MoneyMachine(RuleBasedStateMachine):
    """People, tills and the clock, in one transaction that is rolled back at the end."""

    scene: Scene

    def __init__(self) -> None:
        super().__init__()
        self.at: datetime = NOON
        self.ledger = MoneyLedger()
        self.merges: dict[UUID, tuple[UUID, UUID]] = {}
        self.witnesses: dict[UUID, str] = {}
        self.paid_late: set[UUID] = set()
        self.is_checked = True
        self.session: ScopedSession = self.scene.app.database._writers(
            state=self.scene.app.database._state(self.scene.shop.organization_id)
        )
        self.session.begin()

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    # ------------------------------------------------------------------------------------------------ what they do

    @precondition(lambda self: len(self.ledger.whose) < MAX_CONCERNS)
    @rule(
        by=who,
        store=st.sampled_from(["first", "first", "first", "first", "second", "third"]),
        days=st.sampled_from([0, 0, 1]),
        profile=profiles,
        reference=st.none() | references,
        value=values,
        currency=currencies,
    )
    def log(
        self, by: str, store: str, days: int, profile: int | None, reference: str | None, value: Any, currency: str
    ) -> None:
        data: dict[str, Any] = {"mood": 3, "store_id": self.scene.stores[store]}
        data["occurred_at"] = self.at - timedelta(days=days)
        named = None if profile is None else self.ledger.survivor(self.scene.profiles[profile])
        data |= {"customer_id": named} if named else {}
        if reference is not None:
            money = {"amount": value, "currency": CURRENCIES[store] if currency == "own" else currency}
            data["order"] = {"reference": reference} | ({"value": money} if value else {})
        (event, *_) = log_concern(self.session, data, by=self.actor(by), at=self.at)
        self.session.flush()
        self.ledger.whose[event.concern.id] = named
        assert event.concern.customer_id == named

    @precondition(lambda self: self.ledger.whose)
    @rule(by=who, concern=which, remedy=st.sampled_from(["voucher", "refund"]), amount=amounts)
    def give(self, by: str, concern: int, remedy: str, amount: int) -> None:
        subject = self.concern(concern)
        cost = Money(amount, subject.store.currency)
        recorded = self.attempt(
            lambda: record_action(
                self.session,
                subject,
                by=self.actor(by),
                remedy=Remedy.by_slug(self.session, remedy),
                at=self.at,
                cost=cost,
            )
        )
        if recorded is None:
            return
        action, _ = recorded
        self.ledger.give(subject.id, action.id)
        if action.status is ActionStatus.DONE:
            self.check_limit(action, PEOPLE.get(by, Role.FLOOR))
            self.check_cap(action)

    @precondition(lambda self: self.ledger.whose)
    @rule(by=who, concern=which, amount=amounts)
    def refund(self, by: str, concern: int, amount: int) -> None:
        self.give(by, concern, "refund", amount)

    @precondition(lambda self: self.ledger.given_to)
    @rule(by=st.sampled_from(["manager", "regional"]), action=which)
    def approve(self, by: str, action: int) -> None:
        if not (subject := self.action(action, is_pending)):
            return
        if self.attempt(lambda: approve(self.session, subject, by=self.actor(by), at=self.at)):
            assert subject.acted_by_id != self.actor(by).staff_id
            self.check_cap(subject)

    @precondition(lambda self: self.ledger.given_to)
    @rule(action=which)
    def decline(self, action: int) -> None:
        if subject := self.action(action, is_pending):
            self.attempt(lambda: decline(self.session, subject, by=self.actor("regional"), at=self.at, note="No."))

    @precondition(lambda self: self.ledger.given_to)
    @rule(by=who, action=which)
    def reverse(self, by: str, action: int) -> None:
        if not (subject := self.action(action, is_in_effect)):
            return
        may_have_left = subject.settlement in {Settlement.REQUESTED, Settlement.SETTLED}
        reversed_ = self.attempt(lambda: subject.reverse(self.session, by=self.actor(by), at=self.at))
        if reversed_ is not None:
            entry, _ = reversed_
            self.ledger.given_to[entry.id] = self.ledger.given_to[subject.id]
            assert (entry.settlement is Settlement.REQUESTED) == may_have_left

    @precondition(lambda self: self.ledger.given_to)
    @rule(by=who, action=which, to=st.sampled_from(list(SETTLEMENT_MOVES)), reference=st.none() | st.integers(1, 9))
    def settle(self, by: str, action: int, to: Settlement, reference: int | None) -> None:
        if not (subject := self.action(action, is_owed)):
            return
        actor, number = self.actor(by), None if reference is None else f"R-{reference}"
        givers = {subject.acted_by_id, subject.reverses.acted_by_id if subject.reverses else None}
        keys = {subject.acted_by_key_id, subject.reverses.acted_by_key_id if subject.reverses else None}
        was_taken_back = subject.status is ActionStatus.REVERSED
        settled = self.attempt(lambda: subject.settle(self.session, to=to, reference=number, by=actor, at=self.at))
        if settled is not None and was_taken_back:
            assert (to, subject.status) == (Settlement.SETTLED, ActionStatus.DONE)
            self.paid_late.add(subject.id)
        if settled is not None and to is not Settlement.REQUESTED:
            assert by == "key" or (actor.may(Permission.RECOVERY_APPROVE) and actor.staff_id not in givers)
            assert by != "key" or not subject.reverses or to is Settlement.FAILED or self.scene.key_id not in keys
            self.witnesses[subject.id] = by

    @precondition(lambda self: self.ledger.whose)
    @rule(by=who, concern=which, profile=profiles)
    def name_customer(self, by: str, concern: int, profile: int | None) -> None:
        subject = self.concern(concern)
        named = None if profile is None else self.scene.profiles[profile]
        if named is not None and self.ledger.is_survivor(named):
            return  # by an undoing, who was named meanwhile becomes whoever the concern named before
        actions = [row for row in self.rows() if row.concern_id == subject.id]
        change = {"customer_id": named}
        if self.attempt(lambda: update_concern(self.session, subject, change, by=self.actor(by), at=self.at)):
            pending = [row.id for row in actions if is_pending(row)]
            self.ledger.name(subject.id, named, [row.id for row in actions], pending)

    @precondition(lambda self: self.ledger.whose)
    @rule(by=who, concern=which, reference=st.none() | references, value=values, currency=currencies)
    def correct_order(self, by: str, concern: int, reference: str | None, value: Any, currency: str) -> None:
        subject, actor = self.concern(concern), self.actor(by)
        before = self.order_key(subject)
        cap, given = self.cap(before), self.in_effect(before)
        currency = subject.store.currency if currency == "own" else currency
        money = Money(value, currency) if value and reference else None
        change = {"order": {"reference": reference, "value": money} if reference else None}
        if not self.attempt(lambda: update_concern(self.session, subject, change, by=actor, at=self.at)):
            return
        assert money is None or money.currency == subject.store.currency
        may_loosen = actor.may(Permission.RECOVERY_APPROVE) and actor.staff_id not in {row.acted_by_id for row in given}
        if given and cap is not None and not may_loosen:
            now = self.cap(before if before.reference != str(subject.id) else self.order_key(subject))
            assert now is not None
            assert now <= cap
            assert {row.id for row in given} <= {row.id for row in self.in_effect(self.order_key(subject))} or not any(
                row.concern_id == subject.id for row in given
            )

    @rule(store=st.sampled_from(["first", "second"]), source=st.sampled_from(["till", "bar"]), value=values)
    def till_tells(self, store: str, source: str, value: int | None) -> None:
        data: dict[str, Any] = {"store_id": self.scene.stores[store], "opened": self.at}
        data |= {"value": Money(value, CURRENCIES[store])} if value else {}
        tell_order(self.session, source, "12", data, by=self.actor("key"), at=self.at)
        self.session.flush()

    @precondition(lambda self: len(self.ledger.whose) == MAX_CONCERNS)
    @rule(by=st.sampled_from(["floor", "manager", "regional"]), concern=which)
    def void(self, by: str, concern: int) -> None:
        subject = self.concern(concern)
        key, cap = self.order_key(subject), self.cap(self.order_key(subject))
        if self.attempt(lambda: void_concern(self.session, subject, reason="twice", by=self.actor(by), at=self.at)):
            assert not any(row.concern_id == subject.id for row in self.in_effect(key))
            if by == "floor" and cap is not None and self.in_effect(key):
                assert (self.cap(key) or cap + 1) <= cap

    @rule(survivor=st.integers(0, MAX_PROFILES - 1), merged=st.integers(0, MAX_PROFILES - 1))
    def merge(self, survivor: int, merged: int) -> None:
        ids = self.scene.profiles[survivor], self.scene.profiles[merged]
        if survivor == merged or any(profile in self.ledger.merged_into for profile in ids):
            return
        self.session.flush()
        merge = CustomerMerge.plan_locked(self.session, *ids)
        merge.carry_out(self.session, id_=uuid7(), by=self.actor("manager"), at=self.at)
        self.session.flush()
        self.merges[merge.id] = ids
        self.is_checked = False
        self.ledger.merged_into[ids[1]] = ids[0]
        self.at += timedelta(seconds=1)  # which was the last one is told apart by the time

    @precondition(lambda self: self.merges)
    @rule()
    def undo_merge(self) -> None:
        merge_id, (_, merged) = list(self.merges.items())[-1]
        merge = self.session.get_one(CustomerMerge, (self.scene.shop.organization_id, merge_id))
        merge.undo(self.session, by=self.actor("manager"), at=self.at)
        self.session.flush()
        self.is_checked = False
        del self.merges[merge_id], self.ledger.merged_into[merged]

    @rule(minutes=st.sampled_from([1, 1, 1, 16, 1200]))
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    # ---------------------------------------------------------------------------------------------- what always holds

    @precondition(lambda self: not self.is_checked)
    @invariant()
    def all_that_was_given_is_accounted_for(self) -> None:
        self.is_checked = True
        rows = self.rows()
        assert {row.id: row.customer_id for row in rows} == dict(self.ledger.now())
        in_effect = [row for row in rows if is_in_effect(row)]
        # What was given and not taken back is the cost, and what was paid stands in it.
        costs, counted, by_person = Counter[str](), Counter[str](), Counter[Any]()
        for row in rows:
            costs[row.cost_currency] += row.cost_amount or 0
        for row in in_effect:
            counted[row.cost_currency] += row.cost_amount
            if row.acted_by_id is not None and row.decided_at is None and row.id not in self.paid_late:
                by_person[row.slug, row.acted_by_id, row.cost_currency, row.business_date] += row.cost_amount
        assert +costs == +counted
        back = {row.reverses_id for row in rows if row.reverses_id and row.settlement is Settlement.SETTLED}
        paid = {row.id for row in rows if row.settlement is Settlement.SETTLED and not row.reverses_id}
        assert paid - back <= {row.id for row in in_effect}
        claimed = Counter((row.store_id, row.settlement_key) for row in rows if row.settlement_key)
        assert not claimed or max(claimed.values()) == 1
        # Unpaid, settled and failed are all refunds there are, and nothing is paid without a witness.
        refunds = {row.id for row in in_effect if row.slug == "refund"}
        unpaid = set(self.session.scalars(select(RecoveryAction.id).where(RecoveryAction.is_unpaid())))
        assert unpaid | (paid & refunds) == refunds
        assert paid | {row.id for row in rows if row.reverses_id in back and row.reverses_id} <= self.witnesses.keys()
        # Nobody gives more to all customers together than they may alone, but for what was paid though taken back.
        roles = {self.scene.shop.staff[login]: role for login, role in PEOPLE.items()}
        assert all(total <= PER_STAFF[roles[person]] for (_, person, *_), total in by_person.items())

    def check_limit(self, action: RecoveryAction, role: Role) -> None:
        """What is done without approval is within the limit for this customer, else for this order or concern."""
        if action.over_limit:
            return
        whose, order = self.ledger.given_to[action.id], self.order_key(action.concern)
        of_order = {row.id for row in self.in_effect(order)}
        to_same = [
            row
            for row in self.rows()
            if is_in_effect(row)
            and (row.slug, row.cost_currency, row.business_date)
            == (action.remedy.slug, action.cost_currency, action.business_date)
            and (
                row.concern_id == action.concern_id
                or (row.id in of_order if whose is None else self.given_to(row.id) == self.ledger.survivor(whose))
            )
        ]
        assert sum(row.cost_amount for row in to_same) <= PER_CUSTOMER[role]

    def check_cap(self, action: RecoveryAction) -> None:
        key = self.order_key(action.concern)
        cap = self.cap(key)
        if action.remedy.slug == "refund" and cap is not None:
            assert sum(row.cost_amount for row in self.in_effect(key) if row.slug == "refund") <= cap

    # --------------------------------------------------------------------------------------------------- how it is done

    def attempt(self, do: Callable[[], T]) -> T | None:
        """Do it, or leave everything as it was where it is refused."""
        savepoint = self.session.begin_nested()
        try:
            result = do()
            self.session.flush()
        except DomainError:
            savepoint.rollback()
            return None
        savepoint.commit()
        self.is_checked = False
        return result

    def actor(self, login: str) -> Actor:
        return actor_of(self.scene.shop, login, self.scene.key_id)

    def concern(self, number: int) -> Concern:
        ids = list(self.ledger.whose)
        return self.session.get_one(Concern, (self.scene.shop.organization_id, ids[number % len(ids)]))

    def action(self, number: int, wanted: Callable[[Any], bool]) -> RecoveryAction | None:
        """Return one of the actions that are wanted; now and then any, to be refused."""
        ids = [row.id for row in self.rows() if wanted(row) or number == 0]
        if not ids:
            return None
        return self.session.get_one(RecoveryAction, (self.scene.shop.organization_id, ids[number % len(ids)]))

    def given_to(self, action_id: UUID) -> UUID | None:
        return self.ledger.survivor(self.ledger.given_to[action_id])

    def rows(self) -> Sequence[Any]:
        table = RecoveryAction.__table__.c
        stmt = select(*(table[name] for name in COLUMNS), Remedy.slug, *ORDER_COLUMNS).select_from(RecoveryAction)
        return self.session.execute(stmt.join(RecoveryAction.remedy).join(RecoveryAction.concern)).all()

    def in_effect(self, key: OrderKey) -> list[Any]:
        return [row for row in self.rows() if is_in_effect(row) and self.key_of(row) == key]

    def order_key(self, concern: Concern) -> OrderKey:
        return OrderKey(concern.store_id, concern.business_date, concern.order_key or str(concern.id))

    def key_of(self, row: Any) -> OrderKey:
        return OrderKey(row.store_id, row.concern_date, row.order_key or str(row.concern_id))

    def cap(self, key: OrderKey) -> int | None:
        """The most that the tills, which are of one key, told of an order, else the first value that people typed."""
        tills = select(Order.business_date, Order.reference_key, Order.value_amount)
        of_tills = [
            value
            for day, reference, value in self.session.execute(tills.where(Order.store_id == key.store_id))
            if (day, reference) == key[1:] and value is not None
        ]
        if of_tills:
            return max(of_tills)
        concerns = select(*TYPED).where(Concern.order_value_amount.is_not(None), Concern.status != Status.VOIDED)
        in_order = self.session.execute(concerns.order_by(Concern.received_at, Concern.id))
        typed = [row.order_value_amount for row in in_order if self.key_of(row) == key]
        return typed[0] if typed else None


COLUMNS = ("id", "concern_id", "store_id", "customer_id", "reverses_id", "status", "settlement", "cost_amount")
COLUMNS += ("cost_currency", "business_date", "acted_by_id", "decided_at", "settlement_key")
TYPED = (Concern.id.label("concern_id"), Concern.store_id, Concern.business_date.label("concern_date"))
TYPED += (Concern.order_key, Concern.order_value_amount)
ORDER_COLUMNS = (Concern.order_key, Concern.business_date.label("concern_date"))


def is_in_effect(row: Any) -> bool:
    return row.status is ActionStatus.DONE and row.reverses_id is None


def is_pending(row: Any) -> bool:
    return row.status is ActionStatus.PENDING


def is_owed(row: Any) -> bool:
    """Whether money is on its way, to the customer or back, or may have left though it was taken back."""
    return row.status in {ActionStatus.DONE, ActionStatus.REVERSED} and row.settlement in UNPAID


@longer
@only_on_sqlite
def test_no_sequence_of_events_gets_around_a_limit_an_order_or_a_payment(scene: Scene) -> None:
    def machine() -> MoneyMachine:
        MoneyMachine.scene = scene
        return MoneyMachine()

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=by_profile(quick=3, deep=112),
            stateful_step_count=by_profile(quick=40, deep=100),
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
