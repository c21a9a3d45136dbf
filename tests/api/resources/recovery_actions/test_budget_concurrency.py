"""Concurrent actions, approvals and reversals: nobody exceeds their spending limit."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models.recovery.action import RecoveryAction
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.profiles import examples
from tests.support.threads import at_once

EURO = 100
OF_FLOOR, OF_MANAGERS, OF_ONE_PERSON, ORDER = 10 * EURO, 30 * EURO, 25 * EURO, 60 * EURO
PEOPLE = ("floor", "colleague", "manager")
FLOOR = {"floor", "colleague"}

GIVE = st.tuples(
    st.just("give"),
    st.sampled_from(PEOPLE),
    st.integers(0, 4),
    st.sampled_from(["voucher", "refund"]),
    st.sampled_from([1, 4, 6, 9, 10, 11, 25, 31]),
)
DECIDE = st.tuples(st.sampled_from(["approve", "decline", "reverse"]), st.sampled_from(PEOPLE), st.integers(0, 30))
SETTLE = st.tuples(
    st.just("settle"),
    st.sampled_from([*PEOPLE, "key"]),
    st.integers(0, 30),
    st.sampled_from(["requested", "settled", "failed"]),
    st.integers(1, 3),
)
EVENINGS = st.lists(st.lists(GIVE | GIVE | DECIDE | SETTLE, min_size=1, max_size=5), min_size=1, max_size=6)
slugs = (f"shop-{number}" for number in count())


@only_on_postgresql
@examples(quick=4, deep=12)
@given(scenario=EVENINGS)
def test_no_limit_is_ever_exceeded_without_an_approval(app: App, scenario: list[list[tuple[Any, ...]]]) -> None:
    shop = make_shop(app.back_office, next(slugs))
    open_for_business(app, shop)
    concerns = some_concerns(app, shop)
    for moment in scenario:
        at_once([called(app, shop, concerns, step) for step in moment])
        check(app, shop)


def open_for_business(app: App, shop: Shop) -> None:
    limits = [
        {"role": role, "per_customer": cents(most), "per_staff": cents(OF_ONE_PERSON)}
        for role, most in (("floor", OF_FLOOR), ("manager", OF_MANAGERS))
    ]
    body = {"slug": "refund", "name": "Money back", "kind": "refund", "limits": limits}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=body).status_code == 201
    (voucher,) = (
        it for it in app.request("GET", "/v1/remedies", (shop, "admin")).json["items"] if it["slug"] == "voucher"
    )
    headers = {"If-Match": f'"{voucher["version"]}"'}
    path = f"/v1/remedies/{voucher['id']}"
    assert app.request("PATCH", path, (shop, "admin"), json={"limits": limits}, headers=headers).status_code == 200


def some_concerns(app: App, shop: Shop) -> list[dict[str, Any]]:
    """Two of one customer, two of one order of somebody unknown, one of nobody."""
    order = {"reference": "T-1001", "value": cents(ORDER)}
    known = {"customer": {"phone": "912 345 678"}}
    return [log_concern(app, shop, mood=3, **said) for said in (known, known, {"order": order}, {"order": order}, {})]


def called(app: App, shop: Shop, concerns: list[dict[str, Any]], step: tuple[Any, ...]) -> Callable[[], Any]:
    """The request of a step; a decision is about one of the actions there are, if any."""
    verb, by, which, *rest = step
    if verb == "give":
        remedy, amount = rest
        path = f"/v1/concerns/{concerns[which]['id']}/recovery-actions"
        body = {"remedy": remedy, "cost": cents(amount * EURO)}
    else:
        actions = rows(app, shop)
        action_id = actions[which % len(actions)].id if actions else shop.store_id
        path, body = f"/v1/recovery-actions/{action_id}/{verb}", {"note": "as it should be"}
        if rest:
            to, number = rest
            body = {"settlement": to, "reference": f"R-{number}"}
    return partial(answered, app, path, (shop, by), body)


def answered(app: App, path: str, by: tuple[Shop, str], body: dict[str, Any]) -> None:
    answer = app.request("POST", path, by, json=body)
    assert answer.status_code in (200, 201, 403, 404, 409, 422), answer.text


def check(app: App, shop: Shop) -> None:
    """Recounted by hand, with every reversing entry beside what it takes back."""
    actions = {action.id: action for action in rows(app, shop)}
    references = [action.settlement_reference for action in actions.values() if action.settlement_reference]
    assert len(references) == len(set(references))  # each stands for one payment
    paid = {action.id for action in actions.values() if action.settlement == "settled" and not action.reverses_id}
    back = {action.reverses_id for action in actions.values() if action.settlement == "settled"}
    assert all(actions[id_].status == "done" for id_ in paid - back)
    people = {id_: login for login, id_ in shop.staff.items()}
    by_scope, by_floor, by_person, of_order = Counter[Any](), Counter[Any](), Counter[Any](), Counter[str]()
    for action in actions.values():
        if action.cost is None:
            continue
        first = actions[action.reverses_id] if action.reverses_id else action
        remedy, concern, login = action.remedy.slug, action.concern, people[first.acted_by_id]
        if remedy == "refund" and concern.order_reference:
            of_order[concern.order_reference] += action.cost.amount
        if first.decided_at is None:
            scope = (remedy, concern.customer_id or concern.order_reference or concern.id)
            by_scope[scope] += action.cost.amount
            by_floor[scope] += action.cost.amount if login in FLOOR else 0
            by_person[remedy, login] += action.cost.amount
    assert max(by_scope.values(), default=0) <= OF_MANAGERS
    assert max(by_floor.values(), default=0) <= OF_FLOOR
    assert max(by_person.values(), default=0) <= OF_ONE_PERSON
    assert max(of_order.values(), default=0) <= ORDER


def rows(app: App, shop: Shop) -> list[RecoveryAction]:
    with app.back_office.reading(shop.organization_id) as session:
        stmt = select(RecoveryAction).options(*RecoveryAction.eager_options()).order_by(RecoveryAction.id)
        return list(session.scalars(stmt).unique())


def cents(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}
