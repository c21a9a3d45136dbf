"""Groups of stores: the admin makes and changes them, everybody with a store in them reads them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.export_reader import follow, page
from tests.support.factories.organizations import Shop, make_shop


def ask(app: App, shop: Shop, method: str, path: str, by: str = "admin", **options: Any) -> Any:
    return app.request(method, f"/v1{path}", (shop, by), **options)


def create(app: App, shop: Shop, slug: str = "lanterns", **said: Any) -> Any:
    body = {"slug": slug, "name": slug.title(), "kind": "brand", **said}
    return ask(app, shop, "POST", "/groups", json=body)


def edit(app: App, shop: Shop, group: dict[str, Any], **changes: Any) -> Any:
    headers = {"If-Match": f'"{group["version"]}"'}
    return ask(app, shop, "PATCH", f"/groups/{group['id']}", json=changes, headers=headers)


def both(shop: Shop) -> list[str]:
    return sorted(map(str, (shop.store_id, shop.other_store_id)))


def slugs(app: App, shop: Shop, path: str, by: str = "admin") -> list[str]:
    return [group["slug"] for group in ask(app, shop, "GET", path, by).json["items"]]


def test_a_group_is_made_of_stores_of_several_regions(app: App, shop: Shop) -> None:
    made = create(app, shop, store_ids=both(shop))
    assert made.status_code == 201, made.text
    fields = {"slug": "lanterns", "name": "Lanterns", "kind": "brand", "store_ids": both(shop), "version": 1}
    assert made.json == {"id": made.json["id"], **fields}
    assert ask(app, shop, "GET", f"/groups/{made.json['id']}").json == made.json
    assert ask(app, shop, "GET", "/groups").json["items"] == [made.json]


def test_the_same_request_twice_makes_one_group(app: App, shop: Shop) -> None:
    options = {"json": {"slug": "lanterns", "name": "L", "kind": "brand"}, "headers": {"Idempotency-Key": "k"}}
    first, again = (ask(app, shop, "POST", "/groups", **options) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_stores_come_and_go_and_a_group_without_any_stays(app: App, shop: Shop) -> None:
    group = create(app, shop).json
    assert group["store_ids"] == []
    for store_ids in (both(shop), both(shop), both(shop)[1:], both(shop) * 2, []):
        changed = edit(app, shop, group, store_ids=store_ids)
        assert changed.status_code == 200, changed.text
        assert changed.json == {**group, "store_ids": sorted(set(store_ids)), "version": group["version"] + 1}
        group = changed.json
    assert ask(app, shop, "GET", f"/groups/{group['id']}").json == group


def test_a_name_is_changed_without_its_stores(app: App, shop: Shop) -> None:
    group = create(app, shop, store_ids=both(shop)).json
    changed = edit(app, shop, group, name="Red Lanterns", kind="franchisee")
    assert changed.json == {**group, "name": "Red Lanterns", "kind": "franchisee", "version": 2}
    path = f"/groups/{group['id']}"
    assert_problem(ask(app, shop, "PATCH", path, json={"name": "N"}), 428, "version-required")
    assert_problem(edit(app, shop, group, name="N"), 412, "stale-version")


def test_a_store_that_is_not_there_is_pointed_at(app: App, shop: Shop) -> None:
    theirs = make_shop(app.back_office, "stranger")
    group = create(app, shop, store_ids=both(shop)).json
    for unknown in (str(theirs.store_id), str(uuid4())):
        store_ids = [str(shop.store_id), unknown]
        for refused in (create(app, shop, "new", store_ids=store_ids), edit(app, shop, group, store_ids=store_ids)):
            assert_invalid_value(refused, "body", "/store_ids/1", "not-found")
            assert unknown in refused.json["detail"]
    assert ask(app, shop, "GET", "/groups").json["items"] == [group]


def test_what_cannot_be_a_group_is_refused(app: App, shop: Shop) -> None:
    create(app, shop)
    assert assert_problem(create(app, shop), 409, "already-exists")["pointer"] == "/slug"
    assert_invalid_value(create(app, shop, "Not a slug"), "body", "/slug")
    assert_invalid_value(create(app, shop, "new", name=""), "body", "/name")
    assert_invalid_value(create(app, shop, "new", kind="club"), "body", "/kind")
    assert_invalid_value(create(app, shop, "new", store_ids=["first"]), "body", "/store_ids/0")
    assert create(app, make_shop(app.back_office, "other")).status_code == 201  # slugs are the organization's own


@pytest.mark.parametrize(
    ("login", "reads", "there"),
    [
        ("admin", ["empty", "everything", "first", "second"], 2),
        ("hq", ["empty", "everything", "first", "second"], 2),
        ("key", ["empty", "everything", "first", "second"], 2),
        ("manager", ["everything", "first"], 1),
        ("regional", ["everything", "first"], 1),
        ("floor", ["everything", "first"], 1),
        ("elsewhere", ["everything", "second"], 1),
    ],
)
def test_everybody_sees_the_groups_and_their_stores_that_are_within_reach(
    app: App, shop: Shop, login: str, reads: list[str], there: int
) -> None:
    here = {"first": [str(shop.store_id)], "second": [str(shop.other_store_id)], "everything": both(shop), "empty": []}
    made = {slug: create(app, shop, slug, store_ids=store_ids).json["id"] for slug, store_ids in here.items()}
    assert slugs(app, shop, "/groups", login) == reads
    for slug, id_ in made.items():
        answer = ask(app, shop, "GET", f"/groups/{id_}", login)
        assert answer.status_code == (200 if slug in reads else 404)
    shown = ask(app, shop, "GET", f"/groups/{made['everything']}", login).json["store_ids"]
    assert len(shown) == there
    assert set(shown) == {store["id"] for store in ask(app, shop, "GET", "/stores", login).json["items"]}


def test_only_the_admin_changes_groups(app: App, shop: Shop) -> None:
    group = create(app, shop, store_ids=both(shop)).json
    body = {"slug": "new", "name": "New", "kind": "other"}
    for login in ("floor", "manager", "regional", "hq", "key"):
        assert_problem(ask(app, shop, "POST", "/groups", login, json=body), 403, "forbidden")
        assert_problem(ask(app, shop, "PATCH", f"/groups/{group['id']}", login, json={}), 403, "forbidden")


def test_stores_are_listed_by_group_as_far_as_one_sees_them(app: App, shop: Shop) -> None:
    second = create(app, shop, "second", store_ids=[str(shop.other_store_id)]).json
    everything = create(app, shop, "everything", store_ids=both(shop)).json
    assert slugs(app, shop, f"/stores?group_id={second['id']}") == ["second"]
    assert slugs(app, shop, f"/stores?group_id={everything['id']}") == ["first", "second"]
    assert slugs(app, shop, f"/stores?group_id={everything['id']}&region_id={shop.region_id}") == ["first"]
    assert slugs(app, shop, f"/stores?group_id={everything['id']}", "manager") == ["first"]
    assert slugs(app, shop, f"/stores?group_id={second['id']}", "manager") == []
    assert slugs(app, shop, f"/stores?group_id={uuid4()}") == []
    theirs = make_shop(app.back_office, "stranger")
    assert slugs(app, theirs, f"/stores?group_id={everything['id']}") == []


def test_a_group_leaves_with_the_export_and_so_does_every_change_of_its_stores(app: App, shop: Shop) -> None:
    _, cursor = follow(app, shop)
    group = create(app, shop, store_ids=both(shop)).json
    edit(app, shop, group, store_ids=both(shop)[:1])
    (item,) = page(app, shop, cursor)["items"]
    assert (item["kind"], item["id"], item["store_id"], item["version"]) == ("store_group", group["id"], None, 2)
    assert item["object"] == {"slug": "lanterns", "name": "Lanterns", "kind": "brand", "store_ids": both(shop)[:1]}
