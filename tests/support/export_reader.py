"""Reader of the change export: page by page up to the end, and the copy made from it."""

from typing import Any

from tests.support.app import App
from tests.support.factories.organizations import Shop

PATH = "/v1/exports/changes"


def page(app: App, shop: Shop, cursor: str | None = None, login: str = "hq", **query: Any) -> dict[str, Any]:
    answer = app.request("GET", PATH, (shop, login), query_string={**query, **({"cursor": cursor} if cursor else {})})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def follow(app: App, shop: Shop, cursor: str | None = None, **options: Any) -> tuple[list[dict[str, Any]], str]:
    """Return all items up to the end, and the cursor to continue from."""
    items: list[dict[str, Any]] = []
    while True:
        result = page(app, shop, cursor, **options)
        items += result["items"]
        cursor = str(result["next_cursor"])
        if result["end_of_stream"]:
            return items, cursor


def applied(items: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the copy of a reader who applies each item in turn."""
    copy: dict[tuple[str, str], dict[str, Any]] = {}
    for item in items:
        key = (item["kind"], item["id"])
        if item["op"] == "delete":
            copy.pop(key, None)
        else:
            copy[key] = {**item["object"], "version": item["version"], "store_id": item["store_id"]}
    return copy
