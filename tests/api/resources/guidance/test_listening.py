"""Guidance that listens: no question twice, an apology before the story is told again, and what helped comes first."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.guidance import COLD_FOOD, get_guidance, log_past_concerns
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import create_word, edit_word

QUILL = {"customer": {"phone": "912 345 678"}}


def question(guidance: Any) -> str | None:
    return guidance["question"] and guidance["question"]["slug"]


def offered(guidance: Any) -> list[str]:
    return [offer["remedy"] for offer in guidance["offers"]]


def test_the_question_that_was_just_asked_is_not_suggested(app: App, shop: Shop) -> None:
    just_now = {"question": "what-happened"}
    assert question(log_concern(app, shop)["guidance"]) == "what-happened"
    assert log_concern(app, shop, **just_now)["guidance"]["question"] is None, "there is no other one"
    create_word(app, shop, "questions", "how-was-it")
    app.clock.move(minutes=1)  # past outcomes are cached for this long
    assert question(log_concern(app, shop, **just_now)["guidance"]) == "how-was-it"
    assert question(get_guidance(app, shop, **just_now).json) == "how-was-it"
    assert question(get_guidance(app, shop, question="how-was-it").json) == "what-happened"
    assert_invalid_value(get_guidance(app, shop, question="moon"), "query", "/question", "not-found")


def test_a_customer_is_asked_no_question_twice_within_a_year(app: App, shop: Shop) -> None:
    create_word(app, shop, "questions", "how-was-it")
    app.clock.move(minutes=1)
    suggested = []
    for _ in range(3):
        first = log_concern(app, shop, **QUILL)
        suggested.append(question(first["guidance"]))
        asking = get_guidance(app, shop, customer_id=first["customer_id"]).json
        assert question(asking) == suggested[-1]
        if suggested[-1]:
            log_concern(app, shop, **QUILL, question=suggested[-1])
        app.clock.move(days=1)
    assert suggested == ["what-happened", "how-was-it", None]
    assert question(log_concern(app, shop)["guidance"]) == "what-happened", "somebody else is asked"
    app.clock.move(days=365)
    assert question(log_concern(app, shop, "key", **QUILL)["guidance"]) == "what-happened"


def test_a_question_of_a_voided_concern_was_not_asked(app: App, shop: Shop) -> None:
    log_concern(app, shop, **QUILL)
    concern = log_concern(app, shop, **QUILL, question="what-happened")
    void = f"/v1/concerns/{concern['id']}/void"
    assert app.request("POST", void, (shop, "floor"), json={"reason": "A slip."}).status_code == 200
    app.clock.move(minutes=1)
    assert question(log_concern(app, shop, **QUILL)["guidance"]) == "what-happened"


def test_who_has_told_it_before_hears_an_apology_and_what_was_tried(app: App, shop: Shop) -> None:
    edit_word(app, shop, "questions", "what-happened", from_the_beginning=True)
    create_word(app, shop, "questions", "how-was-it")
    app.clock.move(minutes=1)
    assert log_concern(app, shop, times_told=1)["guidance"]["opening"] is None
    again = log_concern(app, shop, times_told=2)["guidance"]
    assert (again["opening"], question(again)) == ("I am sorry that you have to tell this again.", "how-was-it")
    first = log_concern(app, shop, **QUILL, recovery_actions=[{"remedy": "remake"}, {"remedy": "apology"}])
    move(app, shop, first, "resolve")
    app.clock.move(hours=1)
    more = log_concern(app, shop, **QUILL, times_told=3, recovery_actions=[{"remedy": "voucher"}, {"remedy": "remake"}])
    sorry = "I am sorry that you have to tell this again. What we have tried: Made again, Apology, Voucher."
    assert (more["guidance"]["opening"], question(more["guidance"])) == (sorry, "how-was-it")
    query = {"customer_id": first["customer_id"], "times_told": "2"}
    asking = get_guidance(app, shop, **query).json
    assert asking["opening"] == "I am sorry that you have to tell this again. What we have tried: Made again, Apology."
    assert question(asking) == "how-was-it"
    portuguese = app.request(
        "GET", "/v1/guidance", (shop, "floor"), query_string=query, headers={"Accept-Language": "pt-PT, en;q=0.5"}
    )
    assert portuguese.json["opening"].startswith("Lamento que tenha de contar isto outra vez.")


@pytest.mark.parametrize(("mood", "worth_it"), [(1, True), (2, True), (3, False)])
def test_what_is_at_stake_is_worth_asking_an_unhappy_customer(
    app: App, shop: Shop, *, mood: int, worth_it: bool
) -> None:
    assert ("stake" in log_concern(app, shop, mood=mood)["missing"]) is worth_it
    assert "stake" not in log_concern(app, shop, mood=mood, stake="A birthday")["missing"]


def test_offers_come_in_the_order_of_what_helped_and_words_come_first(app: App, shop: Shop) -> None:
    assert offered(get_guidance(app, shop, **COLD_FOOD).json) == ["apology", "remake", "voucher"]
    log_past_concerns(app, shop, 10, mood_after=5)
    for _ in range(10):
        ended = {"outcome": "lost", "mood_after": 2}
        log_concern(app, shop, mood=2, **COLD_FOOD, recovery_actions=[{"remedy": "remake"}], **ended)
    app.clock.move(minutes=1)
    guidance = get_guidance(app, shop, **COLD_FOOD).json
    assert offered(guidance) == ["apology", "voucher", "remake"]
    helped = [(offer["n"], offer["mood_lift"]) for offer in guidance["offers"]]
    assert helped == [(0, None), (10, 3.0), (10, 0.0)]
    edit_word(app, shop, "categories", "food", about_money=True)
    app.clock.move(minutes=1)
    guidance = get_guidance(app, shop, **COLD_FOOD).json
    assert offered(guidance) == ["voucher", "apology", "remake"], "what is untried stands at the mean"


def test_how_they_left_may_stay_unknown(app: App, shop: Shop) -> None:
    at_once = log_concern(app, shop, mood=1, handling="mine", outcome="recovered")
    assert (at_once["status"], at_once["mood_after"], at_once["as_typed"]) == ("resolved", None, None)
    for body in ({"outcome": "recovered"}, {"outcome": "recovered", "mood_after": None}):
        concern = log_concern(app, shop, mood=1)
        answer = app.request("POST", f"/v1/concerns/{concern['id']}/resolve", (shop, "floor"), json=body)
        assert (answer.status_code, answer.json["mood_after"]) == (200, None)
    move(app, shop, log_concern(app, shop, mood=2), "resolve")
    day = at_once["business_date"]
    report = app.request("GET", f"/v1/reports/recovery?from={day}&to={day}", (shop, "manager")).json["totals"]
    assert (report["recovered"], report["mood_lift"]) == (4, {"mean": 2.0, "n": 1})
