"""Concurrent thank-yous: several people thank many customers at once, or while customers are merged."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from models.access import Actor
from models.operations.merge_customers import CustomerMerge
from models.outbox.message import OutboxKind
from models.recovery import fix as fixes
from models.recovery.follow_up import FollowUp
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.customers import make_customer, set_consent
from tests.support.factories.fixes import (
    customers_of_fix,
    follow_ups_of_fix,
    log_concern_of,
    make_fix,
    make_thank_yous,
    thank_you_statuses,
)
from tests.support.factories.organizations import Shop, make_shop
from tests.support.profiles import examples
from tests.support.rows import pending_messages
from tests.support.threads import TIMEOUT, at_once, wait_for_blocked_transaction

slugs = (f"shop-{number}" for number in count())
CONCERN = st.fixed_dictionaries(
    {
        "there": st.booleans(),
        "sensitive": st.sampled_from([False, False, True]),
        "kind": st.sampled_from(["concern", "request", "praise"]),
        "cause": st.sampled_from(["cold", "cold", None]),
    }
)
# Of each customer: whether they agree at first and in the end, and what they raised.
CUSTOMERS = st.lists(
    st.tuples(st.sampled_from([True, True, None]), st.sampled_from([True, True, False]), st.lists(CONCERN, max_size=3)),
    min_size=1,
    max_size=4,
)

COLD_CONCERN = {"there": False, "sensitive": False, "kind": "concern", "cause": "cold"}
ONE_OF_EACH = [
    (True, False, [COLD_CONCERN]),
    (None, True, [COLD_CONCERN, COLD_CONCERN]),
    (True, True, [{**COLD_CONCERN, "there": True}]),
    (True, True, [{**COLD_CONCERN, "sensitive": True}]),
    (True, True, [{**COLD_CONCERN, "kind": "praise"}]),
]


@example(customers=ONE_OF_EACH)
@examples(quick=2, deep=4)
@given(customers=CUSTOMERS)
def test_only_who_agreed_and_is_within_reach_is_listed_and_thanked(app: App, customers: list[Any]) -> None:
    shop = make_shop(app.back_office, next(slugs))
    people = [
        (make_customer(app, shop, f"Regular {n}", agrees=first), *rest) for n, (first, *rest) in enumerate(customers)
    ]
    raised = {customer_id: log_raised_concerns(app, shop, customer_id, concerns) for customer_id, _, concerns in people}
    app.clock.move(minutes=1)
    everywhere = make_fix(app, shop, "admin", store_id=None)
    for customer_id, agrees, _ in people:
        set_consent(app, shop, customer_id, contact=agrees)
    may = {customer_id for customer_id, agrees, _ in people if agrees}
    sees = {
        login: {customer_id for customer_id in may if any(seen(concern) for concern in raised[customer_id])}
        for login, seen in {
            "admin": lambda _: True,
            "manager": lambda concern: not concern["there"],
            "colleague": lambda concern: not concern["there"] and not concern["sensitive"],
        }.items()
    }
    for login, expected in sees.items():
        listed = [row["customer"]["id"] for row in customers_of_fix(app, shop, everywhere, login)]
        assert Counter(listed) == Counter(expected), login
    for _ in range(2):
        assert make_thank_yous(app, shop, everywhere)["figures"]["left"] == 0
        thanked = [follow_up["customer_id"] for follow_up in follow_ups_of_fix(app, shop, everywhere, "admin")]
        assert Counter(thanked) == Counter(sees["manager"])


def log_raised_concerns(app: App, shop: Shop, customer_id: str, concerns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log these concerns of a customer and return those that raise the cause: no praise, no other cause."""
    for concern in concerns:
        cause = {} if concern["cause"] is None else {"category": "food", "cause": concern["cause"]}
        store_id = str(shop.other_store_id if concern["there"] else shop.store_id)
        fields = {"kind": concern["kind"], "sensitive": concern["sensitive"], "store_id": store_id, **cause}
        log_concern(app, shop, "key", mood=3, customer_id=customer_id, **fields)
    return [concern for concern in concerns if concern["cause"] == "cold" and concern["kind"] != "praise"]


