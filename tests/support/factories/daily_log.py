"""Daily logs: their notes, sign-offs and amendments over HTTP, and the concerns in them."""

from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.assertions import etag_version
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop

DAY = NOON.date()


NEXT_DAY = DAY + timedelta(days=1)


def log_path(shop: Shop, day: Any = DAY, rest: str = "") -> str:
    return f"/v1/stores/{shop.store_id}/recovery-logs/{day}{rest}"


def read_log(app: App, shop: Shop, day: Any = DAY, by: str = "manager") -> dict[str, Any]:
    answer = app.request("GET", log_path(shop, day), (shop, by))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    assert etag_version(answer) == shown["page"]["version"]
    return shown


def write_notes(app: App, shop: Shop, notes: dict[str, Any], *, by: str = "manager", read: str = "*") -> TestResponse:
    return app.request("PATCH", log_path(shop), (shop, by), json={"notes": notes}, headers={"If-Match": read})


def sign_off(app: App, shop: Shop, day: Any = DAY, by: str = "manager", **options: Any) -> TestResponse:
    return app.request("POST", log_path(shop, day, "/sign-off"), (shop, by), **options)


def add_amendment(app: App, shop: Shop, by: str = "manager", **options: Any) -> TestResponse:
    fields = {"reason": "It was forgotten.", "text": "The oven was out for an hour."}
    return app.request("POST", log_path(shop, rest="/amendments"), (shop, by), json={**fields, **options})


def log_concern_id(app: App, shop: Shop, by: str = "floor", **fields: Any) -> str:
    body = {"mood": 2, "store_id": str(shop.store_id), **fields}
    answer = app.request("POST", "/v1/concerns", (shop, by), json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def resolve_concern(app: App, shop: Shop, concern_id: str) -> None:
    ended = {"outcome": "recovered", "mood_after": 4}
    answer = app.request("POST", f"/v1/concerns/{concern_id}/resolve", (shop, "manager"), json=ended)
    assert answer.status_code == 200, answer.text


def ids_of(concerns: list[dict[str, Any]]) -> list[str]:
    return [concern["id"] for concern in concerns]
