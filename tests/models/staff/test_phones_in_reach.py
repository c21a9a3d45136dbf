"""Phones in reach: who is rung on which shared or personal phone, compared with a recount in plain Python."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select, update

from models.organizations.store import Store
from models.policy_defaults import LONGEST_SHIFT
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import add_sign_in, give_phone, give_shared_phone
from tests.support.profiles import by_profile, longer

PEOPLE = ("floor", "colleague", "manager")
HOUR = timedelta(hours=1)


@dataclass
class Reach:
    """A store with two shared phones, `bar` and `terrace`, and a personal phone of the manager."""

    app: App
    shop: Shop
    phones: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bar", "terrace"):
            self.phones[name] = give_shared_phone(self.app.back_office, self.shop, name)
        self.phones["own"] = give_phone(self.app.back_office, self.shop, "manager", "own")
        with self.app.back_office.writing(self.shop.organization_id) as session:
            session.execute(delete(Shift))

    @property
    def now(self) -> datetime:
        return self.app.clock()

    def sign_in(self, login: str, phone: str) -> None:
        """Sign in as the API does: the older sign-in of this person goes, those of the others are locked."""
        self.sign_out(login, phone)
        with self.app.back_office.writing(self.shop.organization_id) as session:
            others = StaffSession.device_id == self.phones[phone]
            session.execute(update(StaffSession).where(others).values(locked_at=self.now))
            device = session.get_one(Device, (self.shop.organization_id, self.phones[phone]))
            ends_at = self.now + timedelta(hours=12)
            add_sign_in(session, device, self.shop.staff[login], at=self.now, expires_at=ends_at)

    def sign_out(self, login: str, phone: str) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            mine = StaffSession.staff_id == self.shop.staff[login], StaffSession.device_id == self.phones[phone]
            session.execute(delete(StaffSession).where(*mine))

    def check_in(self, login: str, *, on: str | None = None, where: str = "here") -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            store_id = self.shop.store_id if where == "here" else self.shop.other_store_id
            store = session.get_one(Store, (self.shop.organization_id, store_id))
            shift = Shift.check_in(session, staff_id=self.shop.staff[login], store=store, lead=False, at=self.now)
            if shift.started_at == self.now:
                shift.device_id = self.phones[on] if on else None

    def check_out(self, login: str) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            Shift.check_out(session, staff_id=self.shop.staff[login], at=self.now)

    def change_phone(self, phone: str, **values: object) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            session.execute(update(Device).where(Device.id == self.phones[phone]).values(**values))

    def delete_expired_sign_ins(self) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            StaffSession.delete_expired(session, at=self.now)

    def pairs(self) -> set[tuple[str, str]]:
        """Return who is reached on which phone by the statement; each pair may be there only once."""
        logins = {self.shop.staff[login]: login for login in PEOPLE}
        names = {id_: name for name, id_ in self.phones.items()}
        with self.app.database.reading(self.shop.organization_id) as session:
            reach = phones_in_reach(list(logins), at=self.now)
            rows = session.execute(select(reach.c.staff_id, reach.c.device_id)).all()
        pairs = [(logins[staff_id], names[device_id]) for staff_id, device_id in rows]
        assert len(pairs) == len(set(pairs))
        return set(pairs)


@pytest.fixture
def reach(app: App, shop: Shop) -> Reach:
    return Reach(app, shop)


def on_shared(reach: Reach) -> set[tuple[str, str]]:
    return {pair for pair in reach.pairs() if pair[1] != "own"}


def test_a_shared_phone_rings_for_who_checked_in_on_it(reach: Reach) -> None:
    reach.sign_in("floor", "bar")
    reach.app.clock.move(hours=2)
    assert on_shared(reach) == set()
    reach.check_in("floor", on="bar")
    assert on_shared(reach) == {("floor", "bar")}


@pytest.mark.parametrize(("before", "rings_for"), [(3599, {"floor"}), (3600, {"floor"}), (3601, set())])
def test_a_sign_in_counts_from_an_hour_before_the_shift(reach: Reach, before: int, rings_for: set[str]) -> None:
    reach.sign_in("floor", "bar")
    reach.app.clock.move(seconds=before)
    reach.check_in("floor")
    assert on_shared(reach) == {(login, "bar") for login in rings_for}


def test_it_rings_for_who_signs_in_at_any_time_after_they_checked_in(reach: Reach) -> None:
    reach.check_in("floor", on="bar")
    reach.sign_in("floor", "terrace")
    assert on_shared(reach) == {("floor", "terrace")}
    reach.app.clock.move(hours=6)
    reach.sign_in("floor", "bar")
    assert on_shared(reach) == {("floor", "terrace"), ("floor", "bar")}


def test_it_rings_for_everybody_who_switched_on_it_until_they_sign_out_or_check_out(reach: Reach) -> None:
    for login in PEOPLE:
        reach.check_in(login)
        reach.sign_in(login, "bar")
    reach.app.clock.move(minutes=30)
    assert on_shared(reach) == {(login, "bar") for login in PEOPLE}
    reach.sign_out("floor", "bar")
    reach.check_out("colleague")
    assert on_shared(reach) == {("manager", "bar")}


def test_a_sign_in_that_expires_does_not_silence_the_shift(reach: Reach) -> None:
    reach.check_in("floor")
    reach.sign_in("floor", "bar")
    reach.app.clock.move(hours=15)
    reach.delete_expired_sign_ins()
    assert on_shared(reach) == {("floor", "bar")}
    reach.check_out("floor")
    reach.delete_expired_sign_ins()
    reach.check_in("floor", on="bar")
    assert on_shared(reach) == set()


def test_a_phone_of_another_store_or_without_an_address_rings_for_nobody(reach: Reach) -> None:
    reach.check_in("floor")
    reach.sign_in("floor", "bar")
    reach.sign_in("floor", "terrace")
    reach.change_phone("bar", store_id=reach.shop.other_store_id)
    reach.change_phone("terrace", address=None)
    assert on_shared(reach) == set()


def test_a_personal_phone_rings_while_its_owner_is_signed_in_on_it(reach: Reach) -> None:
    assert reach.pairs() == {("manager", "own")}
    reach.sign_out("manager", "own")
    assert reach.pairs() == set()
    reach.sign_in("manager", "own")
    reach.app.clock.move(hours=11)
    assert reach.pairs() == {("manager", "own")}
    reach.app.clock.move(hours=1)
    assert reach.pairs() == set()
    reach.sign_in("floor", "own")
    assert reach.pairs() == set()


class ReachMachine(RuleBasedStateMachine):
    """People who sign in and out of two shared phones and check in and out; the clock moves on.

    Each step is noted as it happened. The recount goes through these notes, and reads no table.
    """

    reach: Reach

    def __init__(self) -> None:
        super().__init__()
        self.reach.app.clock.at = NOON
        with self.reach.app.back_office.writing(self.reach.shop.organization_id) as session:
            session.execute(delete(Shift))
            session.execute(delete(StaffSession).where(StaffSession.tapped_at.is_not(None)))
            session.execute(update(Store).values(shifts_end_daily=False))  # tests/models/staff/test_shift_end.py has it
        self.checked_in_at: dict[str, datetime] = {}
        self.signed_in_at: dict[tuple[str, str], datetime] = {}
        self.shifts: dict[str, tuple[datetime, str | None, str]] = {}

    people = st.sampled_from(PEOPLE)
    phones = st.sampled_from(("bar", "terrace"))

    @rule(minutes=st.sampled_from((1, 11, 29, 31, 60, 61, 240, 800)))
    def time_passes(self, minutes: int) -> None:
        """Move the clock. The worker deletes expired sign-ins: off shift they are gone for the next shift.

        Nobody stays until their shift ends by itself.
        """
        for login in [*self.shifts]:
            if self.reach.now + timedelta(minutes=minutes) > self.checked_in_at[login] + LONGEST_SHIFT - HOUR:
                self.checks_out(login)
        self.reach.app.clock.move(minutes=minutes)
        self.reach.delete_expired_sign_ins()
        expired = {pair for pair, at in self.signed_in_at.items() if at + 12 * HOUR <= self.reach.now}
        for pair in expired:
            if pair[0] not in self.shifts:
                del self.signed_in_at[pair]

    @rule(login=people, phone=phones)
    def signs_in(self, login: str, phone: str) -> None:
        self.reach.sign_in(login, phone)
        self.signed_in_at[login, phone] = self.reach.now

    @rule(login=people, phone=phones)
    def signs_out(self, login: str, phone: str) -> None:
        self.reach.sign_out(login, phone)
        self.signed_in_at.pop((login, phone), None)

    @rule(login=people, phone=st.none() | phones, where=st.sampled_from(("here", "here", "elsewhere")))
    def checks_in(self, login: str, phone: str | None, where: str) -> None:
        self.reach.check_in(login, on=phone, where=where)
        self.checked_in_at[login] = self.reach.now
        started_at, _, before = self.shifts.get(login, (None, None, None))
        if before != where or started_at == self.reach.now:  # who is there already keeps their shift
            self.shifts[login] = (self.reach.now, phone, where)

    @rule(login=people)
    def checks_out(self, login: str) -> None:
        self.reach.check_out(login)
        self.shifts.pop(login, None)

    @invariant()
    def the_statement_says_what_the_notes_say(self) -> None:
        expected = set()
        for login, (started_at, checked_in_on, where) in self.shifts.items():
            for phone in ("bar", "terrace"):
                signed_in_at = self.signed_in_at.get((login, phone))
                if where == "elsewhere" or signed_in_at is None:
                    continue
                if checked_in_on == phone or (started_at - signed_in_at) <= HOUR:
                    expected.add((login, phone))
        assert on_shared(self.reach) == expected


@longer
def test_whatever_happens_the_rule_agrees_with_a_recount(reach: Reach) -> None:
    def machine() -> ReachMachine:
        ReachMachine.reach = reach
        return ReachMachine()

    examples, steps = by_profile(quick=3, deep=12), by_profile(quick=25, deep=50)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
