"""Fixes of causes: the concerns that raised them, and the thank-yous to customers."""

from typing import Any

from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

COLD_FOOD = {"category": "food", "cause": "cold"}


DUE = "2026-04-01T12:00:00Z"


def request(app: App, shop: Shop, method: str, path: str, by: str = "manager", **options: Any) -> Any:
    return app.request(method, f"/v1{path}", (shop, by), **options)


def log_concern_of(
    app: App, shop: Shop, customer_id: str | None, *, by: str = "manager", **fields: Any
) -> dict[str, Any]:
    """Log a concern with that cause, of this customer or of somebody unknown; return the answer."""
    whose = {} if customer_id is None else {"customer_id": customer_id}
    return log_concern(app, shop, by, **{"mood": 3, **COLD_FOOD, **whose, **fields})


def make_fix(app: App, shop: Shop, by: str = "manager", **fields: Any) -> dict[str, Any]:
    """Record that the cause is fixed in the first store; return the answer."""
    body = {**COLD_FOOD, "what": "New lamps.", "store_id": str(shop.store_id), **fields}
    answer = request(app, shop, "POST", "/fixes", by, json={name: it for name, it in body.items() if it is not None})
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json
    return result


def make_thank_yous(app: App, shop: Shop, fix: dict[str, Any], by: str = "manager", **fields: Any) -> dict[str, Any]:
    answer = request(app, shop, "POST", f"/fixes/{fix['id']}/thank-yous", by, json={"due_at": DUE, **fields})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def customers_of_fix(app: App, shop: Shop, fix: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    answer = request(app, shop, "GET", f"/fixes/{fix['id']}/customers", by, query_string={"limit": 200})
    assert answer.status_code == 200, answer.text
    result: list[dict[str, Any]] = answer.json["items"]
    return result


def thank_you_statuses(app: App, shop: Shop, fix: dict[str, Any], by: str = "manager") -> dict[str, str | None]:
    """Return the status of the thank-you by name of the customer; None where there is none yet."""
    return {
        row["customer"]["name"]: row["thank_you"]["status"] if row["thank_you"] else None
        for row in customers_of_fix(app, shop, fix, by)
    }


def fix_figures(*, raised: int, since: int = 0, thanked: int = 0, left: int = 0) -> dict[str, Any]:
    return {"raised": raised, "raised_since": since, "thanked": thanked, "left": left}


def follow_ups_of_fix(app: App, shop: Shop, fix: dict[str, Any], by: str = "manager") -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = request(app, shop, "GET", f"/follow-ups?fix_id={fix['id']}", by).json["items"]
    return result
