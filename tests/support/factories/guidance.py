"""Concerns of one cause, and what guidance says about it."""

from typing import Any

from tests.support.app import World
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD = {"category": "food", "cause": "cold"}


def ask(world: World, shop: Shop, by: str = "floor", **query: Any) -> Any:
    return world.request("GET", "/v1/guidance", (shop, by), query_string=query)


def offer(world: World, shop: Shop, remedy: str, **query: Any) -> dict[str, Any]:
    (found,) = (one for one in ask(world, shop, **query).json["offers"] if one["remedy"] == remedy)
    told: dict[str, Any] = found
    return told


def happened(world: World, shop: Shop, times: int, *, cost: int = 500, mood_after: int = 4, **said: Any) -> None:
    """So many were told of the cold dish, got a voucher and left in that mood, a minute ago."""
    voucher = {"remedy": "voucher", "cost": {"amount": cost, "currency": "EUR"}}
    ended = {"outcome": "recovered", "mood_after": mood_after}
    for _ in range(times):
        log_concern(world, shop, mood=2, **COLD, recovery_actions=[voucher], **ended, **said)
    world.clock.move(minutes=1)


def limit_vouchers(world: World, shop: Shop, per_customer: int, per_staff: int | None = None) -> None:
    items = world.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (voucher,) = (one for one in items if one["slug"] == "voucher")
    most = {"per_customer": {"amount": per_customer, "currency": "EUR"}}
    if per_staff is not None:
        most["per_staff"] = {"amount": per_staff, "currency": "EUR"}
    path, headers = f"/v1/remedies/{voucher['id']}", {"If-Match": f'"{voucher["version"]}"'}
    body = {"limits": [{"role": "floor", **most}]}
    assert world.request("PATCH", path, (shop, "admin"), json=body, headers=headers).status_code == 200
