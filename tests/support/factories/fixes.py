"""Fixes: who had raised the cause, who is asked for, who is thanked."""

from typing import Any

from tests.support.app import World
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD = {"category": "food", "cause": "cold"}


DUE = "2026-04-01T12:00:00Z"


def ask(world: World, shop: Shop, method: str, path: str, by: str = "manager", **options: Any) -> Any:
    return world.request(method, f"/v1{path}", (shop, by), **options)


def raised_by(world: World, shop: Shop, customer_id: str | None, *, by: str = "manager", **said: Any) -> dict[str, Any]:
    """A concern with that cause, of this customer or of somebody unknown; the answer."""
    whose = {} if customer_id is None else {"customer_id": customer_id}
    return log_concern(world, shop, by, **{"mood": 3, **COLD, **whose, **said})


def fix(world: World, shop: Shop, by: str = "manager", **said: Any) -> dict[str, Any]:
    """Say that it is fixed in the first store; the answer."""
    body = {**COLD, "what": "New lamps.", "store_id": str(shop.store_id), **said}
    answer = ask(world, shop, "POST", "/fixes", by, json={name: it for name, it in body.items() if it is not None})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json
    return told


def thank(world: World, shop: Shop, told: dict[str, Any], by: str = "manager", **said: Any) -> dict[str, Any]:
    answer = ask(world, shop, "POST", f"/fixes/{told['id']}/thank-yous", by, json={"due_at": DUE, **said})
    assert answer.status_code == 200, answer.text
    followed: dict[str, Any] = answer.json
    return followed


def customers(world: World, shop: Shop, told: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    answer = ask(world, shop, "GET", f"/fixes/{told['id']}/customers", by, query_string={"limit": 200})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def thanked_names(world: World, shop: Shop, told: dict[str, Any], by: str = "manager") -> dict[str, str | None]:
    """Who is listed, and how far their thank-you is."""
    return {
        one["customer"]["name"]: one["thank_you"]["status"] if one["thank_you"] else None
        for one in customers(world, shop, told, by)
    }


def figures(*, raised: int, since: int = 0, thanked: int = 0, left: int = 0) -> dict[str, Any]:
    return {"raised": raised, "raised_since": since, "thanked": thanked, "left": left}


def follow_ups(world: World, shop: Shop, told: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(world, shop, "GET", f"/follow-ups?fix_id={told['id']}", by).json["items"]
    return found
