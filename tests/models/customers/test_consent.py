"""Consent to be contacted: what phones send late never undoes what was said later, and a change always stands."""

from datetime import datetime, timedelta
from functools import reduce
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.customers.consent import Consent, ConsentSource, contact_consent_columns
from models.customers.customer import Customer
from models.db.session import ScopedSession
from models.operations.merge_customers import CustomerMerge
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop
from tests.support.profiles import examples


class Statement(NamedTuple):
    """That the customer agrees, refuses, or (None) that their consent was cleared, at a minute by a clock."""

    minute: int
    contact: bool | None
    of_survivor: bool
    with_concern: bool


STATEMENTS = st.builds(
    Statement, st.integers(0, 9), st.sampled_from([True, False, None]), of_survivor=st.booleans(), with_concern=...
)


Answer = tuple[int, bool | None]  # the minute, and what the customer wants as far as anybody knows
STRENGTH = {True: 0, None: 1, False: 2}  # of statements of one minute


def newest(*answers: Answer | None) -> Answer | None:
    known = [answer for answer in answers if answer is not None]
    return max(known, key=lambda answer: (answer[0], STRENGTH[answer[1]]), default=None)


def after(answer: Answer | None, statement: Statement) -> Answer | None:
    """Return what stands after a statement: of a concern if it is newer, of a change of the profile always."""
    if statement.with_concern and statement.contact is not None:
        return newest(answer, (statement.minute, statement.contact))
    if answer is None:
        return None if statement.contact is None else (statement.minute, statement.contact)
    return max(answer[0], statement.minute), statement.contact


@examples(quick=15, deep=150)
@given(st.lists(STATEMENTS, max_size=5), st.integers(0, 5))
def test_a_change_stands_and_a_concern_if_it_is_newer(
    app: App, shop: Shop, statements: list[Statement], merged_after: int
) -> None:
    by = Actor(shop.organization_id, GRANTS[Role.MANAGER], frozenset({shop.store_id}), staff_id=shop.staff["manager"])

    def arrive(session: ScopedSession, statement: Statement, customer: Customer) -> None:
        answer = None if statement.contact is None else {"contact": statement.contact, "source": ConsentSource.PHONE}
        at = NOON + timedelta(minutes=statement.minute)
        if answer is None or not statement.with_concern:  # a concern brings an answer, and clears none
            customer.edit(session, by=by, at=at, consent=answer)
        else:
            customer.record_consent(session, contact_consent_columns(answer, by=by, at=at), store_id=shop.store_id)

    with app.database.writing(shop.organization_id) as session:
        survivor, merged = (
            Customer.create(session, id_=uuid7(), by=by, at=NOON, country="PT", store_id=shop.store_id, name=name)
            for name in ("Ana", "Ana L.")
        )
        for statement in statements[:merged_after]:
            arrive(session, statement, survivor if statement.of_survivor else merged)
        session.flush()
        CustomerMerge.plan_locked(session, survivor.id, merged.id).carry_out(session, id_=uuid7(), by=by, at=NOON)
        for statement in statements[merged_after:]:
            arrive(session, statement, survivor)
        expected = newest(
            *(
                reduce(after, (it for it in statements[:merged_after] if it.of_survivor is of_survivor), None)
                for of_survivor in (True, False)
            )
        )
        expected = reduce(after, statements[merged_after:], expected)
        at, contact = (None, None) if expected is None else (NOON + timedelta(minutes=expected[0]), expected[1])
        assert (survivor.may_contact, survivor.consent_at) == (contact, at)
        assert (survivor.consent is not None) is (contact is not None)


def test_undoing_a_merge_leaves_what_was_said_since_as_it_was_said(app: App, shop: Shop) -> None:
    by = Actor(shop.organization_id, GRANTS[Role.MANAGER], frozenset({shop.store_id}), staff_id=shop.staff["manager"])
    later = NOON + timedelta(hours=1)

    def answered(*, contact: bool, at: datetime) -> dict[str, Any]:
        return contact_consent_columns({"contact": contact, "source": ConsentSource.PHONE}, by=by, at=at)

    with app.database.writing(shop.organization_id) as session:
        survivor, merged = (
            Customer.create(session, id_=uuid7(), by=by, at=NOON, country="PT", store_id=shop.store_id, name=name)
            for name in ("Ana", "Ana L.")
        )
        survivor.record_consent(session, answered(contact=True, at=NOON), store_id=shop.store_id)
        merged.record_consent(session, answered(contact=False, at=NOON), store_id=shop.store_id)
        session.flush()
        merge = CustomerMerge.plan_locked(session, survivor.id, merged.id)
        merge.carry_out(session, id_=uuid7(), by=by, at=NOON)
        assert survivor.may_contact is False, "of two answers at one time the no stands"
        survivor.record_consent(session, answered(contact=False, at=later), store_id=shop.store_id)
        session.flush()
        merge.undo(session, by=by, at=later)
        assert survivor.consent == Consent(contact=False, given_at=later, source=ConsentSource.PHONE)
