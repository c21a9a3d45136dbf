"""Ledger of the money model: what people and tills said and were answered, kept without a look at the database.

Nothing in here is imported from the application, and no flag of it is believed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

Profile = UUID | None
OrderKey = tuple[Any, ...]
REFUND = "refund"


class State(StrEnum):
    WAITING = "waiting"
    GIVEN = "given"
    DECLINED = "declined"
    EXPIRED = "expired"
    TAKEN_BACK = "taken back"


class Paid(StrEnum):
    """How far the money of a refund, or of its way back, has come."""

    NONE = "none"
    RECORDED = "recorded"
    REQUESTED = "requested"
    SETTLED = "settled"
    FAILED = "failed"


OWED = frozenset({Paid.RECORDED, Paid.REQUESTED, Paid.FAILED})
MAY_HAVE_LEFT = frozenset({Paid.REQUESTED, Paid.SETTLED})
PAID_AFTER = {
    Paid.REQUESTED: frozenset({Paid.RECORDED, Paid.FAILED}),
    Paid.SETTLED: OWED,
    Paid.FAILED: frozenset({Paid.RECORDED, Paid.REQUESTED}),
}


@dataclass(eq=False)
class Case:
    """A concern. `order_of` what: the reference where it has one, else the concern itself."""

    id: UUID
    store: str
    day: date
    customer: Profile
    by: str
    received_at: datetime
    reference: str | None = None
    value: int | None = None
    is_taken: bool = False
    is_resolved: bool = False
    is_voided: bool = False
    end_waits: bool = False

    @property
    def order(self) -> OrderKey:
        return (self.store, self.day, self.reference) if self.reference else (self.id,)


@dataclass(eq=False)
class Gift:
    """Something given or asked for. `day` is the day that it counts for, `whose` who got it, before any merge."""

    id: UUID
    case: Case
    remedy: str
    amount: int
    currency: str
    by: str
    at: datetime
    day: date
    whose: Profile
    state: State
    is_beyond: bool = False
    was_recounted: bool = False  # it is known to be beyond only since it was named for whom it was
    is_decided: bool = False
    was_approved: bool = False
    paid: Paid = Paid.NONE
    was_paid_late: bool = False
    reversal_id: UUID | None = None
    reversed_by: str | None = None
    money_back: Paid = Paid.NONE  # of the reversal

    @property
    def is_given(self) -> bool:
        return self.state is State.GIVEN

    @property
    def waits_for_money_back(self) -> bool:
        return self.is_given and self.reversal_id is not None

    @property
    def is_to_review(self) -> bool:
        return self.state in {State.GIVEN, State.TAKEN_BACK} and self.is_beyond and not self.is_decided

    def start_payment(self) -> None:
        self.paid = Paid.RECORDED if self.remedy == REFUND else Paid.NONE


@dataclass
class MoneyLedger:
    """Everything that was said. Profiles are those of before a merge, so that a merge and its undoing change nothing.

    `orders`: what each is worth, by store, day, reference, key and source; `codes`: who could read a sign-in code of
    whom, and since when; `references`: the store and number of each payment, as a witness said it last.
    """

    cases: dict[UUID, Case] = field(default_factory=dict)
    gifts: dict[UUID, Gift] = field(default_factory=dict)
    merged_into: dict[UUID, UUID] = field(default_factory=dict)
    orders: dict[tuple[str, date, str, str, str], int] = field(default_factory=dict)
    codes: list[tuple[str, str, datetime]] = field(default_factory=list)
    references: dict[UUID, tuple[str, str]] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------- who is who

    def survivor(self, profile: Profile) -> Profile:
        """Return the profile that stands for this one now."""
        while profile in self.merged_into:
            profile = self.merged_into[profile]
        return profile

    def has_merged(self, profile: UUID) -> bool:
        """Return whether another profile was merged into what stands for this one."""
        return self.survivor(profile) in self.merged_into.values()

    def name(self, case: Case, profile: Profile) -> list[Gift]:
        """Let a concern name a customer: what was given to nobody known, or is only asked for, goes with it.

        Return what is theirs from now on.
        """
        profile = self.survivor(profile)
        if self.survivor(case.customer) != profile:
            case.customer = profile
        follow = [gift for gift in self.gifts_of(case) if gift.whose is None or gift.state is State.WAITING]
        arrivals = [gift for gift in follow if self.survivor(gift.whose) != profile]
        for gift in follow:
            gift.whose = case.customer
        return sorted(arrivals, key=lambda gift: (gift.at, gift.id))

    # ---------------------------------------------------------------------------------------------- what was given

    def gifts_of(self, case: Case) -> list[Gift]:
        return [gift for gift in self.gifts.values() if gift.case is case]

    def waiting_of(self, case: Case) -> list[Gift]:
        return [gift for gift in self.gifts_of(case) if gift.state is State.WAITING]

    def given(self, order: OrderKey | None = None) -> Iterator[Gift]:
        """Yield what was given and not taken back, of one order or of all."""
        return (gift for gift in self.gifts.values() if gift.is_given and order in (None, gift.case.order))

    def to_same(self, case: Case) -> list[Gift]:
        """Return what went to whom a gift on this concern goes: its customer; where nobody knows them, its order."""
        customer = self.survivor(case.customer)
        if customer is None:
            return list(self.given(case.order))
        return [gift for gift in self.given() if gift.case is case or self.survivor(gift.whose) == customer]

    def refunded(self, order: OrderKey) -> int:
        return sum(gift.amount for gift in self.given(order) if gift.remedy == REFUND)

    def cap(self, order: OrderKey) -> int | None:
        """What the tills told of an order, each key its largest value, else the first value that people typed."""
        of_keys: dict[str, int] = {}
        for (store, day, reference, key, _source), value in self.orders.items():
            if (store, day, reference) == order:
                of_keys[key] = max(value, of_keys.get(key, 0))
        if of_keys:
            return sum(of_keys.values())
        typed = (case for case in self.cases.values() if case.order == order and not case.is_voided)
        in_order = sorted(typed, key=lambda case: (case.received_at, case.id))
        return next((case.value for case in in_order if case.value is not None), None)

    def tell(self, key: str, source: str, order: tuple[str, date, str], value: int) -> None:
        """A till tells an order. What it gave something for itself it may say to be worth less, and no more."""
        before = self.cap(order)
        self.orders[*order, key, source] = value
        raised = 0 if before is None else (self.cap(order) or 0) - before
        if raised > 0 and any(gift.by == key for gift in self.given(order)):
            self.orders[*order, key, source] = value - raised

    # ------------------------------------------------------------------------------------------------ what happens

    def approve(self, gift: Gift, *, day: date) -> None:
        """With the last one that waited, the concern ends as it was said to."""
        gift.is_decided = True
        if gift.state is State.WAITING:
            gift.state, gift.was_approved, gift.day = State.GIVEN, True, day
            gift.start_payment()
        if gift.case.end_waits and not self.waiting_of(gift.case):
            gift.case.end_waits, gift.case.is_resolved = False, True

    def decline(self, gift: Gift) -> None:
        gift.is_decided = True
        if gift.state is State.WAITING:
            gift.state, gift.case.end_waits = State.DECLINED, False

    def expire(self, gift: Gift) -> None:
        gift.state, gift.case.end_waits = State.EXPIRED, False

    def reverse(self, gift: Gift, entry_id: UUID, *, by: str) -> None:
        """What may have left stays given until it is told to be back."""
        gift.reversal_id, gift.reversed_by = entry_id, by
        if gift.paid in MAY_HAVE_LEFT:
            gift.money_back = Paid.REQUESTED
        else:
            gift.state = State.TAKEN_BACK

    def settle(self, gift: Gift, to: Paid) -> None:
        """Nothing has left that failed; what was taken back and is paid all the same has to come back."""
        gift.paid = to
        if to is Paid.FAILED and gift.waits_for_money_back:
            gift.state, gift.money_back = State.TAKEN_BACK, Paid.NONE
        elif gift.state is State.TAKEN_BACK:
            gift.state, gift.money_back, gift.was_paid_late = State.GIVEN, Paid.REQUESTED, True

    def settle_back(self, gift: Gift, to: Paid) -> None:
        gift.money_back = to
        if to is Paid.SETTLED:
            gift.state = State.TAKEN_BACK
