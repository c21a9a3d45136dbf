"""Requests of those who administer people: hire, change, let go."""

from typing import Any
from uuid import UUID

from tests.support.app import App
from tests.support.factories.organizations import Shop

ANA = {"name": "Ana Alves", "login": "ana", "role": "floor"}


def hire_person(app: App, shop: Shop, by: str = "manager", **fields: Any) -> Any:
    """Hire Ana, for the first store unless other stores are named; return the answer."""
    store_ids = [str(store_id) for store_id in fields.pop("store_ids", [shop.store_id])]
    options = {"headers": fields.pop("headers", {})}
    return app.request("POST", "/v1/staff", (shop, by), json={**ANA, "store_ids": store_ids, **fields}, **options)


def change_person(
    app: App, shop: Shop, person: str | UUID, by: str = "manager", *, version: str = "*", **changes: Any
) -> Any:
    """Change somebody, who is named by login or id; return the answer."""
    headers = {"If-Match": version}
    return app.request("PATCH", f"/v1/staff/{id_of(shop, person)}", (shop, by), json=changes, headers=headers)


def read_person(app: App, shop: Shop, person: str | UUID, by: str = "manager") -> Any:
    return app.request("GET", f"/v1/staff/{id_of(shop, person)}", (shop, by))


def id_of(shop: Shop, person: str | UUID) -> str:
    return str(shop.staff.get(str(person), person))


def make_code(app: App, shop: Shop, person: str | UUID, by: str = "manager", **body: Any) -> Any:
    """Make a one-time code for somebody; return the answer."""
    return app.request("POST", f"/v1/staff/{id_of(shop, person)}/invitations", (shop, by), json=body)


def redeem(app: App, code: str, **secrets: str) -> Any:
    return app.request("POST", "/v1/invitations/redeem", json={"code": code, **secrets})


def sign_in(app: App, shop: Shop, login: str, password: str, **body: str) -> Any:
    body = {"organization": shop.slug, "login": login, "password": password, **body}
    return app.request("POST", "/v1/sessions", json=body)


def let_go(app: App, shop: Shop, person: str | UUID, by: str = "manager", **body: Any) -> Any:
    """Record that somebody leaves; `hand_over_to` is a login or an id. Return the answer."""
    headers = {"headers": body.pop("headers", {})}
    if to := body.get("hand_over_to"):
        body["hand_over_to"] = id_of(shop, to)
    return app.request("POST", f"/v1/staff/{id_of(shop, person)}/leave", (shop, by), json=body, **headers)


def bring_back(app: App, shop: Shop, person: str | UUID, by: str = "manager") -> Any:
    return app.request("POST", f"/v1/staff/{id_of(shop, person)}/return", (shop, by))
