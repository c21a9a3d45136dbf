"""Feedback requests: one link for one customer, one answer; a low rating reopens the concern."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from models.access import KeyScope
from models.staff.credentials import ApiKey
from tests.support import qr_reader as qr
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.feedback import (
    KNOWN_CUSTOMER,
    answer_feedback,
    feedback_path,
    read_concern,
    request_feedback,
    resolved_concern,
)
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.threads import at_once


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def test_what_a_customer_says_stands_beside_the_concern(world: App, shop: Shop) -> None:
    concern = resolved_concern(world, shop)
    path = feedback_path(world, shop, concern)
    page = world.request("GET", path)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert answer_feedback(world, path, rating="5", recommend="10", words="Quick and kind.").status_code == 200
    (asked,) = read_concern(world, shop, concern, "/feedback-requests")["items"]
    assert (asked["rating"], asked["recommend"], asked["words"]) == (5, 10, "Quick and kind.")
    assert asked["answered_at"] is not None
    now = read_concern(world, shop, concern)
    assert (now["status"], now["rating"], now["reopened_count"]) == ("resolved", 5, 0)
    steps = [event["step"] for event in read_concern(world, shop, concern, "/events")["items"]]
    assert steps[-2:] == ["feedback_asked", "feedback_given"]


def test_a_low_rating_opens_the_concern_again_and_rings_the_managers(evening: StoreScenario) -> None:
    concern = resolved_concern(evening.world, evening.shop)
    evening.let_pass(hours=3)
    assert evening.told() == {}
    answer_feedback(evening.world, feedback_path(evening.world, evening.shop, concern), rating="2", words="Still cold.")
    again = read_concern(evening.world, evening.shop, concern)
    assert (again["status"], again["outcome"], again["rating"], again["reopened_count"]) == ("open", None, 2, 1)
    evening.let_pass(seconds=1)
    assert evening.told() == {3 * 3600: {"colleague", "lead", "manager"}}
    assert {message.title for _, message in evening.messages} == {"Unhappy after all, table 12"}
    alert = evening.world.request("GET", f"/v1/alerts/{again['alert']['id']}", (evening.shop, "manager")).json
    assert (alert["reason"], alert["state"]) == ("feedback", "open")


def test_a_low_rating_of_what_was_logged_too_late_to_ring_rings(evening: StoreScenario) -> None:
    told = (evening.world.clock() - timedelta(hours=2)).isoformat()
    concern = resolved_concern(evening.world, evening.shop, mood=1, occurred_at=told)
    answer_feedback(evening.world, feedback_path(evening.world, evening.shop, concern), rating="1")
    assert read_concern(evening.world, evening.shop, concern)["alert"]["state"] == "open"


@pytest.mark.parametrize("verb", ["reopen", "take"])
def test_a_low_rating_of_what_is_open_again_already_calls_all_the_same(evening: StoreScenario, verb: str) -> None:
    world, shop = evening.world, evening.shop
    concern = resolved_concern(world, shop)
    path = feedback_path(world, shop, concern)
    for step in ("reopen", "take") if verb == "take" else ("reopen",):
        assert world.request("POST", f"/v1/concerns/{concern['id']}/{step}", (shop, "colleague")).status_code == 200
    assert answer_feedback(world, path, rating="1").status_code == 200
    evening.let_pass(seconds=1)
    now = read_concern(world, shop, concern)
    assert (now["rating"], now["reopened_count"]) == (1, 1)
    rung = {0: {"colleague", "lead", "manager"}} if verb == "reopen" else {}  # who took it is there
    assert evening.told() == rung


def test_a_rating_is_about_the_end_it_was_given_to(evening: StoreScenario) -> None:
    world, shop = evening.world, evening.shop
    concern = resolved_concern(world, shop)
    answer_feedback(world, feedback_path(world, shop, concern), rating="2")
    ended = {"outcome": "recovered", "mood_after": 5}
    assert (
        world.request("POST", f"/v1/concerns/{concern['id']}/resolve", (shop, "floor"), json=ended).status_code == 200
    )
    assert read_concern(world, shop, concern)["rating"] is None
    evening.let_pass(days=3)
    before = evening.told()
    world.request("POST", f"/v1/concerns/{concern['id']}/reopen", (shop, "manager"))
    evening.let_pass(hours=1)
    assert (evening.told(), read_concern(world, shop, concern)["status"]) == (before, "open")


def test_a_till_that_reads_no_words_prints_the_link_all_the_same(world: App, shop: Shop) -> None:
    with world.back_office.writing(shop.organization_id) as session:
        scopes = (KeyScope.CONCERNS_WRITE,)
        _, token = ApiKey.create(
            session, organization_id=shop.organization_id, name="till", scopes=scopes, at=world.clock()
        )
    shop.tokens["till"] = token.text
    asked = world.request(
        "POST", f"/v1/concerns/{resolved_concern(world, shop)['id']}/feedback-requests", (shop, "till"), json={}
    )
    assert (asked.status_code, asked.json["words"]) == (201, None)
    assert world.request("GET", asked.json["link"].partition(world.app.config["PUBLIC_URL"])[2]).status_code == 200


def test_a_link_takes_one_answer(world: App, shop: Shop) -> None:
    concern = resolved_concern(world, shop)
    path = feedback_path(world, shop, concern)
    assert answer_feedback(world, path, rating="5").status_code == 200
    assert answer_feedback(world, path, rating="1").status_code == 409
    assert world.request("GET", path).status_code == 200
    assert read_concern(world, shop, concern)["rating"] == 5


def test_a_link_expires(world: App, shop: Shop) -> None:
    concern = resolved_concern(world, shop)
    path = feedback_path(world, shop, concern)
    world.clock.move(days=30)
    assert world.request("GET", path).status_code == 410
    assert answer_feedback(world, path, rating="1").status_code == 410
    world.clock.move(days=-1)  # sign-ins do not last longer either
    assert read_concern(world, shop, concern)["rating"] is None


def test_only_what_is_over_is_asked_about_and_no_praise(world: App, shop: Shop) -> None:
    still = world.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}).json
    assert_problem(request_feedback(world, shop, still), 409, "not-now")
    assert_problem(request_feedback(world, shop, resolved_concern(world, shop, kind="praise", mood=5)), 409, "not-now")


def test_one_customer_is_asked_once_in_the_organizations_number_of_days(world: App, shop: Shop) -> None:
    world.request("PUT", "/v1/feedback-policy", (shop, "admin"), json={"days_between": 7})
    first, second = resolved_concern(world, shop, **KNOWN_CUSTOMER), resolved_concern(world, shop, **KNOWN_CUSTOMER)
    asked = request_feedback(world, shop, first).json
    again = assert_problem(request_feedback(world, shop, first), 409, "asked-already")
    assert again["feedback_request_id"] == asked["id"]
    refused = assert_problem(request_feedback(world, shop, second), 409, "asked-already")
    assert "feedback_request_id" not in refused
    world.clock.move(days=6, hours=23)
    assert_problem(request_feedback(world, shop, second), 409, "asked-already")
    world.clock.move(hours=1)
    assert request_feedback(world, shop, second).status_code == 201


def test_the_administrator_says_how_often(world: App, shop: Shop) -> None:
    path = "/v1/feedback-policy"
    assert world.request("GET", path, (shop, "manager")).json == {"days_between": 30}
    for days in (7, 0):
        answer = world.request("PUT", path, (shop, "admin"), json={"days_between": days})
        assert (answer.status_code, answer.json) == (200, {"days_between": days})
    assert world.request("GET", path, (shop, "manager")).json == {"days_between": 0}
    assert_problem(world.request("PUT", path, (shop, "manager"), json={"days_between": 1}), 403, "forbidden")
    assert_invalid_value(
        world.request("PUT", path, (shop, "admin"), json={"days_between": 366}), "body", "/days_between"
    )
    first, second = resolved_concern(world, shop, **KNOWN_CUSTOMER), resolved_concern(world, shop, **KNOWN_CUSTOMER)
    assert (request_feedback(world, shop, first).status_code, request_feedback(world, shop, second).status_code) == (
        201,
        201,
    )


def test_unknown_customers_are_asked_once_for_each_concern(world: App, shop: Shop) -> None:
    first, second = resolved_concern(world, shop), resolved_concern(world, shop)
    assert (request_feedback(world, shop, first).status_code, request_feedback(world, shop, second).status_code) == (
        201,
        201,
    )
    assert_problem(request_feedback(world, shop, first), 409, "asked-already")


def test_a_repeat_shows_the_same_link(world: App, shop: Shop) -> None:
    concern, headers = resolved_concern(world, shop), {"Idempotency-Key": "k"}
    first, second = (request_feedback(world, shop, concern, headers=headers) for _ in range(2))
    assert (second.status_code, second.json["link"]) == (201, first.json["link"])
    assert second.headers["Idempotent-Replayed"] == "true"


def test_the_code_holds_the_link(world: App, shop: Shop) -> None:
    asked = request_feedback(world, shop, resolved_concern(world, shop)).json
    image = world.request("GET", f"/v1/feedback-requests/{asked['id']}/qr", (shop, "floor"))
    assert (image.status_code, image.mimetype) == (200, "image/svg+xml")
    assert qr.read_qr_code(image.text) == asked["link"]


def test_head_office_reads_figures_and_neither_words_nor_links(world: App, shop: Shop) -> None:
    concern = resolved_concern(world, shop)
    answer_feedback(world, feedback_path(world, shop, concern), rating="4", words="Not for everybody.")
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    (asked,) = world.request("GET", path, (shop, "hq")).json["items"]
    assert (asked["rating"], asked["words"], asked["link"], asked["asked_by"]) == (4, None, None, None)
    assert_problem(world.request("GET", f"/v1/feedback-requests/{asked['id']}/qr", (shop, "hq")), 403, "forbidden")


@only_on_postgresql
def test_of_answers_at_the_same_moment_one_counts(world: App, shop: Shop) -> None:
    concern = resolved_concern(world, shop)
    path = feedback_path(world, shop, concern)
    answers = at_once([lambda: answer_feedback(world, path, rating="1").status_code] * 8)
    assert sorted(answers) == [200] + [409] * 7
    assert read_concern(world, shop, concern)["reopened_count"] == 1


@only_on_postgresql
def test_of_links_for_one_customer_at_the_same_moment_one_is_made(world: App, shop: Shop) -> None:
    concerns = [resolved_concern(world, shop, **KNOWN_CUSTOMER) for _ in range(6)]
    answers = at_once([partial(request_feedback, world, shop, concern) for concern in concerns])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
