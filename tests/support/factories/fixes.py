"""Fixes of causes: the concerns that raised them, and the thank-yous to customers."""

from typing import Any

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD_FOOD = {"category": "food", "cause": "cold"}


DUE = "2026-04-01T12:00:00Z"


def request(world: App, shop: Shop, method: str, path: str, by: str = "manager", **options: Any) -> Any:
    return world.request(method, f"/v1{path}", (shop, by), **options)


def log_concern_of(
    world: App, shop: Shop, customer_id: str | None, *, by: str = "manager", **said: Any
) -> dict[str, Any]:
    """Log a concern with that cause, of this customer or of somebody unknown; return the answer."""
    whose = {} if customer_id is None else {"customer_id": customer_id}
    return log_concern(world, shop, by, **{"mood": 3, **COLD_FOOD, **whose, **said})


def make_fix(world: App, shop: Shop, by: str = "manager", **said: Any) -> dict[str, Any]:
    """Record that the cause is fixed in the first store; return the answer."""
    body = {**COLD_FOOD, "what": "New lamps.", "store_id": str(shop.store_id), **said}
    answer = request(world, shop, "POST", "/fixes", by, json={name: it for name, it in body.items() if it is not None})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json
    return told


def make_thank_yous(world: App, shop: Shop, told: dict[str, Any], by: str = "manager", **said: Any) -> dict[str, Any]:
    answer = request(world, shop, "POST", f"/fixes/{told['id']}/thank-yous", by, json={"due_at": DUE, **said})
    assert answer.status_code == 200, answer.text
    followed: dict[str, Any] = answer.json
    return followed


def customers_of_fix(world: App, shop: Shop, told: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    answer = request(world, shop, "GET", f"/fixes/{told['id']}/customers", by, query_string={"limit": 200})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def thank_you_statuses(world: App, shop: Shop, told: dict[str, Any], by: str = "manager") -> dict[str, str | None]:
    """Return the status of the thank-you by name of the customer; None where there is none yet."""
    return {
        one["customer"]["name"]: one["thank_you"]["status"] if one["thank_you"] else None
        for one in customers_of_fix(world, shop, told, by)
    }


def fix_figures(*, raised: int, since: int = 0, thanked: int = 0, left: int = 0) -> dict[str, Any]:
    return {"raised": raised, "raised_since": since, "thanked": thanked, "left": left}


def follow_ups_of_fix(world: App, shop: Shop, told: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(world, shop, "GET", f"/follow-ups?fix_id={told['id']}", by).json["items"]
    return found
