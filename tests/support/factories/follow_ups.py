"""Follow-ups: promised, kept, cancelled and handed over as the app does it."""

from datetime import timedelta
from typing import Any

from models.recovery.follow_up import FollowUp
from tests.support.rows import rows
from tests.support.store_scenario import Evening


def promise(evening: Evening, by: str = "floor", *, minutes: float = 120, **said: Any) -> dict[str, Any]:
    """Promise a call in so many minutes; what is to be done at once is done."""
    concern = said.pop("concern", None) or evening.log(mood=3)
    due_at = evening.world.clock() + timedelta(minutes=minutes)
    body = {"what": "We call with the day of delivery.", "kind": "call", "due_at": due_at.isoformat(), **said}
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    answer = evening.world.request("POST", path, (evening.shop, by), json=body)
    assert answer.status_code == 201, answer.text
    evening.let_pass(seconds=0)
    told: dict[str, Any] = answer.json
    return told


def step(evening: Evening, promised: dict[str, Any], verb: str, by: str = "floor", **said: Any) -> dict[str, Any]:
    """Keep, cancel or hand over; what is to be done at once is done."""
    answer = evening.world.request("POST", f"/v1/follow-ups/{promised['id']}/{verb}", (evening.shop, by), json=said)
    assert answer.status_code == 200, answer.text
    evening.let_pass(seconds=0)
    told: dict[str, Any] = answer.json
    return told


def hand_over(evening: Evening, promised: dict[str, Any], to: str, by: str = "floor") -> dict[str, Any]:
    return step(evening, promised, "hand-over", by, staff_id=str(evening.shop.staff[to]))


def of(evening: Evening, promised: dict[str, Any]) -> FollowUp:
    return next(row for row in rows(evening.world, FollowUp) if str(row.id) == promised["id"])
