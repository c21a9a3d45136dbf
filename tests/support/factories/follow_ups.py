"""Follow-ups: made, kept, cancelled and handed over over HTTP, with the worker up to date."""

from datetime import timedelta
from typing import Any

from models.recovery.follow_up import FollowUp
from tests.support.rows import rows
from tests.support.store_scenario import StoreScenario


def make_follow_up(evening: StoreScenario, by: str = "floor", *, minutes: float = 120, **fields: Any) -> dict[str, Any]:
    """Make a follow-up that is due in so many minutes, and let the worker run."""
    concern = fields.pop("concern", None) or evening.log(mood=3)
    due_at = evening.world.clock() + timedelta(minutes=minutes)
    body = {"what": "We call with the day of delivery.", "kind": "call", "due_at": due_at.isoformat(), **fields}
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    answer = evening.world.request("POST", path, (evening.shop, by), json=body)
    assert answer.status_code == 201, answer.text
    evening.let_pass(seconds=0)
    result: dict[str, Any] = answer.json
    return result


def change_follow_up(
    evening: StoreScenario, follow_up: dict[str, Any], verb: str, by: str = "floor", **fields: Any
) -> dict[str, Any]:
    """Keep, cancel or hand over a follow-up, and let the worker run."""
    answer = evening.world.request("POST", f"/v1/follow-ups/{follow_up['id']}/{verb}", (evening.shop, by), json=fields)
    assert answer.status_code == 200, answer.text
    evening.let_pass(seconds=0)
    result: dict[str, Any] = answer.json
    return result


def hand_over_follow_up(
    evening: StoreScenario, follow_up: dict[str, Any], to: str, by: str = "floor"
) -> dict[str, Any]:
    return change_follow_up(evening, follow_up, "hand-over", by, staff_id=str(evening.shop.staff[to]))


def follow_up_row(evening: StoreScenario, follow_up: dict[str, Any]) -> FollowUp:
    return next(row for row in rows(evening.world, FollowUp) if str(row.id) == follow_up["id"])
