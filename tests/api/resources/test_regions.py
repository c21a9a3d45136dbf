"""Regions over HTTP: the administrator makes and renames them."""

from typing import Any
from uuid import uuid4

import pytest

from models.organizations import organization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.export_reader import follow, page
from tests.support.factories.organizations import Shop, make_shop


def add(app: App, shop: Shop, by: str = "admin", **fields: Any) -> Any:
    return app.request("POST", "/v1/regions", (shop, by), json={"slug": "islands", "name": "Islands", **fields})


def edit(app: App, shop: Shop, region: dict[str, Any], by: str = "admin", **changes: Any) -> Any:
    headers = {"If-Match": f'"{region["version"]}"'}
    return app.request("PATCH", f"/v1/regions/{region['id']}", (shop, by), json=changes, headers=headers)


def slugs(app: App, shop: Shop, by: str) -> list[str]:
    return [region["slug"] for region in app.request("GET", "/v1/regions", (shop, by)).json["items"]]


def test_a_region_is_made_and_renamed(app: App, shop: Shop) -> None:
    added = add(app, shop)
    assert (added.status_code, etag_version(added)) == (201, 1)
    assert added.json == {"id": added.json["id"], "version": 1, "slug": "islands", "name": "Islands"}
    renamed = edit(app, shop, added.json, name="The islands")
    assert renamed.json == {**added.json, "name": "The islands", "version": 2}
    assert_problem(edit(app, shop, added.json, name="No"), 412, "stale-version")
    without = app.request("PATCH", f"/v1/regions/{added.json['id']}", (shop, "admin"), json={"name": "No"})
    assert_problem(without, 428, "version-required")
    assert slugs(app, shop, "admin") == ["here", "islands", "there"]
    assert slugs(app, shop, "manager") == ["here"]  # it has no store that they reach


def test_the_same_request_twice_makes_one_region(app: App, shop: Shop) -> None:
    body = {"id": str(uuid4())}
    first, again = add(app, shop, **body), add(app, shop, **body)
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    assert_problem(add(app, shop, **body, name="Other"), 409, "already-exists")


def test_what_cannot_be_a_region_is_refused(app: App, shop: Shop) -> None:
    assert assert_problem(add(app, shop, slug="here"), 409, "already-exists")["pointer"] == "/slug"
    assert_invalid_value(add(app, shop, slug="Not a slug"), "body", "/slug")
    assert_invalid_value(add(app, shop, name=""), "body", "/name")
    region = add(app, shop).json
    assert_invalid_value(edit(app, shop, region, slug="other"), "body", "/slug", "unknown-field")
    assert add(app, make_shop(app.back_office, "other")).status_code == 201  # slugs are the organization's own


def test_only_the_administrator_makes_regions(app: App, shop: Shop) -> None:
    region = add(app, shop).json
    for login in ("floor", "manager", "regional", "hq", "key"):
        assert_problem(add(app, shop, login), 403, "forbidden")
        assert_problem(edit(app, shop, region, login, name="No"), 403, "forbidden")


def test_an_organization_has_as_many_regions_as_it_may(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organization, "MAX_REGIONS", 3)
    assert add(app, shop).status_code == 201
    assert_problem(add(app, shop, slug="more"), 409, "too-many")


def test_a_region_leaves_with_the_export(app: App, shop: Shop) -> None:
    _, cursor = follow(app, shop)
    edit(app, shop, add(app, shop).json, name="The islands")
    (item,) = page(app, shop, cursor)["items"]
    assert (item["kind"], item["object"]) == ("region", {"slug": "islands", "name": "The islands"})
