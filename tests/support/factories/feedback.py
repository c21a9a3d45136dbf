"""Feedback requests: the concern, its link, and the answer of the customer."""

from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.factories.organizations import Shop

KNOWN_CUSTOMER = {"customer": {"phone": "912 345 678"}}


def resolved_concern(world: App, shop: Shop, **said: Any) -> dict[str, Any]:
    """Log a concern that is already recovered."""
    told = {"mood": 3, "outcome": "recovered", "mood_after": 4, "place": "table-12", **said}
    answer = world.request("POST", "/v1/concerns", (shop, "floor"), json=told)
    assert answer.status_code == 201, answer.text
    return answer.json


def request_feedback(world: App, shop: Shop, concern: dict[str, Any], **options: Any) -> TestResponse:
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    return world.request("POST", path, (shop, "floor"), json=options.pop("json", {}), **options)


def feedback_path(world: App, shop: Shop, concern: dict[str, Any]) -> str:
    """Request feedback; return the path of the new link."""
    asked = request_feedback(world, shop, concern)
    assert asked.status_code == 201, asked.text
    return str(asked.json["link"]).partition(world.app.config["PUBLIC_URL"])[2]


def answer_feedback(world: App, path: str, **answers: Any) -> TestResponse:
    return world.request("POST", path, data=answers)


def read_concern(world: App, shop: Shop, concern: dict[str, Any], part: str = "") -> Any:
    answer = world.request("GET", f"/v1/concerns/{concern['id']}{part}", (shop, "manager"))
    assert answer.status_code == 200, answer.text
    return answer.json