@only_on_postgresql
def test_several_people_who_thank_at_once_thank_nobody_twice(app: App, shop: Shop) -> None:
    raised = [make_customer(app, shop, f"Regular {number}") for number in range(6)]
    for customer_id in raised:
        log_concern_of(app, shop, customer_id)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    calls = [partial(make_thank_yous, app, shop, fix, by) for by in ("manager", "regional") * 3]
    for answer in at_once(calls):
        assert (answer["figures"]["thanked"], answer["figures"]["left"]) == (6, 0)
    assert Counter(str(follow_up.concern.customer_id) for follow_up in made(app, shop)) == Counter(raised)
    assert (
        len(pending_messages(app, OutboxKind.REMIND_OWNER))
        == len(pending_messages(app, OutboxKind.BREAK_FOLLOW_UP))
        == 6
    )


@only_on_postgresql
def test_who_is_merged_into_somebody_thanked_at_that_moment_is_not_thanked_again(app: App, shop: Shop) -> None:
    one, other = make_customer(app, shop, "Beatriz"), make_customer(app, shop, "B. Nevoeiro", agrees=None)
    for customer_id in (one, other):
        log_concern_of(app, shop, customer_id)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    make_thank_yous(app, shop, fix)
    set_consent(app, shop, other)
    by = Actor(shop.organization_id, frozenset(), None, staff_id=shop.staff["manager"])
    with ThreadPoolExecutor(1) as somebody:
        with app.back_office.writing(shop.organization_id) as session:
            merge = CustomerMerge.plan_locked(session, UUID(one), UUID(other))
            thanking = somebody.submit(make_thank_yous, app, shop, fix)
            wait_for_blocked_transaction(app)
            merge.carry_out(session, id_=uuid7(), by=by, at=app.clock())
        assert thanking.result(TIMEOUT)["figures"]["left"] == 0
    assert len(made(app, shop)) == 1
    assert thank_you_statuses(app, shop, fix) == {"Beatriz": "open"}


def test_as_many_as_a_transaction_should_hold_are_thanked_at_a_time(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixes, "MAX_THANK_YOUS_PER_REQUEST", 2)
    for number in range(5):
        log_concern_of(app, shop, make_customer(app, shop, f"Regular {number}"))
        app.clock.move(minutes=1)
    fix = make_fix(app, shop)
    steps = [make_thank_yous(app, shop, fix)["figures"] for _ in range(3)]
    assert [(step["thanked"], step["left"]) for step in steps] == [(2, 3), (4, 1), (5, 0)]
    newest_first = [row["customer"]["name"] for row in customers_of_fix(app, shop, fix)]
    assert newest_first == [f"Regular {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("owner", [None, "colleague", "regional"])
def test_thanking_many_costs_as_many_statements_as_thanking_two(app: App, shop: Shop, owner: str | None) -> None:
    costs = []
    owner_field = {} if owner is None else {"owner_id": str(shop.staff[owner])}
    for many in (2, 12):
        for number in range(many):
            log_concern_of(app, shop, make_customer(app, shop, f"Regular {number}"))
        app.clock.move(days=1)
        fix = make_fix(app, shop)
        with app.counting() as statements:
            assert make_thank_yous(app, shop, fix, **owner_field)["figures"]["left"] == 0
        costs.append(len([sql for sql in statements if not sql.startswith("UPDATE concern ")]))  # one each: its version
    assert costs[0] == costs[1]
    assert costs[0] <= 18


def made(app: App, shop: Shop) -> list[FollowUp]:
    with app.back_office.reading(shop.organization_id) as session:
        question = FollowUp.select_visible(Actor(shop.organization_id, frozenset({"concern:sensitive"}), None))
        return list(session.scalars(question).unique())
