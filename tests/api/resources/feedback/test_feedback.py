"""Feedback requests: one link for one customer, one answer; a low rating reopens the concern."""

from datetime import timedelta
from functools import partial

import pytest

from models.access import KeyScope
from models.staff.credentials.api_key import ApiKey
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
from tests.support.store_scenario import StoreScenario
from tests.support.threads import at_once


def test_what_a_customer_says_stands_beside_the_concern(app: App, shop: Shop) -> None:
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    page = app.request("GET", path)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert answer_feedback(app, path, rating="5", recommend="10", words="Quick and kind.").status_code == 200
    (asked,) = read_concern(app, shop, concern, "/feedback-requests")["items"]
    assert (asked["rating"], asked["recommend"], asked["words"]) == (5, 10, "Quick and kind.")
    assert asked["answered_at"] is not None
    now = read_concern(app, shop, concern)
    assert (now["status"], now["rating"], now["reopened_count"]) == ("resolved", 5, 0)
    steps = [event["step"] for event in read_concern(app, shop, concern, "/events")["items"]]
    assert steps[-2:] == ["feedback_asked", "feedback_given"]


def test_a_low_rating_opens_the_concern_again_and_rings_the_managers(scenario: StoreScenario) -> None:
    concern = resolved_concern(scenario.app, scenario.shop)
    scenario.let_pass(hours=3)
    assert scenario.addresses_by_second() == {}
    answer_feedback(scenario.app, feedback_path(scenario.app, scenario.shop, concern), rating="2", words="Still cold.")
    again = read_concern(scenario.app, scenario.shop, concern)
    assert (again["status"], again["outcome"], again["rating"], again["reopened_count"]) == ("open", None, 2, 1)
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second() == {3 * 3600: {"colleague", "lead", "manager"}}
    assert {message.title for _, message in scenario.messages} == {"Unhappy after all, table 12"}
    alert = scenario.app.request("GET", f"/v1/alerts/{again['alert']['id']}", (scenario.shop, "manager")).json
    assert (alert["reason"], alert["state"]) == ("feedback", "open")


def test_a_low_rating_of_what_was_logged_too_late_to_ring_rings(scenario: StoreScenario) -> None:
    occurred_at = (scenario.app.clock() - timedelta(hours=2)).isoformat()
    concern = resolved_concern(scenario.app, scenario.shop, mood=1, occurred_at=occurred_at)
    answer_feedback(scenario.app, feedback_path(scenario.app, scenario.shop, concern), rating="1")
    assert read_concern(scenario.app, scenario.shop, concern)["alert"]["state"] == "open"


@pytest.mark.parametrize("verb", ["reopen", "take"])
def test_a_low_rating_of_what_is_open_again_already_calls_all_the_same(scenario: StoreScenario, verb: str) -> None:
    app, shop = scenario.app, scenario.shop
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    for step in ("reopen", "take") if verb == "take" else ("reopen",):
        assert app.request("POST", f"/v1/concerns/{concern['id']}/{step}", (shop, "colleague")).status_code == 200
    assert answer_feedback(app, path, rating="1").status_code == 200
    scenario.let_pass(seconds=1)
    now = read_concern(app, shop, concern)
    assert (now["rating"], now["reopened_count"]) == (1, 1)
    rung = {0: {"colleague", "lead", "manager"}} if verb == "reopen" else {}  # who took it is there
    assert scenario.addresses_by_second() == rung


def test_a_rating_is_about_the_end_it_was_given_to(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = resolved_concern(app, shop)
    answer_feedback(app, feedback_path(app, shop, concern), rating="2")
    ended = {"outcome": "recovered", "mood_after": 5}
    assert app.request("POST", f"/v1/concerns/{concern['id']}/resolve", (shop, "floor"), json=ended).status_code == 200
    assert read_concern(app, shop, concern)["rating"] is None
    scenario.let_pass(days=3)
    before = scenario.addresses_by_second()
    app.request("POST", f"/v1/concerns/{concern['id']}/reopen", (shop, "manager"))
    scenario.let_pass(hours=1)
    assert (scenario.addresses_by_second(), read_concern(app, shop, concern)["status"]) == (before, "open")


def test_a_till_that_reads_no_words_prints_the_link_all_the_same(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        scopes = (KeyScope.CONCERNS_WRITE,)
        key = ApiKey.create(session, organization_id=shop.organization_id, name="till", scopes=scopes, at=app.clock())
    shop.tokens["till"] = str(key.secret)
    answer = app.request(
        "POST", f"/v1/concerns/{resolved_concern(app, shop)['id']}/feedback-requests", (shop, "till"), json={}
    )
    assert (answer.status_code, answer.json["words"]) == (201, None)
    assert app.request("GET", answer.json["link"].partition(app.flask.config["PUBLIC_URL"])[2]).status_code == 200


def test_a_link_takes_one_answer(app: App, shop: Shop) -> None:
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    assert answer_feedback(app, path, rating="5").status_code == 200
    assert answer_feedback(app, path, rating="1").status_code == 409
    assert app.request("GET", path).status_code == 200
    assert read_concern(app, shop, concern)["rating"] == 5


def test_a_link_expires(app: App, shop: Shop) -> None:
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    app.clock.move(days=30)
    assert app.request("GET", path).status_code == 410
    assert answer_feedback(app, path, rating="1").status_code == 410
    app.clock.move(days=-1)  # sign-ins do not last longer either
    assert read_concern(app, shop, concern)["rating"] is None


def test_only_what_is_over_is_asked_about_and_no_praise(app: App, shop: Shop) -> None:
    unchanged = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}).json
    assert_problem(request_feedback(app, shop, unchanged), 409, "not-now")
    assert_problem(request_feedback(app, shop, resolved_concern(app, shop, kind="praise", mood=5)), 409, "not-now")


