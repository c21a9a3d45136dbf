"""Rules of the money model: what the model says of each step, read from the ledger and from nothing else."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tests.support.oracle.money_ledger import (
    PAID_AFTER,
    REFUND,
    Case,
    Gift,
    MoneyLedger,
    OrderKey,
    Paid,
    Profile,
    State,
)

APPROVAL_WITHIN = timedelta(minutes=15)
CODE_COUNTS_FOR = timedelta(hours=24)
THIRD_DAY_WITHIN = timedelta(days=90)


class Answer(StrEnum):
    """What is answered to somebody who wants to give something."""

    DONE = "done"
    BEYOND = "beyond"  # done, and somebody has to look at it
    PENDING = "pending"
    REFUSED = "refused"


class Allowance(StrEnum):
    """What the limits say."""

    WITHIN = "within"
    BEYOND = "beyond"
    ASKS = "asks"


class StoreRules(NamedTuple):
    currency: str
    region: str
    per_action: int
    per_day: int | None
    after_hours: int
    acts_first: bool = False
    is_closed: bool = False


class Limit(NamedTuple):
    per_customer: int
    per_staff: int


@dataclass(frozen=True)
class Person:
    """Somebody who works there, or a till (`role` is None). Without `stores` they reach all."""

    name: str
    role: str | None
    stores: frozenset[str] | None

    @property
    def is_till(self) -> bool:
        return self.role is None

    @property
    def may_approve(self) -> bool:
        return self.role in {"manager", "regional", "admin"}

    def reaches(self, store: str) -> bool:
        return self.stores is None or store in self.stores


@dataclass
class MoneyRules:
    """What holds in the organization: stores, people, limits by remedy, role and currency, and the budget of a till.

    Who is on shift can be reached; `key_makers` have read the secret of a key.
    """

    ledger: MoneyLedger
    stores: dict[str, StoreRules]
    people: dict[str, Person]
    limits: dict[tuple[str, str, str], Limit]
    till_per_day: int
    till_per_order: int
    shifts: list[tuple[str, str, datetime]] = field(default_factory=list)  # who, where, until when
    key_makers: dict[str, str] = field(default_factory=dict)
    refunded_before: dict[OrderKey, int] = field(default_factory=dict)  # when the limits were looked at before

    # ------------------------------------------------------------------------------------------------------ to give

    def answer(self, case: Case, by: str, remedy: str, amount: int, *, at: datetime, day: date) -> Answer:
        """Return what has to be answered to somebody who wants to give this."""
        store = self.stores[case.store]
        allowance = self.allowance(case, by, remedy, amount, day=day)
        if case.is_resolved or case.is_voided or not self.fits_order(case, remedy, amount):
            return Answer.REFUSED
        if allowance is Allowance.WITHIN:
            return Answer.DONE
        left = store.after_hours - total(self.acted_first(case.store, day))
        if allowance is Allowance.BEYOND and store.acts_first and amount <= left:
            return Answer.BEYOND
        approvers = self.approvers(case.store, by, at=at)
        approvers = [name for name in approvers if self.is_within_theirs(case, remedy, amount, name, day=day)]
        if approvers and (not store.is_closed or self.reachable(approvers, case.store, at=at)):
            return Answer.PENDING
        may_act_first = store.is_closed and allowance is Allowance.BEYOND and amount <= left
        return Answer.BEYOND if may_act_first else Answer.REFUSED

    def allowance(self, case: Case, by: str, remedy: str, amount: int, *, day: date) -> Allowance:
        """Return what the limits say of this, with everything that was given before."""
        store, person = self.stores[case.store], self.people[by]
        limit = self.limits.get((remedy, person.role or "floor", store.currency))
        to_same = self.ledger.to_same(case)
        if limit is None or amount > store.per_action or self.is_third_day(case, to_same, day):
            return Allowance.ASKS
        by_giver = [gift for gift in self.today(self.ledger.given(), store.currency, day) if gift.by == by]
        if person.is_till:
            of_order = self.ledger.given(case.order)
            for_order = sum(gift.amount for gift in of_order if gift.by == by and gift.currency == store.currency)
            if for_order + amount > self.till_per_order or total(by_giver) + amount > self.till_per_day:
                return Allowance.ASKS
        to_customer = self.today(to_same, store.currency, day)
        in_store = [
            gift for gift in self.today(self.ledger.given(), store.currency, day) if gift.case.store == case.store
        ]
        most = self.most_of_all(person.role or "floor", store.currency)
        is_within = (
            total(to_customer, remedy) + amount <= limit.per_customer
            and total(to_customer) + amount <= most.per_customer
            and (person.is_till or total(by_giver, remedy) + amount <= limit.per_staff)
            and (person.is_till or total(by_giver) + amount <= most.per_staff)
            and (store.per_day is None or total(in_store) + amount <= store.per_day)
        )
        return Allowance.WITHIN if is_within else Allowance.BEYOND

    def most_of_all(self, role: str, currency: str) -> Limit:
        """Return what a role gives at most of all remedies together: the largest limits it has."""
        limits = [limit for key, limit in self.limits.items() if key[1:] == (role, currency)]
        return Limit(max(limit.per_customer for limit in limits), max(limit.per_staff for limit in limits))

    def today(self, gifts: Iterable[Gift], currency: str, day: date) -> list[Gift]:
        return [gift for gift in gifts if (gift.day, gift.currency) == (day, currency)]

    def is_third_day(self, case: Case, to_same: list[Gift], day: date) -> bool:
        """Return whether a known customer would be given something on a third day."""
        days = {gift.day for gift in to_same if day - THIRD_DAY_WITHIN <= gift.day <= day}
        return case.customer is not None and len(days | {day}) >= 3

    def acted_first(self, store: str, day: date) -> list[Gift]:
        at_first = (it for it in self.ledger.given() if it.is_beyond and not it.was_recounted)
        return [it for it in at_first if (it.case.store, it.day) == (store, day)]

    def fits_order(self, case: Case, remedy: str, amount: int) -> bool:
        cap = self.ledger.cap(case.order)
        return remedy != REFUND or cap is None or self.ledger.refunded(case.order) + amount <= cap

    def recount(self, arrivals: list[Gift], to_same: list[Gift], *, is_known: bool) -> None:
        """What was given before it was known to whom or for which order is beyond where it would have asked first."""
        arrivals = [gift for gift in arrivals if gift.is_given and not gift.is_beyond and not gift.was_approved]
        before = [gift for gift in to_same if gift not in arrivals]
        for gift in arrivals:
            gift.is_beyond = gift.was_recounted = self.would_be_beyond(gift, before, is_known=is_known)
            before.append(gift)

    def would_be_beyond(self, gift: Gift, others: list[Gift], *, is_known: bool) -> bool:
        """Return whether it is more than its giver may give to whoever was given the others."""
        days = {other.day for other in others} | {gift.day}
        windows = [{day for day in days if end - THIRD_DAY_WITHIN <= day <= end} for end in days]
        if is_known and any(gift.day in window and len(window) >= 3 for window in windows):
            return True
        role, today = self.people[gift.by].role or "floor", self.today(others, gift.currency, gift.day)
        limit = self.limits.get((gift.remedy, role, gift.currency))
        return limit is not None and (
            total(today, gift.remedy) + gift.amount > limit.per_customer
            or total(today) + gift.amount > self.most_of_all(role, gift.currency).per_customer
        )

    def settle(self, gift: Gift, to: Paid) -> None:
        """What was taken back and is paid all the same is looked at where it would ask first now."""
        was_taken_back = gift.state is State.TAKEN_BACK
        asks_first = was_taken_back and self.would_ask_first(gift)
        self.ledger.settle(gift, to)
        if asks_first:
            gift.was_recounted |= not gift.is_beyond
            gift.is_beyond, gift.is_decided = True, False

    def would_ask_first(self, gift: Gift) -> bool:
        """Return whether it would ask first, or be more than its order is worth, if it were given once more."""
        customer = self.ledger.survivor(gift.whose)
        theirs = [other for other in self.ledger.given() if self.ledger.survivor(other.whose) == customer]
        is_more = customer is not None and self.would_be_beyond(gift, theirs, is_known=True)
        allowance = self.allowance(gift.case, gift.by, gift.remedy, gift.amount, day=gift.day)
        is_within_order = self.fits_order(gift.case, gift.remedy, gift.amount)
        return is_more or allowance is not Allowance.WITHIN or not is_within_order

    def assert_limits_hold(self) -> None:
        """Whatever was answered: without approval or a review, nobody got or gave more than the largest limit.

        And nothing was refunded beyond what an order is worth, but for what a till paid late.
        """
        sums: dict[tuple[object, ...], int] = defaultdict(int)
        for gift in self.ledger.given():
            if gift.was_approved or gift.is_beyond:
                continue
            today, store = (gift.day, gift.currency), self.stores[gift.case.store]
            roles = {role for _, role, currency in self.limits if currency == gift.currency}
            largest = max(self.most_of_all(role, gift.currency).per_customer for role in roles)
            customer, person = self.ledger.survivor(gift.whose), self.people[gift.by]
            own = self.till_per_day if person.is_till else self.most_of_all(str(person.role), gift.currency).per_staff
            most = {("by", gift.by, *today): own, ("action", gift.id): store.per_action}
            most |= {("to", customer, *today): largest} if customer else {}
            most |= {("in", gift.case.store, *today): store.per_day} if store.per_day is not None else {}
            for scope, limit in most.items():
                sums[scope] += gift.amount
                assert sums[scope] <= limit, scope
        for order in {case.order for case in self.ledger.cases.values()}:
            cap, refunds = self.ledger.cap(order), [it for it in self.ledger.given(order) if it.remedy == REFUND]
            is_no_more = total(refunds) <= self.refunded_before.get(order, 0) or any(it.was_paid_late for it in refunds)
            assert cap is None or total(refunds) <= cap or is_no_more, (order, cap, refunds)
            self.refunded_before[order] = total(refunds)

    def recount_customer(self, arrivals: list[Gift], profile: Profile) -> None:
        customer = self.ledger.survivor(profile)
        if customer is not None:
            to_same = [gift for gift in self.ledger.given() if self.ledger.survivor(gift.whose) == customer]
            self.recount(arrivals, to_same, is_known=True)

    def recount_order(self, case: Case) -> None:
        arrivals = sorted((gift for gift in self.ledger.gifts_of(case) if gift.whose is None), key=lambda it: it.id)
        if case.customer is None:
            self.recount(arrivals, list(self.ledger.given(case.order)), is_known=False)

    def change_order(self, case: Case, by: str, reference: str | None, value: int | None, *, at: datetime) -> bool:
        """Let a concern name another order or value, and return whether that may be.

        The cap of an order that something was given for is loosened, and left, only by somebody else who may approve;
        and nobody lets refunds come to an order that is worth less.
        """
        person, old = self.people[by], (case.reference, case.value)
        orders = {case.order, (case.store, case.day, reference) if reference else case.order}
        caps = {order: self.ledger.cap(order) for order in orders}
        givers = {order: {gift.by for gift in self.ledger.given(order)} for order in orders}
        leaves, has_given = case.order, any(gift.is_given for gift in self.ledger.gifts_of(case))
        case.reference, case.value = reference, value
        cap = self.ledger.cap(case.order)
        now = {order: self.ledger.cap(order if old[0] or order != leaves else case.order) for order in orders}
        changed = {order for order in orders if givers[order] and is_looser(now[order], than=caps[order])}
        is_new = has_given and case.order != leaves and (old[0] is not None or reference is not None)
        changed |= {leaves} if is_new and old[0] else set()
        could_be = {by} | {name for name in self.people if self.could_be(by, name, at=at)}
        may = all(person.may_approve and not could_be & givers[order] for order in changed)
        cap_before = caps.get(case.order) if reference or not old[0] else None
        is_checked = cap is not None and (is_new or cap != cap_before)
        may &= not (is_checked and self.ledger.refunded(case.order) > (cap or 0))
        if not may:
            case.reference, case.value = old
        return may

    # --------------------------------------------------------------------------------------------------- to approve

    def could_be(self, maker: str, other: str, *, at: datetime) -> bool:
        """Return whether somebody could have signed in as somebody else lately, or has read the secret of a key."""
        codes = (code for code in self.ledger.codes if code[:2] == (maker, other))
        return self.key_makers.get(other) == maker or any(code[2] > at - CODE_COUNTS_FOR for code in codes)

    def approvers(self, store: str, asked_by: str, *, at: datetime) -> list[str]:
        """Return who may decide there about what somebody asks for, whatever it costs."""
        return [
            name
            for name, person in self.people.items()
            if person.may_approve
            and person.reaches(store)
            and name != asked_by
            and not self.could_be(name, asked_by, at=at)
        ]

    def reachable(self, names: list[str], store: str, *, at: datetime) -> list[str]:
        return [name for name in names if any(on[:2] == (name, store) and at < on[2] for on in self.shifts)]

    def is_within_managers_limit(self, case: Case, remedy: str, amount: int, *, day: date) -> bool:
        currency = self.stores[case.store].currency
        limit = self.limits.get((remedy, "manager", currency))
        to_customer = self.today(self.ledger.to_same(case), currency, day)
        if limit is None:
            return amount <= self.stores[case.store].per_action
        most = self.most_of_all("manager", currency)
        return (
            total(to_customer, remedy) + amount <= limit.per_customer
            and total(to_customer) + amount <= most.per_customer
        )

    def may_decide(self, gift: Gift, by: str, *, at: datetime) -> bool:
        """Return whether somebody may approve, decline or review this, as far as it concerns who they are."""
        person = self.people[by]
        is_asked = gift.state is State.WAITING and at < gift.at + APPROVAL_WITHIN
        is_open = (is_asked or gift.is_to_review) and not gift.is_decided
        is_another = gift.by != by and not self.could_be(by, gift.by, at=at)
        return person.may_approve and person.reaches(gift.case.store) and is_another and is_open

    def is_last_resort(self, gift: Gift, *, at: datetime, to_approve_on: date | None = None) -> bool:
        """Return whether an administrator decides: no manager who may, and no regional manager, can be reached."""
        others = self.approvers(gift.case.store, gift.by, at=at)
        before = [
            name
            for name in others
            if self.people[name].role != "admin"
            and (
                to_approve_on is None
                or self.is_within_theirs(gift.case, gift.remedy, gift.amount, name, day=to_approve_on)
            )
        ]
        return not self.reachable(before, gift.case.store, at=at)

    def may_decline(self, gift: Gift, by: str, *, at: datetime) -> bool:
        """Return whether somebody may decline this, or has to look at it."""
        is_last = self.people[by].role != "admin" or self.is_last_resort(gift, at=at)
        return is_last and self.may_decide(gift, by, at=at)

    def may_approve(self, gift: Gift, by: str, *, at: datetime, day: date) -> bool:
        """Return whether somebody may approve this."""
        case, person = gift.case, self.people[by]
        if not self.may_decide(gift, by, at=at):
            return False
        if gift.state is not State.WAITING:
            return self.may_decline(gift, by, at=at) and not case.is_voided
        if not self.is_within_theirs(case, gift.remedy, gift.amount, by, day=day):
            return False
        if person.role == "admin" and not self.is_last_resort(gift, at=at, to_approve_on=day):
            return False
        return self.fits_order(case, gift.remedy, gift.amount)

    def is_within_theirs(self, case: Case, remedy: str, amount: int, by: str, *, day: date) -> bool:
        """Return whether it is within the limits of whoever approves: only managers have any."""
        if self.people[by].role != "manager":
            return True
        currency = self.stores[case.store].currency
        limit = self.limits.get((remedy, "manager", currency))
        is_within_day = True
        if limit is not None:
            by_person = [other for other in self.today(self.ledger.given(), currency, day) if other.by == by]
            of_all = self.most_of_all("manager", currency).per_staff
            is_within_day = total(by_person, remedy) + amount <= limit.per_staff and total(by_person) + amount <= of_all
        return is_within_day and self.is_within_managers_limit(case, remedy, amount, day=day)

    # ------------------------------------------------------------------------------------------------------- to pay

    def may_witness(self, gift: Gift, to: Paid, by: str, *, of_reversal: bool, at: datetime) -> bool:
        """Return whether somebody's word counts: nobody's own does, nor that of who could be them.

        A till may say that it paid what it gave, but not that what it gave or took back is a cost no more; nor may
        another of the same maker.
        """
        person, givers = self.people[by], {gift.by, gift.reversed_by} - {None}
        if person.is_till:
            takes_back = to is Paid.SETTLED if of_reversal else to is Paid.FAILED and gift.reversal_id is not None
            makers = {self.key_makers.get(str(it)) for it in givers} - {None}
            return not (takes_back and (by in givers or self.key_makers.get(by) in makers | givers))
        return person.may_approve and by not in givers and not any(self.could_be(by, str(it), at=at) for it in givers)

    def may_settle(
        self, gift: Gift, to: Paid, by: str, *, of_reversal: bool, reference: str | None, at: datetime
    ) -> bool:
        """Return whether somebody may say this of a refund, or of its way back."""
        is_witness = self.may_witness(gift, to, by, of_reversal=of_reversal, at=at)
        if to is not Paid.REQUESTED and not is_witness:
            return False
        entry_id = gift.reversal_id if of_reversal else gift.id
        used = {number for id_, number in self.ledger.references.items() if id_ != entry_id}
        if (gift.case.store, reference) in used:
            return False
        if of_reversal:
            return gift.waits_for_money_back and gift.money_back in PAID_AFTER[to]
        is_late = gift.state is State.TAKEN_BACK and to is Paid.SETTLED and gift.money_back is not Paid.SETTLED
        return (gift.is_given or is_late) and gift.paid in PAID_AFTER[to]


def is_looser(cap: int | None, *, than: int | None) -> bool:
    return than is not None and (cap is None or cap > than)


def total(gifts: Iterable[Gift], remedy: str | None = None) -> int:
    return sum(gift.amount for gift in gifts if remedy in (None, gift.remedy))
