"""Several remedies add up: all together give no more than the largest limit of a role among them."""

from typing import Any

import pytest

from models.access import Role
from models.recovery.budget import Given
from models.recovery.remedy import LimitAmounts
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.customers import make_customer
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import create_word

ANA = "+351912345678"


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "EUR"}


def ask(app: App, shop: Shop, method: str, path: str, by: str = "floor", **options: Any) -> Any:
    answer = app.request(method, f"/v1{path}", (shop, by), **options)
    assert answer.status_code < 300, answer.text
    return answer.json


def give(app: App, shop: Shop, concern: dict[str, Any], remedy: str, amount: int, by: str = "floor") -> Any:
    body = {"remedy": remedy, "cost": euros(amount)}
    return ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", by, json=body)


@pytest.fixture
def shop(app: App, shop: Shop) -> Shop:
    """Gifts of 25, 20 and 10 for one customer, 15 more for all; no other remedy has limits."""
    manager = {"role": "manager", "per_customer": euros(50), "per_staff": None}
    for slug, most in (("big", 25), ("small", 20), ("tiny", 10)):
        floor = {"role": "floor", "per_customer": euros(most), "per_staff": euros(most + 15)}
        create_word(app, shop, "remedies", slug, kind="gift", limits=[floor, manager])
    for remedy in ask(app, shop, "GET", "/remedies", "admin")["items"]:
        if remedy["slug"] not in {"big", "small", "tiny"}:
            headers = {"If-Match": "*"}
            ask(app, shop, "PATCH", f"/remedies/{remedy['id']}", "admin", json={"limits": []}, headers=headers)
    return shop


@pytest.mark.parametrize("whose", ["customer", "order", "concern"])
def test_remedies_add_up_for_one_customer_order_or_concern(app: App, shop: Shop, whose: str) -> None:
    """Each remedy was given up to a limit of its own: four of them were a hundred a day for one customer."""
    fields: dict[str, Any] = {"order": {"reference": "T-1"}} if whose == "order" else {}
    fields |= {"customer_id": make_customer(app, shop, "Ana", phone=ANA)} if whose == "customer" else {}
    first = log_concern(app, shop, mood=3, **fields)
    second = first if whose == "concern" else log_concern(app, shop, mood=3, **fields)
    actions = [give(app, shop, first, "small", 15), give(app, shop, second, "tiny", 9)]
    assert [action["status"] for action in actions] == ["done", "done"]
    offers = ask(app, shop, "POST", "/concerns", json={"mood": 3, **fields})["guidance"]["offers"]
    left = {offer["remedy"]: offer["left"] for offer in offers}
    expected = (16, 10) if whose == "concern" else (1, 1)  # of 40 for all, of 25 for one
    assert (left["big"], left["tiny"]) == (euros(expected[0]), euros(expected[1]))
    assert give(app, shop, second, "big", 2)["status"] == "pending"
    assert give(app, shop, second, "big", 1)["status"] == "done"
    requests = [give(app, shop, second, "small", 20), give(app, shop, second, "big", 10)]
    assert (
        ask(app, shop, "POST", f"/recovery-actions/{requests[0]['id']}/approve", "manager", json={})["status"] == "done"
    )
    path = f"/v1/recovery-actions/{requests[1]['id']}/approve"
    assert app.request("POST", path, (shop, "manager"), json={}).status_code == 403  # 45 of 50 are given


def test_remedies_add_up_for_one_person_and_day(app: App, shop: Shop) -> None:
    remedies = [("big", 20), ("small", 15), ("tiny", 10)]
    statuses = [give(app, shop, log_concern(app, shop, mood=3), *each)["status"] for each in remedies]
    assert statuses == ["done", "done", "pending"]
    assert give(app, shop, log_concern(app, shop, mood=3), "tiny", 5)["status"] == "done"
    others = log_concern(app, shop, "colleague", mood=3)
    assert give(app, shop, others, "tiny", 10, "colleague")["status"] == "done"
    app.clock.move(days=1)
    assert give(app, shop, log_concern(app, shop, mood=3), "tiny", 10)["status"] == "done"


def test_what_several_inline_actions_give_together_counts(app: App, shop: Shop) -> None:
    actions = [{"remedy": slug, "cost": euros(10)} for slug in ("big", "small", "tiny")]
    concern = log_concern(app, shop, mood=3, recovery_actions=actions)
    assert [action["status"] for action in concern["recovery_actions"]] == ["done", "done", "pending"]


def test_the_largest_limit_is_that_of_the_role_among_the_remedies_that_are_offered(app: App, shop: Shop) -> None:
    (big,) = (word for word in ask(app, shop, "GET", "/remedies", "admin")["items"] if word["slug"] == "big")
    headers = {"If-Match": "*"}
    ask(app, shop, "PATCH", f"/remedies/{big['id']}", "admin", json={"retired": True}, headers=headers)
    concern = log_concern(app, shop, mood=3)
    assert give(app, shop, concern, "small", 15)["status"] == "done"
    assert give(app, shop, concern, "tiny", 6)["status"] == "pending"
    assert give(app, shop, concern, "big", 10)["status"] == "done"  # a phone that was offline may still give it


def test_without_an_end_for_one_remedy_there_is_none_for_all_together() -> None:
    limit = LimitAmounts(10, 30)
    for largest, left in ((None, 30), (30, 5), (20, 5), (100, 30)):
        so_far = Given(largest={Role.FLOOR: LimitAmounts(10, largest)})
        so_far.by_giver["another"] = 25  # type: ignore[index]  # any key
        assert so_far.left_of_giver("this", limit, role=None) == left  # type: ignore[arg-type]  # any key
