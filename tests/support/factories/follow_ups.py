"""Follow-ups: made, kept, cancelled and handed over over HTTP, with the worker up to date."""

from datetime import timedelta
from typing import Any

from models.recovery.follow_up import FollowUp
from tests.support.rows import rows
from tests.support.store_scenario import StoreScenario


def make_follow_up(evening: StoreScenario, by: str = "floor", *, minutes: float = 120, **said: Any) -> dict[str, Any]:
    """Make a follow-up that is due in so many minutes, and let the worker run."""
    concern = said.pop("concern", None) or evening.log(mood=3)
    due_at = evening.world.clock() + timedelta(minutes=minutes)
    body = {"what": "We call with the day of delivery.", "kind": "call", "due_at": due_at.isoformat(), **said}
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    answer = evening.world.request("POST", path, (evening.shop, by), json=body)
    assert answer.status_code == 201, answer.text
    evening.let_pass(seconds=0)
    told: dict[str, Any] = answer.json
    return told


def change_follow_up(
    evening: StoreScenario, promised: dict[str, Any], verb: str, by: str = "floor", **said: Any
) -> dict[str, Any]:
    """Keep, cancel or hand over a follow-up, and let the worker run."""
    answer = evening.world.request("POST", f"/v1/follow-ups/{promised['id']}/{verb}", (evening.shop, by), json=said)
    assert answer.status_code == 200, answer.text
    evening.let_pass(seconds=0)
    told: dict[str, Any] = answer.json
    return told


def hand_over_follow_up(evening: StoreScenario, promised: dict[str, Any], to: str, by: str = "floor") -> dict[str, Any]:
    return change_follow_up(evening, promised, "hand-over", by, staff_id=str(evening.shop.staff[to]))


def follow_up_row(evening: StoreScenario, promised: dict[str, Any]) -> FollowUp:
    return next(row for row in rows(evening.world, FollowUp) if str(row.id) == promised["id"])
