"""Guidance: the question to ask, what this person may give now, and the past outcomes of the same cause."""

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import COLD_FOOD, get_guidance, guidance_offer, limit_vouchers, log_past_concerns
from tests.support.factories.organizations import Shop, make_shop


def test_of_fewer_than_ten_nothing_is_shown(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 9)
    assert get_guidance(app, shop, **COLD_FOOD).json["same_cause"] is None
    log_past_concerns(app, shop, 1)
    same_cause = get_guidance(app, shop, **COLD_FOOD).json["same_cause"]
    assert (same_cause["n"], [lesson["n"] for lesson in same_cause["lessons"]]) == (10, [10])


def test_it_shows_the_median_and_both_ends(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 5, cost=400, mood_after=5)
    log_past_concerns(app, shop, 6, cost=1000, mood_after=3)
    assert get_guidance(app, shop, **COLD_FOOD).json["same_cause"]["lessons"] == [
        {
            "remedy": "voucher",
            "n": 11,
            "cost": {"median": 1000.0, "least": 400, "most": 1000},
            "currency": "EUR",
            "mood_lift": {"median": 1.0, "least": 1, "most": 3},
        }
    ]


def test_a_remedy_that_few_received_is_not_shown(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 10)
    for _ in range(9):
        gone = {"outcome": "lost", "mood_after": 1}
        log_concern(app, shop, mood=2, **COLD_FOOD, recovery_actions=[{"remedy": "apology"}], **gone)
    same_cause = get_guidance(app, shop, **COLD_FOOD).json["same_cause"]
    assert (same_cause["n"], [lesson["remedy"] for lesson in same_cause["lessons"]]) == (19, ["voucher"])


def test_the_unhappy_are_compared_with_the_unhappy(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 10)
    assert get_guidance(app, shop, **COLD_FOOD, mood=1).json["same_cause"]["n"] == 10
    assert get_guidance(app, shop, **COLD_FOOD, mood=3).json["same_cause"] is None


def test_what_happened_in_another_organization_is_its_own(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    log_past_concerns(app, other, 12)
    assert get_guidance(app, shop, **COLD_FOOD).json["same_cause"] is None
    assert get_guidance(app, other, **COLD_FOOD).json["same_cause"]["n"] == 12


def test_words_come_first_where_the_failure_was_not_the_price(app: App, shop: Shop) -> None:
    guidance = get_guidance(app, shop, **COLD_FOOD).json
    assert (guidance["words_first"], guidance["offers"][0]["kind"]) == (True, "apology")


def test_it_shows_what_this_person_may_still_give(app: App, shop: Shop) -> None:
    assert guidance_offer(app, shop, "voucher") == {
        "remedy": "voucher",
        "name": "Voucher",
        "kind": "voucher",
        "limit": {"amount": 2500, "currency": "EUR"},
        "left": {"amount": 2500, "currency": "EUR"},
        "asks_first": False,
        "n": 0,
        "mood_lift": None,
    }
    limit_vouchers(app, shop, 1000, 1500)
    app.clock.move(minutes=1)  # for so long a process may go by the limits of before
    concern = log_concern(app, shop, customer={"phone": "912 345 678"})
    voucher = {"remedy": "voucher", "cost": {"amount": 700, "currency": "EUR"}}
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    assert app.request("POST", path, (shop, "floor"), json=voucher).json["status"] == "done"
    assert guidance_offer(app, shop, "voucher", customer_id=concern["customer_id"])["left"]["amount"] == 300
    assert guidance_offer(app, shop, "voucher")["left"]["amount"] == 800  # of the 1,500 this person may give in a day
    assert guidance_offer(app, shop, "voucher")["limit"] == {"amount": 1000, "currency": "EUR"}


def test_each_question_is_tried_before_one_is_preferred(app: App, shop: Shop) -> None:
    assert get_guidance(app, shop, **COLD_FOOD).json["question"]["slug"] == "what-happened"
    log_past_concerns(app, shop, 10, question="what-happened")
    assert get_guidance(app, shop, **COLD_FOOD).json["question"] == {
        "slug": "what-happened",
        "text": "What happened?",
    }


def test_without_a_store_nothing_is_offered(app: App, shop: Shop) -> None:
    assert get_guidance(app, shop, "key").json["offers"] == []
    assert len(get_guidance(app, shop, "key", store_id=str(shop.store_id)).json["offers"]) == 3
    elsewhere = get_guidance(app, shop, store_id=str(shop.other_store_id))
    assert_invalid_value(elsewhere, "query", "/store_id", "not-found")


@pytest.mark.parametrize("query", [{"category": "nothing"}, {"category": "food", "cause": "nothing"}])
def test_what_the_organization_does_not_know_is_a_wrong_filter(app: App, shop: Shop, query: dict[str, str]) -> None:
    assert_invalid_value(get_guidance(app, shop, **query), "query", f"/{[*query][-1]}", "not-found")


def test_a_customer_out_of_reach_is_a_wrong_filter(app: App, shop: Shop) -> None:
    answer = get_guidance(app, shop, customer_id=str(shop.staff["floor"]))
    assert_invalid_value(answer, "query", "/customer_id", "not-found")
