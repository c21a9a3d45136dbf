"""Follow-ups: made, kept, cancelled and handed over over HTTP, with the worker up to date."""

from datetime import timedelta
from typing import Any

from models.recovery.follow_up import FollowUp
from tests.support.rows import rows
from tests.support.store_scenario import StoreScenario


def make_follow_up(
    scenario: StoreScenario, by: str = "floor", *, minutes: float = 120, **fields: Any
) -> dict[str, Any]:
    """Make a follow-up that is due in so many minutes, and let the worker run."""
    concern = fields.pop("concern", None) or scenario.log(mood=3, customer={"phone": "912 345 678"})
    due_at = scenario.app.clock() + timedelta(minutes=minutes)
    body = {"what": "We call with the day of delivery.", "kind": "call", "due_at": due_at.isoformat(), **fields}
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    answer = scenario.app.request("POST", path, (scenario.shop, by), json=body)
    assert answer.status_code == 201, answer.text
    scenario.let_pass(seconds=0)
    result: dict[str, Any] = answer.json
    return result


def change_follow_up(
    scenario: StoreScenario, follow_up: dict[str, Any], verb: str, by: str = "floor", **fields: Any
) -> dict[str, Any]:
    """Keep, cancel or hand over a follow-up, and let the worker run."""
    answer = scenario.app.request("POST", f"/v1/follow-ups/{follow_up['id']}/{verb}", (scenario.shop, by), json=fields)
    assert answer.status_code == 200, answer.text
    scenario.let_pass(seconds=0)
    result: dict[str, Any] = answer.json
    return result


def hand_over_follow_up(
    scenario: StoreScenario, follow_up: dict[str, Any], to: str, by: str = "floor"
) -> dict[str, Any]:
    return change_follow_up(scenario, follow_up, "hand-over", by, staff_id=str(scenario.shop.staff[to]))


def follow_up_row(scenario: StoreScenario, follow_up: dict[str, Any]) -> FollowUp:
    return next(row for row in rows(scenario.app, FollowUp) if str(row.id) == follow_up["id"])
