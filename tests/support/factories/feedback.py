"""Feedback requests: the concern, its link, and the answer of the customer."""

from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import World
from tests.support.factories.organizations import Shop

KNOWN = {"customer": {"phone": "912 345 678"}}


def over(world: World, shop: Shop, **said: Any) -> dict[str, Any]:
    """A concern that was put right."""
    told = {"mood": 3, "outcome": "recovered", "mood_after": 4, "place": "table-12", **said}
    answer = world.request("POST", "/v1/concerns", (shop, "floor"), json=told)
    assert answer.status_code == 201, answer.text
    return answer.json


def ask(world: World, shop: Shop, concern: dict[str, Any], **options: Any) -> TestResponse:
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    return world.request("POST", path, (shop, "floor"), json=options.pop("json", {}), **options)


def link(world: World, shop: Shop, concern: dict[str, Any]) -> str:
    """The path of a new link."""
    asked = ask(world, shop, concern)
    assert asked.status_code == 201, asked.text
    return str(asked.json["link"]).partition(world.app.config["PUBLIC_URL"])[2]


def say(world: World, path: str, **answers: Any) -> TestResponse:
    return world.request("POST", path, data=answers)


def read(world: World, shop: Shop, concern: dict[str, Any], part: str = "") -> Any:
    answer = world.request("GET", f"/v1/concerns/{concern['id']}{part}", (shop, "manager"))
    assert answer.status_code == 200, answer.text
    return answer.json
