"""Concurrent merges and concerns of the same customers: one merge wins, and no concern is lost."""

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from models.concerns.concern import Concern
from models.customers.customer import Customer
from models.operations.merge_customers import CustomerMerge
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop
from tests.support.rows import rows
from tests.support.threads import at_once

pytestmark = only_on_postgresql
PHONES = ("+351912345678", "+351930000000")
ROUNDS = 8


def ask(app: App, shop: Shop, path: str, body: dict[str, Any], login: str = "manager") -> tuple[int, Any]:
    answer = app.request("POST", path, (shop, login), json=body)
    return answer.status_code, answer.json


def pair(app: App, shop: Shop, number: int) -> list[str]:
    """Two customers with a concern each, and everybody's budget of contacts unused."""
    app.forget_hits()
    customers = [{"phone": f"{phone[:-2]}{number:02}", "name": "Ana"} for phone in PHONES]
    bodies = [{"mood": 3, "customer": customer, "store_id": str(shop.store_id)} for customer in customers]
    return [ask(app, shop, "/v1/concerns", body)[1]["customer_id"] for body in bodies]


def merging(app: App, shop: Shop, survivor: str, other: str) -> Any:
    return partial(ask, app, shop, f"/v1/customers/{survivor}/merge", {"customer_id": other})


@pytest.mark.parametrize("turned", [False, True], ids=["the same way", "each the other way"])
def test_of_two_merges_of_one_pair_at_once_one_wins(app: App, shop: Shop, turned: bool) -> None:  # noqa: FBT001 pytest names it
    for number in range(ROUNDS):
        ana, other = pair(app, shop, number)
        second = (other, ana) if turned else (ana, other)
        answers = at_once([merging(app, shop, ana, other), merging(app, shop, *second)])
        statuses = sorted(status for status, _ in answers)
        assert statuses in ([200, 404], [200, 409], [200, 422]), answers  # in the path, at once, or in the body
    assert len(rows(app, CustomerMerge)) == ROUNDS
    assert len([customer for customer in rows(app, Customer) if customer.merged_into_id is None]) == ROUNDS


@pytest.mark.parametrize("by", ["id", "a contact", "contacts"])
def test_a_concern_logged_while_its_customer_is_merged_is_the_survivors(app: App, shop: Shop, by: str) -> None:
    for number in range(ROUNDS):
        ana, other = pair(app, shop, number)
        contact = {"phone": f"{PHONES[1][:-2]}{number:02}"}
        more = {**contact, "email": f"ana{number}@example.org"}
        whose = {"id": {"customer_id": other}, "a contact": {"customer": contact}, "contacts": {"customer": more}}[by]
        log = partial(ask, app, shop, "/v1/concerns", {"mood": 2, "store_id": str(shop.store_id), **whose}, "floor")
        (merged, told), *logged = at_once([merging(app, shop, ana, other), log, log])
        assert (merged, [status for status, _ in logged]) == (200, [201, 201]), (told, logged)
        with app.back_office.reading(shop.organization_id) as session:
            theirs = sa.select(sa.func.count()).select_from(Concern).where(Concern.customer_id.in_([ana, other]))
            assert session.scalar(theirs.where(Concern.customer_id == ana)) == session.scalar(theirs) == 4


def test_merging_while_actions_are_recorded_meets_nobody_in_a_circle(app: App, shop: Shop) -> None:
    for number in range(ROUNDS):
        ana, other = pair(app, shop, number)
        concerns = [str(concern.id) for concern in rows(app, Concern) if str(concern.customer_id) == other]
        acts = [
            partial(ask, app, shop, f"/v1/concerns/{id_}/recovery-actions", {"remedy": "remake"}, "floor")
            for id_ in concerns
        ]
        answers = at_once([merging(app, shop, ana, other), *acts, *acts])
        assert [status for status, _ in answers] == [200, *(201 for _ in (*acts, *acts))], answers
