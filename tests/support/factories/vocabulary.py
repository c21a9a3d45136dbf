"""Words of an organization, as an administrator changes them over HTTP."""

from typing import Any

from tests.support.app import App
from tests.support.factories.organizations import Shop

# For tests that are not about limits: up to the ceiling of one action everybody gives what they want.
GENEROUS_LIMITS = [
    {"role": role, "per_customer": {"amount": 10**7, "currency": "EUR"}} for role in ("floor", "manager", "regional")
]


def create_word(app: App, shop: Shop, kind: str, slug: str, /, **fields: Any) -> Any:
    """Create a category, question or remedy (`kind` is the last part of its address); return the answer."""
    name = {"questions": {"text": f"{slug}?"}, "remedies": {"name": slug.title(), "kind": "gift"}}
    body = {"slug": slug, **name.get(kind, {"name": slug.title()}), **fields}
    return app.request("POST", f"/v1/{kind}", (shop, "admin"), json=body)


def words(app: App, shop: Shop, kind: str) -> dict[str, Any]:
    """Return all words of this kind by their slug, in the order of the list."""
    items = app.request("GET", f"/v1/{kind}", (shop, "floor"), query_string={"limit": 200}).json["items"]
    return {word["slug"]: word for word in items}


def edit_word(app: App, shop: Shop, kind: str, slug: str, /, **changes: Any) -> Any:
    """Change the word that has this slug now; return the answer."""
    path = f"/v1/{kind}/{words(app, shop, kind)[slug]['id']}"
    return app.request("PATCH", path, (shop, "admin"), json=changes, headers={"If-Match": "*"})


def cause_id(app: App, shop: Shop, slug: str) -> str:
    """Return the id of the cause that has this slug now."""
    causes = (cause for category in words(app, shop, "categories").values() for cause in category["causes"])
    (id_,) = (cause["id"] for cause in causes if cause["slug"] == slug)
    return str(id_)


def merge(app: App, shop: Shop, kind: str, slug: str, into: str) -> Any:
    """Merge a category or cause into another one (`kind` is `categories` or `causes`); return the answer."""
    if kind == "causes":
        ids = [cause_id(app, shop, each) for each in (slug, into)]
    else:
        ids = [words(app, shop, kind)[each]["id"] for each in (slug, into)]
    return app.request("POST", f"/v1/{kind}/{ids[0]}/merge", (shop, "admin"), json={"into": ids[1]})