def test_one_customer_is_asked_once_in_the_organizations_number_of_days(app: App, shop: Shop) -> None:
    app.request("PUT", "/v1/feedback-policy", (shop, "admin"), json={"days_between": 7})
    first, second = resolved_concern(app, shop, **KNOWN_CUSTOMER), resolved_concern(app, shop, **KNOWN_CUSTOMER)
    feedback_request = request_feedback(app, shop, first).json
    again = assert_problem(request_feedback(app, shop, first), 409, "asked-already")
    assert again["feedback_request_id"] == feedback_request["id"]
    refused = assert_problem(request_feedback(app, shop, second), 409, "asked-already")
    assert "feedback_request_id" not in refused
    app.clock.move(days=6, hours=23)
    assert_problem(request_feedback(app, shop, second), 409, "asked-already")
    app.clock.move(hours=1)
    assert request_feedback(app, shop, second).status_code == 201


def test_the_administrator_says_how_often(app: App, shop: Shop) -> None:
    path = "/v1/feedback-policy"
    assert app.request("GET", path, (shop, "manager")).json == {"days_between": 30}
    for days in (7, 0):
        answer = app.request("PUT", path, (shop, "admin"), json={"days_between": days})
        assert (answer.status_code, answer.json) == (200, {"days_between": days})
    assert app.request("GET", path, (shop, "manager")).json == {"days_between": 0}
    assert_problem(app.request("PUT", path, (shop, "manager"), json={"days_between": 1}), 403, "forbidden")
    assert_invalid_value(app.request("PUT", path, (shop, "admin"), json={"days_between": 366}), "body", "/days_between")
    first, second = resolved_concern(app, shop, **KNOWN_CUSTOMER), resolved_concern(app, shop, **KNOWN_CUSTOMER)
    assert (request_feedback(app, shop, first).status_code, request_feedback(app, shop, second).status_code) == (
        201,
        201,
    )


def test_unknown_customers_are_asked_once_for_each_concern(app: App, shop: Shop) -> None:
    first, second = resolved_concern(app, shop), resolved_concern(app, shop)
    assert (request_feedback(app, shop, first).status_code, request_feedback(app, shop, second).status_code) == (
        201,
        201,
    )
    assert_problem(request_feedback(app, shop, first), 409, "asked-already")


def test_a_repeat_shows_the_same_link(app: App, shop: Shop) -> None:
    concern, headers = resolved_concern(app, shop), {"Idempotency-Key": "k"}
    first, second = (request_feedback(app, shop, concern, headers=headers) for _ in range(2))
    assert (second.status_code, second.json["link"]) == (201, first.json["link"])
    assert second.headers["Idempotent-Replayed"] == "true"


def test_the_code_holds_the_link(app: App, shop: Shop) -> None:
    feedback_request = request_feedback(app, shop, resolved_concern(app, shop)).json
    image = app.request("GET", f"/v1/feedback-requests/{feedback_request['id']}/qr", (shop, "floor"))
    assert (image.status_code, image.mimetype) == (200, "image/svg+xml")
    assert qr.read_qr_code(image.text) == feedback_request["link"]


def test_head_office_reads_figures_and_neither_words_nor_links(app: App, shop: Shop) -> None:
    concern = resolved_concern(app, shop)
    answer_feedback(app, feedback_path(app, shop, concern), rating="4", words="Not for everybody.")
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    (asked,) = app.request("GET", path, (shop, "hq")).json["items"]
    assert (asked["rating"], asked["words"], asked["link"], asked["asked_by"]) == (4, None, None, None)
    assert_problem(app.request("GET", f"/v1/feedback-requests/{asked['id']}/qr", (shop, "hq")), 403, "forbidden")


@only_on_postgresql
def test_of_answers_at_the_same_moment_one_counts(app: App, shop: Shop) -> None:
    concern = resolved_concern(app, shop)
    path = feedback_path(app, shop, concern)
    answers = at_once([lambda: answer_feedback(app, path, rating="1").status_code] * 8)
    assert sorted(answers) == [200] + [409] * 7
    assert read_concern(app, shop, concern)["reopened_count"] == 1


@only_on_postgresql
def test_of_links_for_one_customer_at_the_same_moment_one_is_made(app: App, shop: Shop) -> None:
    concerns = [resolved_concern(app, shop, **KNOWN_CUSTOMER) for _ in range(6)]
    answers = at_once([partial(request_feedback, app, shop, concern) for concern in concerns])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
