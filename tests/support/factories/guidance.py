"""Concerns of one cause, and what guidance says about it."""

from typing import Any

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD_FOOD = {"category": "food", "cause": "cold"}


def get_guidance(world: App, shop: Shop, by: str = "floor", **query: Any) -> Any:
    return world.request("GET", "/v1/guidance", (shop, by), query_string=query)


def guidance_offer(world: App, shop: Shop, remedy: str, **query: Any) -> dict[str, Any]:
    (found,) = (one for one in get_guidance(world, shop, **query).json["offers"] if one["remedy"] == remedy)
    told: dict[str, Any] = found
    return told


def log_past_concerns(world: App, shop: Shop, times: int, *, cost: int = 500, mood_after: int = 4, **said: Any) -> None:
    """Log so many concerns about a cold dish, a minute ago: each got a voucher and ended in that mood."""
    voucher = {"remedy": "voucher", "cost": {"amount": cost, "currency": "EUR"}}
    ended = {"outcome": "recovered", "mood_after": mood_after}
    for _ in range(times):
        log_concern(world, shop, mood=2, **COLD_FOOD, recovery_actions=[voucher], **ended, **said)
    world.clock.move(minutes=1)


def limit_vouchers(world: App, shop: Shop, per_customer: int, per_staff: int | None = None) -> None:
    items = world.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (voucher,) = (one for one in items if one["slug"] == "voucher")
    most = {"per_customer": {"amount": per_customer, "currency": "EUR"}}
    if per_staff is not None:
        most["per_staff"] = {"amount": per_staff, "currency": "EUR"}
    path, headers = f"/v1/remedies/{voucher['id']}", {"If-Match": f'"{voucher["version"]}"'}
    body = {"limits": [{"role": "floor", **most}]}
    assert world.request("PATCH", path, (shop, "admin"), json=body, headers=headers).status_code == 200
