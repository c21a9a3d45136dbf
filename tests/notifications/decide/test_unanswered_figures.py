"""Figures of a call that found no phone: it rang, whatever a step of it reached, and went unanswered all the same."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.app import App
from tests.support.factories.concerns import move
from tests.support.factories.feedback import answer_feedback, feedback_path
from tests.support.store_scenario import StoreScenario, store_scenario

ONE_THAT_WENT_UNANSWERED = {"rang": 1, "taken": 1, "taken_in_time": 0, "taken_after_unanswered": 1, "unanswered": 1}


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


def figures(scenario: StoreScenario) -> dict[str, Any]:
    """The figures of calls in the report of alerts; that of recovery has those which it counts too."""
    query = {"from": "2026-03-01", "to": "2026-03-31"}
    alerts, recovery = (
        scenario.app.request("GET", f"/v1/reports/{name}", (scenario.shop, "manager"), query_string=query)
        for name in ("alerts", "recovery")
    )
    counted = {name: alerts.json["totals"][name] for name in ONE_THAT_WENT_UNANSWERED}
    totals = recovery.json["totals"]
    assert totals["unanswered_alerts"] == counted["unanswered"]
    assert {name: totals[name] for name in ("taken_in_time", "taken_after_unanswered")}.items() <= counted.items()
    return counted


def test_a_call_whose_later_steps_found_no_phone_went_unanswered(scenario: StoreScenario) -> None:
    scenario.give_phones("colleague", "lead")
    concern = scenario.log(mood=1)
    scenario.let_pass(minutes=21)
    phones = {step: phones for step, phones, _ in scenario.step_log()}
    assert (phones[0] > 0, min(phones.values())) == (True, 0), "somebody's phone rang, and a later step found none"
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    assert figures(scenario) == ONE_THAT_WENT_UNANSWERED


def test_so_did_one_that_was_late_and_called_later_without_finding_a_phone(scenario: StoreScenario) -> None:
    long_ago = (scenario.app.clock() - timedelta(hours=2)).isoformat()
    concern = scenario.log(mood=2, occurred_at=long_ago)
    assert figures(scenario) == dict.fromkeys(ONE_THAT_WENT_UNANSWERED, 0)
    move(scenario.app, scenario.shop, concern, "resolve")
    path = feedback_path(scenario.app, scenario.shop, concern)
    answer_feedback(scenario.app, path, rating=1)
    scenario.let_pass(minutes=21)
    assert {phones for _, phones, _ in scenario.step_log()} == {0}
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    was_handled_before = {"taken_in_time": 1, "taken_after_unanswered": 0}
    assert figures(scenario) == ONE_THAT_WENT_UNANSWERED | was_handled_before
