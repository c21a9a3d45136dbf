"""Money under random sequences of events: no limit, no order and no payment says what did not happen.

What the application answers is compared with a ledger that knows only what was said and answered before. Neither the
status of an action nor what it says of a limit is believed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.access import GRANTS, KEY_GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import DomainError
from models.operations.log_concern import log_concern, update_concern
from models.operations.merge_customers import CustomerMerge
from models.operations.tell_order import tell_order
from models.operations.void_concern import void_concern
from models.recovery.action import RecoveryAction, Settlement
from models.recovery.approvals import approve, decline, expire_pending, record_action, resolve, review
from models.recovery.remedy import Remedy
from models.recovery.settlements import settle
from models.staff.credentials.invitation import Invitation
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_sqlite
from tests.support.factories.money_scene import (
    OF_REMEDY,
    STORES,
    MoneyScene,
    action_rows,
    assert_accounted_for,
    day_of,
    fold,
    make_scene,
    money_rules,
)
from tests.support.factories.organizations import Shop
from tests.support.oracle.money_ledger import OWED, Case, Gift, Paid, State
from tests.support.oracle.money_rules import Answer, Person, is_looser
from tests.support.profiles import by_profile, longer

T = TypeVar("T")
MAX_CONCERNS, MAX_PROFILES = 12, 4

# Who may be met in each verb, and what they say there.
GIVERS = ("floor", "floor", "floor", "colleague", "colleague", "manager", "deputy", "regional", "key", "till")
DECIDERS = ("manager", "deputy", "regional", "admin", "floor")
WITNESSES = ("floor", "colleague", "manager", "deputy", "regional", "admin", "key", "till", "till")
WHICH = range(60)
PROFILES = (None, None, 0, 0, 0, 1, 2, 3)
REMEDIES = ("refund", "refund", "refund", "voucher", "voucher", "discount", "gift", "remake")
AMOUNTS = (1, 3, 3, 5, 6, 6, 8, 9, 10, 11, 13, 25, 29)
REFERENCES = ("12", "12", " 12", " 12", "a-7", "A-7")
NAMED = (None, *REFERENCES)
VALUES = (None, 5, 8, 12, 40)
CURRENCIES = ("own", "own", "own", "own", "USD", "EUR")
PLACES = ("first", "first", "first", "first", "first", "second", "third", "fourth")
DAYS_AGO = (0, 0, 0, 1)
INLINE = (None, None, *((remedy, amount) for remedy in OF_REMEDY for amount in (6, 10, 25)))
SETTLEMENTS = (Paid.REQUESTED, Paid.SETTLED, Paid.SETTLED, Paid.FAILED)
NUMBERS = (None, None, *(f"R-{number}" for number in range(1, 10)))
MINUTES = (1, 1, 1, 1, 10, 16, 300, 1200, 1200)

# Verb: how often it happens, and what it is said with.
VERBS: dict[str, tuple[int, Sequence[Sequence[Any]]]] = {
    "log": (
        4,
        (GIVERS, PLACES, DAYS_AGO, PROFILES, NAMED, VALUES, CURRENCIES, INLINE, (None, None, Outcome.RECOVERED)),
    ),
    "name_customer": (3, (GIVERS, WHICH, PROFILES)),
    "correct_order": (3, (GIVERS, WHICH, NAMED, VALUES, CURRENCIES)),
    "void": (1, (("floor", "colleague", "manager", "deputy", "regional"), WHICH)),
    "end": (1, (GIVERS, WHICH)),
    "reopen": (2, (GIVERS, WHICH)),
    "give": (14, (GIVERS, WHICH, REMEDIES, AMOUNTS)),
    "approve": (4, (DECIDERS, WHICH, (None, None, "floor", "colleague"))),
    "decline": (1, (DECIDERS, WHICH)),
    "review": (2, (DECIDERS, WHICH)),
    "reverse": (4, (GIVERS, WHICH)),
    "settle": (7, (WITNESSES, WHICH, SETTLEMENTS, NUMBERS)),
    "settle_back": (9, (WITNESSES, WHICH, SETTLEMENTS, NUMBERS)),
    "till_tells": (5, (("key", "till"), PLACES, ("bar", "hall", "yard"), REFERENCES, DAYS_AGO, VALUES)),
    "merge": (1, (range(MAX_PROFILES), range(1, MAX_PROFILES))),
    "undo_merge": (1, ()),
    "make_code": (1, (("manager", "deputy", "admin"), ("floor", "colleague", "manager"))),
    "time_passes": (2, (MINUTES,)),
}


@pytest.fixture
def scene(app: App, shop: Shop) -> MoneyScene:
    return make_scene(app, shop)


class MoneyMachine(RuleBasedStateMachine):
    """People, tills and the clock, in one transaction that is rolled back at the end."""

    scene: MoneyScene

    def __init__(self) -> None:
        super().__init__()
        self.at: datetime = NOON
        self.rules = money_rules()
        self.ledger = self.rules.ledger
        self.chosen = Random(0)
        self.merges: dict[UUID, tuple[UUID, UUID]] = {}
        self.tills: dict[str, str] = {}
        self.is_checked = True
        database = self.scene.app.database
        self.session: ScopedSession = database._writers(state=database._state(self.scene.organization_id))
        self.session.begin()

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    # ------------------------------------------------------------------------------------------- what people log

    @initialize(seed=st.integers(0, 2**64))
    def begin(self, seed: int) -> None:
        """Two concerns of one customer and one order of somebody unknown, where most is going on."""
        self.chosen = Random(seed)
        for by, store, profile in (("floor", "first", 0), ("colleague", "second", 0), ("floor", "first", None)):
            self.log(by, store, 0, profile, "12" if profile is None else None, None, "own", None, None)

    @rule()
    def something_happens(self) -> None:
        """Of what can happen now: drawn one by one, most steps would find nothing to do."""
        can = self.verbs()
        (verb,) = self.chosen.choices(can, [VERBS[verb][0] for verb in can])
        words = [self.chosen.choice(said) for said in VERBS[verb][1]]
        note(f"{verb} {words}")
        getattr(self, verb)(*words)

    def verbs(self) -> list[str]:
        gifts = self.ledger.gifts.values()
        is_full, is_merged = len(self.ledger.cases) == MAX_CONCERNS, len(self.ledger.merged_into)
        cannot = {
            "log": is_full,
            "void": not is_full,
            "approve": not any(is_to_decide(gift) for gift in gifts),
            "decline": not any(is_to_decide(gift) for gift in gifts),
            "review": not any(gift.is_to_review for gift in gifts),
            "reverse": not any(gift.is_given for gift in gifts),
            "settle": not any(gift.paid in OWED for gift in gifts),
            "settle_back": not any(gift.waits_for_money_back for gift in gifts),
            "merge": is_merged == MAX_PROFILES - 2,
            "undo_merge": not is_merged,
        }
        return [verb for verb in VERBS if not cannot.get(verb)]

    def log(
        self,
        by: str,
        store: str,
        days: int,
        profile: int | None,
        reference: str | None,
        value: int | None,
        currency: str,
        given: tuple[str, int] | None,
        outcome: Outcome | None,
    ) -> None:
        """A concern is never refused, whatever was given with it."""
        if not self.person(by).reaches(store):
            return
        own, occurred_at = STORES[store].currency, self.at - timedelta(days=days)
        data: dict[str, Any] = {"mood": 3, "store_id": self.scene.stores[store], "occurred_at": occurred_at}
        named = None if profile is None else self.ledger.survivor(self.scene.profiles[profile])
        data |= {"customer_id": named} if named else {}
        data["order"] = {"reference": reference} if reference else {}
        data["order"] |= (
            {"value": {"amount": value, "currency": own if currency == "own" else currency}} if value else {}
        )
        action_id, expected = uuid7(), Answer.REFUSED
        case = Case(uuid7(), store, day_of(occurred_at), named, by, self.at, fold(reference))
        case.value = value if currency in ("own", own) else None
        if given is not None:
            remedy, amount = given
            money = {"amount": amount, "currency": own}
            data["recovery_actions"] = [{"id": action_id, "remedy": remedy, "cost": money}]
            self.ledger.cases[case.id] = case
            expected = self.rules.answer(case, by, remedy, amount, at=self.at, day=day_of(self.at))
            del self.ledger.cases[case.id]
        data |= {"outcome": outcome} if outcome else {}
        (event, *_) = log_concern(self.session, data, by=self.actor(by), at=self.at)
        self.session.flush()
        concern = event.concern
        case.id = concern.id
        self.ledger.cases[case.id] = case
        assert concern.customer_id == named
        if given is not None:
            answer = self.answer_of(concern.actions[0] if concern.actions else None)
            assert answer == expected
            assert ("recovery_actions" in concern.missing) == (answer is Answer.REFUSED)
            self.book(case, action_id, *given, by=by, answer=answer)
        if outcome and given is not None and answer is Answer.PENDING:
            case.end_waits, case.is_taken = True, not self.person(by).is_till
        elif outcome:  # what could not be given for want of anybody to ask leaves it open
            case.is_resolved = str(concern.status) == "resolved"
            assert case.is_resolved or answer is Answer.REFUSED
        self.is_checked = False

    def name_customer(self, by: str, concern: int, profile: int | None) -> None:
        case, subject = self.case(concern, by)
        named = None if profile is None else self.scene.profiles[profile]
        if case is None or (named is not None and self.ledger.has_merged(named)):
            return  # by an undoing, who was named meanwhile becomes whoever the concern named before
        change = {"customer_id": named}
        done = self.attempt(lambda: update_concern(self.session, subject, change, by=self.actor(by), at=self.at))
        assert (done is not None) is not case.is_voided
        if done is not None:
            self.rules.recount_customer(self.ledger.name(case, named), named)

    def correct_order(self, by: str, concern: int, reference: str | None, value: int | None, currency: str) -> None:
        case, subject = self.case(concern, by)
        if case is None:
            return
        own = STORES[case.store].currency
        money = Money(value, own if currency == "own" else currency) if value and reference else None
        change = {"order": {"reference": reference, "value": money} if reference else None}
        done = self.attempt(lambda: update_concern(self.session, subject, change, by=self.actor(by), at=self.at))
        may = not case.is_voided and (money is None or money.currency == own)
        worth = money.amount if money else None
        may = may and self.rules.change_order(case, by, fold(reference), worth, at=self.at)
        assert (done is not None) == may
        if may:
            self.rules.recount_order(case)

    def void(self, by: str, concern: int) -> None:
        case, subject = self.case(concern, by)
        if case is None:
            return
        cap, givers = self.ledger.cap(case.order), {gift.by for gift in self.ledger.given(case.order)}
        if self.attempt(lambda: void_concern(self.session, subject, reason="twice", by=self.actor(by), at=self.at)):
            gifts = self.ledger.gifts_of(case)
            assert not any(gift.is_given or gift.state is State.WAITING for gift in gifts)
            case.is_voided = True
            if givers and not (self.person(by).may_approve and by not in givers):
                assert not is_looser(self.ledger.cap(case.order), than=cap)

    def end(self, by: str, concern: int) -> None:
        """While something waits for approval, the end waits too."""
        case, subject = self.case(concern, by)
        if case is None:
            return
        outcome = Outcome.RECOVERED
        done = self.attempt(lambda: resolve(self.session, subject, by=self.actor(by), outcome=outcome, at=self.at))
        assert (done is not None) is not (case.is_resolved or case.is_voided)
        if done is None:
            return
        if self.ledger.waiting_of(case):
            case.end_waits = True
            case.is_taken = case.is_taken or not self.person(by).is_till
        else:
            case.is_resolved, case.end_waits = True, False

    def reopen(self, by: str, concern: int) -> None:
        case, subject = self.case(concern, by)
        if case is not None and self.attempt(lambda: subject.reopen(by=self.actor(by), at=self.at)):
            case.is_resolved = case.is_taken = case.end_waits = False

    # ----------------------------------------------------------------------------------- what is given and decided

    def give(self, by: str, concern: int, remedy: str, amount: int) -> None:
        case, subject = self.case(concern, by)
        if case is None:
            return
        cost = Money(amount, STORES[case.store].currency)
        what = {"remedy": Remedy.by_slug(self.session, remedy), "cost": cost}
        expected = self.rules.answer(case, by, remedy, amount, at=self.at, day=day_of(self.at))
        recorded = self.attempt(lambda: record_action(self.session, subject, by=self.actor(by), at=self.at, **what))
        action = recorded[0] if recorded else None
        answer = self.answer_of(action)
        assert answer == expected
        self.book(case, action.id if action else None, remedy, amount, by=by, answer=answer)

    def approve(self, by: str, gift: int, at_phone_of: str | None) -> None:
        """Whoever gives their PIN on the phone of somebody else approves like on a phone of their own."""
        what, subject = self.gift(gift, is_to_decide)
        if what is None:
            return
        phone = self.scene.staff[at_phone_of] if at_phone_of else None
        may = self.rules.may_approve(what, by, at=self.at, day=day_of(self.at))
        events = self.attempt(lambda: approve(self.session, subject, by=self.actor(by), at=self.at, on_phone_of=phone))
        assert (events is not None) == may
        if events is not None:
            assert events[0].by_staff_id == self.scene.staff[by]
            assert events[0].details.get("on_phone_of") == (str(phone) if phone else None)
            self.ledger.approve(what, day=day_of(self.at))

    def decline(self, by: str, gift: int) -> None:
        what, subject = self.gift(gift, is_to_decide)
        if what is None:
            return
        may = self.rules.may_decline(what, by, at=self.at) and not what.case.is_voided
        done = self.attempt(lambda: decline(self.session, subject, by=self.actor(by), at=self.at, note="No."))
        assert (done is not None) == may
        if done is not None:
            self.ledger.decline(what)

    def review(self, by: str, gift: int) -> None:
        what, subject = self.gift(gift, lambda it: it.is_to_review)
        if what is None:
            return
        may = what.is_to_review and self.rules.may_decline(what, by, at=self.at)
        done = self.attempt(lambda: review(self.session, subject, by=self.actor(by), at=self.at))
        assert (done is not None) == may
        if done is not None:
            what.is_decided = True

    def reverse(self, by: str, gift: int) -> None:
        """What may have left is given until the money is told to be back."""
        what, subject = self.gift(gift, lambda it: it.is_given)
        if what is None or not self.person(by).reaches(what.case.store):
            return
        is_over = what.case.is_resolved or what.case.is_voided  # whoever takes back opens the concern again first
        may = what.is_given and what.reversal_id is None and not is_over
        done = self.attempt(lambda: subject.reverse(self.session, by=self.actor(by), at=self.at))
        assert (done is not None) == may
        if done is not None:
            self.ledger.reverse(what, done[0].id, by=by)

    def settle(self, by: str, gift: int, to: Paid, reference: str | None) -> None:
        """Nobody's own word makes money paid, and a reference of the till stands for one payment."""
        what, subject = self.gift(gift, lambda it: it.paid in OWED)
        if what is not None and self.say_of_money(what, subject, by, to, reference, of_reversal=False):
            self.rules.settle(what, to)

    def settle_back(self, by: str, gift: int, to: Paid, reference: str | None) -> None:
        """Nor does it say that the money is back."""
        what, _ = self.gift(gift, lambda it: it.reversal_id is not None)
        if what is None or what.reversal_id is None:
            return
        if self.say_of_money(what, self.action(what.reversal_id), by, to, reference, of_reversal=True):
            self.ledger.settle_back(what, to)

    def say_of_money(
        self, what: Gift, entry: RecoveryAction, by: str, to: Paid, reference: str | None, *, of_reversal: bool
    ) -> bool:
        if not self.person(by).reaches(what.case.store):
            return False
        of: dict[str, Any] = {"of_reversal": of_reversal, "at": self.at}
        may = self.rules.may_settle(what, to, by, reference=reference, **of)
        data: dict[str, Any] = {"to": Settlement(to), "reference": reference, "by": self.actor(by)}
        done = self.attempt(lambda: settle(self.session, entry, at=self.at, **data))
        assert (done is not None) == may
        if may and reference is not None and self.rules.may_witness(what, to, by, **of):
            self.ledger.references[entry.id] = what.case.store, reference
        return may

    # ------------------------------------------------------------------------------- tills, profiles and the clock

    def till_tells(self, by: str, store: str, source: str, number: str, days: int, value: int | None) -> None:
        """A source belongs to the key that told it first."""
        opened = self.at - timedelta(days=days)
        data: dict[str, Any] = {"store_id": self.scene.stores[store], "opened": opened}
        data |= {"value": Money(value, STORES[store].currency)} if value else {}
        order = self.attempt(lambda: tell_order(self.session, source, number, data, by=self.actor(by), at=self.at))
        assert (order is not None) == (self.tills.setdefault(source, by) == by)
        if order is not None and value:
            self.ledger.tell(by, source, (store, day_of(opened), str(fold(number))), value)

    def merge(self, one: int, step: int) -> None:
        apart = [id_ for id_ in self.scene.profiles if id_ not in self.ledger.merged_into]
        ids = apart[one % len(apart)], apart[(one + step) % len(apart)]
        if ids[0] == ids[1]:
            return
        self.session.flush()
        merge = CustomerMerge.plan_locked(self.session, *ids)
        merge.carry_out(self.session, id_=uuid7(), by=self.actor("manager"), at=self.at)
        self.session.flush()
        self.merges[merge.id] = ids
        self.is_checked = False
        arrivals = [gift for gift in self.ledger.gifts.values() if self.ledger.survivor(gift.whose) == ids[1]]
        self.ledger.merged_into[ids[1]] = ids[0]
        self.rules.recount_customer(sorted(arrivals, key=lambda gift: gift.id), ids[0])
        self.at += timedelta(seconds=1)  # which was the last one is told apart by the time

    def undo_merge(self) -> None:
        merge_id, (_, merged) = list(self.merges.items())[-1]
        merge = self.session.get_one(CustomerMerge, (self.scene.organization_id, merge_id))
        merge.undo(self.session, by=self.actor("manager"), at=self.at)
        self.session.flush()
        self.is_checked = False
        del self.merges[merge_id], self.ledger.merged_into[merged]

    def make_code(self, maker: str, of: str) -> None:
        """Whoever could read a sign-in code of somebody could be them."""
        person = self.session.get_one(Staff, (self.scene.organization_id, self.scene.staff[of]))
        if maker != of and self.attempt(
            lambda: Invitation.create(self.session, person, by=self.actor(maker), at=self.at)
        ):
            self.ledger.codes.append((maker, of, self.at))

    def time_passes(self, minutes: int) -> None:
        """What waits for too long expires once the worker comes by."""
        self.at += timedelta(minutes=minutes)
        late = [gift for gift in self.ledger.gifts.values() if gift.state is State.WAITING]
        for gift in late if minutes > 1 else []:
            if gift.at + timedelta(minutes=15) <= self.at:
                expire_pending(self.session, self.concern(gift.case), at=self.at)
                self.ledger.expire(gift)
        self.session.flush()
        self.is_checked = False

    # ---------------------------------------------------------------------------------------------- what always holds

    @precondition(lambda self: not self.is_checked)
    @invariant()
    def all_that_was_given_is_accounted_for(self) -> None:
        self.is_checked = True
        self.rules.assert_limits_hold()
        assert_accounted_for(action_rows(self.session), self.ledger)
        # How a concern ended is not told while something waits for approval.
        ends = self.session.execute(select(Concern.id, Concern.status, Concern.waiting_end)).all()
        assert {row.id: (str(row.status), row.waiting_end is not None) for row in ends} == {
            case.id: (status_of(case), case.end_waits) for case in self.ledger.cases.values()
        }

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

    def book(self, case: Case, id_: UUID | None, remedy: str, amount: int, *, by: str, answer: Answer) -> None:
        """Write down what was given or asked for, as it was answered."""
        if answer is Answer.REFUSED or id_ is None:
            return
        state = State.WAITING if answer is Answer.PENDING else State.GIVEN
        money, day = STORES[case.store].currency, day_of(self.at)
        gift = Gift(id_, case, remedy, amount, money, by, self.at, day, case.customer, state)
        gift.is_beyond = answer is Answer.BEYOND
        if gift.is_given:
            gift.start_payment()
        self.ledger.gifts[id_] = gift

    def answer_of(self, action: RecoveryAction | None) -> Answer:
        """What the application answers: what is in the list of those that wait for a look is beyond."""
        if action is None:
            return Answer.REFUSED
        (row,) = action_rows(self.session, RecoveryAction.id == action.id)
        if row.status == "pending":
            return Answer.PENDING
        return Answer.BEYOND if row.is_to_review else Answer.DONE

    def person(self, name: str) -> Person:
        return self.rules.people[name]

    def actor(self, name: str) -> Actor:
        person, organization_id = self.person(name), self.scene.organization_id
        if person.is_till:
            rights = frozenset().union(*KEY_GRANTS.values())
            return Actor(organization_id, rights, None, api_key_id=self.scene.keys[name])
        role = Role(str(person.role))
        reach = None if person.stores is None else frozenset(self.scene.stores[store] for store in person.stores)
        return Actor(organization_id, GRANTS[role], reach, staff_id=self.scene.staff[name], role=role)

    def case(self, number: int, by: str) -> tuple[Case | None, Any]:
        """One of the concerns in reach, with its row."""
        cases = [case for case in self.ledger.cases.values() if self.person(by).reaches(case.store)]
        if not cases:
            return None, None
        case = cases[number % len(cases)]
        return case, self.concern(case)

    def concern(self, case: Case) -> Concern:
        return self.session.get_one(Concern, (self.scene.organization_id, case.id))

    def gift(self, number: int, wanted: Callable[[Gift], bool]) -> tuple[Gift | None, Any]:
        """One of the gifts that are wanted, with its row; now and then any, to be refused."""
        gifts = [gift for gift in self.ledger.gifts.values() if wanted(gift) or number == 0]
        if not gifts:
            return None, None
        gift = gifts[number % len(gifts)]
        return gift, self.action(gift.id)

    def action(self, id_: UUID | None) -> RecoveryAction:
        return self.session.get_one(RecoveryAction, (self.scene.organization_id, id_))


def status_of(case: Case) -> str:
    if case.is_voided or case.is_resolved:
        return "voided" if case.is_voided else "resolved"
    return "taken" if case.is_taken else "open"


def is_to_decide(gift: Gift) -> bool:
    return gift.state is State.WAITING or gift.is_to_review


@longer
@only_on_sqlite
def test_no_sequence_of_events_gets_around_a_limit_an_order_or_a_payment(scene: MoneyScene) -> None:
    def machine() -> MoneyMachine:
        MoneyMachine.scene = scene
        return MoneyMachine()

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=by_profile(quick=3, deep=101),
            stateful_step_count=by_profile(quick=40, deep=100),
            deadline=None,
            phases=(Phase.generate,),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
