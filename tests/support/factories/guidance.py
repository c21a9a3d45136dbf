"""Concerns of one cause, and what guidance says about it."""

from typing import Any

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD_FOOD = {"category": "food", "cause": "cold"}


def get_guidance(app: App, shop: Shop, by: str = "floor", **query: Any) -> Any:
    return app.request("GET", "/v1/guidance", (shop, by), query_string=query)


def guidance_offer(app: App, shop: Shop, remedy: str, **query: Any) -> dict[str, Any]:
    (result,) = (offer for offer in get_guidance(app, shop, **query).json["offers"] if offer["remedy"] == remedy)
    return dict(result)


def log_past_concerns(app: App, shop: Shop, times: int, *, cost: int = 500, mood_after: int = 4, **fields: Any) -> None:
    """Log so many concerns about a cold dish, a minute ago: each got a voucher and ended in that mood."""
    voucher = {"remedy": "voucher", "cost": {"amount": cost, "currency": "EUR"}}
    ended = {"outcome": "recovered", "mood_after": mood_after}
    for _ in range(times):
        log_concern(app, shop, mood=2, **COLD_FOOD, recovery_actions=[voucher], **ended, **fields)
    app.clock.move(minutes=1)


def limit_vouchers(app: App, shop: Shop, per_customer: int, per_staff: int | None = None) -> None:
    items = app.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (voucher,) = (remedy for remedy in items if remedy["slug"] == "voucher")
    most = {"per_customer": {"amount": per_customer, "currency": "EUR"}}
    if per_staff is not None:
        most["per_staff"] = {"amount": per_staff, "currency": "EUR"}
    path, headers = f"/v1/remedies/{voucher['id']}", {"If-Match": f'"{voucher["version"]}"'}
    body = {"limits": [{"role": "floor", **most}]}
    assert app.request("PATCH", path, (shop, "admin"), json=body, headers=headers).status_code == 200
