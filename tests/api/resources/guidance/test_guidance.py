"""Guidance: the question to ask, what this person may give now, and what helped others with the same cause."""

import pytest

from tests.support.app import World
from tests.support.assertions import problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import COLD, ask, happened, limit_vouchers, offer
from tests.support.factories.organizations import Shop, make_shop


def test_of_fewer_than_ten_nothing_is_told(world: World, shop: Shop) -> None:
    happened(world, shop, 9)
    assert ask(world, shop, **COLD).json["same_cause"] is None
    happened(world, shop, 1)
    told = ask(world, shop, **COLD).json["same_cause"]
    assert (told["n"], [lesson["n"] for lesson in told["lessons"]]) == (10, [10])


def test_it_tells_the_middle_and_both_ends(world: World, shop: Shop) -> None:
    happened(world, shop, 5, cost=400, mood_after=5)
    happened(world, shop, 6, cost=1000, mood_after=3)
    assert ask(world, shop, **COLD).json["same_cause"]["lessons"] == [
        {
            "remedy": "voucher",
            "n": 11,
            "cost": {"median": 1000.0, "least": 400, "most": 1000},
            "currency": "EUR",
            "mood_lift": {"median": 1.0, "least": 1, "most": 3},
        }
    ]


def test_a_remedy_that_few_received_is_not_told_of(world: World, shop: Shop) -> None:
    happened(world, shop, 10)
    for _ in range(9):
        gone = {"outcome": "lost", "mood_after": 1}
        log_concern(world, shop, mood=2, **COLD, recovery_actions=[{"remedy": "apology"}], **gone)
    told = ask(world, shop, **COLD).json["same_cause"]
    assert (told["n"], [lesson["remedy"] for lesson in told["lessons"]]) == (19, ["voucher"])


def test_the_unhappy_are_compared_with_the_unhappy(world: World, shop: Shop) -> None:
    happened(world, shop, 10)
    assert ask(world, shop, **COLD, mood=1).json["same_cause"]["n"] == 10
    assert ask(world, shop, **COLD, mood=3).json["same_cause"] is None


def test_what_others_told_elsewhere_is_their_own(world: World, shop: Shop) -> None:
    other = make_shop(world.back_office, "other")
    happened(world, other, 12)
    assert ask(world, shop, **COLD).json["same_cause"] is None
    assert ask(world, other, **COLD).json["same_cause"]["n"] == 12


def test_words_come_first_where_the_failure_was_not_the_price(world: World, shop: Shop) -> None:
    told = ask(world, shop, **COLD).json
    assert (told["words_first"], told["offers"][0]["kind"]) == (True, "apology")


def test_it_tells_what_this_person_may_still_give(world: World, shop: Shop) -> None:
    assert offer(world, shop, "voucher") == {
        "remedy": "voucher",
        "name": "Voucher",
        "kind": "voucher",
        "limit": None,
        "left": None,
    }
    limit_vouchers(world, shop, 1000, 1500)
    world.clock.move(minutes=1)  # for so long a process may go by the limits of before
    concern = log_concern(world, shop, customer={"phone": "912 345 678"})
    given = {"remedy": "voucher", "cost": {"amount": 700, "currency": "EUR"}}
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    assert world.request("POST", path, (shop, "floor"), json=given).json["status"] == "done"
    assert offer(world, shop, "voucher", customer_id=concern["customer_id"])["left"]["amount"] == 300
    assert offer(world, shop, "voucher")["left"]["amount"] == 800  # of the 1,500 this person may give in a day
    assert offer(world, shop, "voucher")["limit"] == {"amount": 1000, "currency": "EUR"}


def test_each_question_is_tried_before_one_is_preferred(world: World, shop: Shop) -> None:
    assert ask(world, shop, **COLD).json["question"]["slug"] == "what-happened"
    happened(world, shop, 10, question="what-happened")
    assert ask(world, shop, **COLD).json["question"] == {"slug": "what-happened", "text": "What happened?"}


def test_without_a_store_nothing_is_offered(world: World, shop: Shop) -> None:
    assert ask(world, shop, "key").json["offers"] == []
    assert len(ask(world, shop, "key", store_id=str(shop.store_id)).json["offers"]) == 3
    problem(ask(world, shop, store_id=str(shop.other_store_id)), 404, "not-found")


@pytest.mark.parametrize("query", [{"category": "nothing"}, {"category": "food", "cause": "nothing"}])
def test_what_the_organization_does_not_know_is_404(world: World, shop: Shop, query: dict[str, str]) -> None:
    problem(ask(world, shop, **query), 404, "not-found")


def test_a_customer_out_of_reach_is_404(world: World, shop: Shop) -> None:
    assert (
        problem(ask(world, shop, customer_id=str(shop.staff["floor"])), 404, "not-found")["pointer"] == "/customer_id"
    )
