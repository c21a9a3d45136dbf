"""The places of a store over HTTP: managers write, rename, order and retire them; old slugs go on meaning them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.threads import at_once

FORTY = [f"Table {number}" for number in range(1, 41)]


def path(shop: Shop, place: dict[str, Any] | None = None) -> str:
    return f"/v1/stores/{shop.store_id}/places" + (f"/{place['id']}" if place else "")


def places(app: App, shop: Shop, by: str = "floor", **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = app.request("GET", path(shop), (shop, by), query_string=query).json["items"]
    return items


def add(app: App, shop: Shop, by: str = "manager", **fields: Any) -> Any:
    return app.request("POST", path(shop), (shop, by), json=fields)


def edit(app: App, shop: Shop, place: dict[str, Any], by: str = "manager", version: str = "*", **changes: Any) -> Any:
    return app.request("PATCH", path(shop, place), (shop, by), json=changes, headers={"If-Match": version})


def put(app: App, shop: Shop, *items: dict[str, Any] | str, by: str = "manager") -> Any:
    listed = [{"name": item} if isinstance(item, str) else item for item in items]
    return app.request("PUT", path(shop), (shop, by), json={"items": listed})


def store(app: App, shop: Shop) -> dict[str, Any]:
    answer: dict[str, Any] = app.request("GET", f"/v1/stores/{shop.store_id}", (shop, "floor")).json
    return answer


def in_use(app: App, shop: Shop) -> list[str]:
    return [place["name"] for place in store(app, shop)["places"]]


# ------------------------------------------------------------------------------------------------------- one by one


def test_a_place_is_added_at_the_end_with_a_slug_from_its_name(app: App, shop: Shop) -> None:
    version = store(app, shop)["version"]
    added = add(app, shop, name="Crème Bar", names={"pt": "Balcão", "es": None})
    assert added.status_code == 201, added.text
    fields = {"slug": "creme-bar", "name": "Crème Bar", "names": {"pt": "Balcão"}, "position": 13, "retired": False}
    assert added.json == {"id": added.json["id"], **fields}
    assert store(app, shop)["version"] == version + 1
    assert store(app, shop)["places"][-1] == added.json
    assert places(app, shop)[-1] == added.json


def test_a_place_may_be_given_a_slug_and_a_position(app: App, shop: Shop) -> None:
    assert add(app, shop, name="Bar", slug="counter", position=0).json["slug"] == "counter"
    assert in_use(app, shop) == ["Bar", "table 1", "table 12"]


def test_a_name_without_latin_characters_gets_a_slug_too(app: App, shop: Shop) -> None:
    slugs = {add(app, shop, name=name).json["slug"] for name in ("窓", "入口", "-")}
    assert len(slugs) == 3


def test_the_same_request_twice_adds_one_place(app: App, shop: Shop) -> None:
    body = {"id": str(uuid4()), "name": "Bar"}
    first, again = add(app, shop, **body), add(app, shop, **body)
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    by_key = [
        app.request("POST", path(shop), (shop, "manager"), json={"name": "T"}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert (by_key[0].json, by_key[1].headers["Idempotent-Replayed"]) == (by_key[1].json, "true")
    assert in_use(app, shop) == ["table 1", "table 12", "Bar", "T"]


def test_a_place_is_renamed_and_moved_by_the_version_of_its_store(app: App, shop: Shop) -> None:
    (first, second), etag = places(app, shop), app.request("GET", path(shop), (shop, "floor")).headers["ETag"]
    assert etag.startswith(f'"{store(app, shop)["version"]}.')
    body = {"name": "Window"}
    without = app.request("PATCH", path(shop, first), (shop, "manager"), json=body)
    assert_problem(without, 428, "version-required")
    changed = edit(app, shop, first, version=etag, position=20, names={"pt": "Janela"}, **body)
    assert changed.json == {**first, **body, "position": 20, "names": {"pt": "Janela"}}
    assert_problem(edit(app, shop, second, version=etag, name="Door"), 412, "stale-version")
    assert edit(app, shop, second, version=changed.headers["ETag"], name="Door").status_code == 200
    assert in_use(app, shop) == ["Door", "Window"]
    assert edit(app, shop, first, names={"es": "Ventana", "pt": None}).json["names"] == {"es": "Ventana"}


def test_a_retired_place_is_listed_as_such_and_comes_back(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    assert app.request("DELETE", path(shop, first), (shop, "manager")).status_code == 204
    version = store(app, shop)["version"]
    assert app.request("DELETE", path(shop, first), (shop, "manager")).status_code == 204
    assert store(app, shop)["version"] == version
    assert places(app, shop) == [{**first, "retired": True}, second]
    assert in_use(app, shop) == ["table 12"]
    assert edit(app, shop, first, retired=False).json == first
    assert edit(app, shop, second, retired=True).json == {**second, "retired": True}
    assert in_use(app, shop) == ["table 1"]


def test_what_another_place_is_called_or_was_called_is_refused(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    edit(app, shop, first, slug="window", name="Window")
    refusals: dict[str, list[Any]] = {
        "/slug": [
            add(app, shop, name="New", slug="table-12"),
            add(app, shop, name="New", slug="table-1"),
            edit(app, shop, second, slug="window"),
            edit(app, shop, second, slug="table-1"),
        ],
        "/name": [add(app, shop, name="TABLE  12"), edit(app, shop, second, name="wíndow")],
    }
    for pointer, answers in refusals.items():
        for answer in answers:
            assert assert_problem(answer, 409, "already-exists")["pointer"] == pointer
    assert edit(app, shop, first, slug="table-1").json["slug"] == "table-1"  # its own one it may have back
    assert add(app, shop, name="Table 1").json["slug"] == "table-1-2"  # its name is free, its slug is not


def test_a_retired_place_is_brought_back_instead_of_made_again(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    edit(app, shop, first, retired=True)
    refused = assert_problem(add(app, shop, name="Table 1"), 409, "already-exists")
    assert "bring it back" in refused["detail"]
    assert edit(app, shop, second, name="table 1").status_code == 200
    back = assert_problem(edit(app, shop, first, retired=False), 409, "already-exists")
    assert back["pointer"] == "/retired"


def test_what_cannot_be_a_place_is_refused(app: App, shop: Shop) -> None:
    first, _ = places(app, shop)
    too_many = {f"a{char}{other}": "x" for char in "abcdef" for other in "abcd"}
    for said, pointer in [
        ({"name": ""}, "/name"),
        ({"name": "x" * 61}, "/name"),
        ({"slug": "Not a slug"}, "/slug"),
        ({"names": {"english": "x", "no_tag": "x"}}, "/names"),
        ({"names": too_many}, "/names"),
        ({"position": -1}, "/position"),
    ]:
        assert_invalid_value(add(app, shop, **{"name": "New", **said}), "body", pointer)
        assert_invalid_value(edit(app, shop, first, **said), "body", pointer)
    assert places(app, shop)[0] == first


# --------------------------------------------------------------------------------------------------------- as a list


def test_forty_tables_are_written_in_one_call(app: App, shop: Shop) -> None:
    version = store(app, shop)["version"]
    written = put(app, shop, *FORTY)
    assert written.status_code == 200, written.text
    assert [place["name"] for place in written.json["items"]] == FORTY == in_use(app, shop)
    assert etag_version(written) == version + 1 == store(app, shop)["version"]
    assert len({place["slug"] for place in written.json["items"]}) == 40
    assert put(app, shop, *FORTY).json == written.json


def test_known_places_keep_their_id_new_ones_come_and_the_rest_is_retired(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    written = put(app, shop, "Terrace", {"name": "Window", "slug": "table-12", "names": {"pt": "Janela"}}).json["items"]
    terrace, window = written
    assert window == {**second, "name": "Window", "names": {"pt": "Janela"}, "position": 2}
    assert {place["id"]: place["retired"] for place in places(app, shop)} == {
        first["id"]: True,
        terrace["id"]: False,
        window["id"]: False,
    }
    back = put(app, shop, "Table 1", "TERRACE").json["items"]
    assert [place["id"] for place in back] == [first["id"], terrace["id"]]
    assert in_use(app, shop) == ["Table 1", "TERRACE"]
    (again,) = put(app, shop, {"name": "Window", "slug": "table-12"}).json["items"]
    assert again["names"] == {"pt": "Janela"}


def test_a_list_with_former_slugs_finds_its_places(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    edit(app, shop, first, slug="window")
    items = put(app, shop, {"name": "Door", "slug": "table-1"}, {"name": "table 12", "slug": "door"}).json["items"]
    assert [(place["id"], place["slug"], place["name"]) for place in items] == [
        (first["id"], "window", "Door"),
        (second["id"], "door", "table 12"),  # known by its name, and called by another slug from now on
    ]
    assert log_concern(app, shop, mood=2, place="table-12")["place"] == "door"


def test_two_places_may_exchange_their_names(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    exchanged = put(app, shop, {"name": "table 12", "slug": "table-1"}, {"name": "table 1", "slug": "table-12"})
    assert [(place["id"], place["slug"]) for place in exchanged.json["items"]] == [
        (first["id"], "table-1"),
        (second["id"], "table-12"),
    ]
    unclear = put(app, shop, "table 1", {"name": "table 12", "slug": "table-12"}).json["items"]
    assert [place["id"] for place in unclear][1] == second["id"]
    assert unclear[0]["id"] not in (first["id"], second["id"])


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([{"name": "A"}, {"name": "á"}], "/items/1/name"),
        ([{"name": "A", "slug": "s"}, {"name": "B", "slug": "s"}], "/items/1/slug"),
        ([{"name": "A", "slug": "window"}, {"name": "B", "slug": "table-1"}], "/items/1/slug"),
        ([{"name": "A", "slug": "Not a slug"}], "/items/0/slug"),
        ([{"name": "A", "names": {"no tag": "B"}}], "/items/0/names"),
        ([{"slug": "table-1"}], "/items/0/name"),
    ],
)
def test_a_list_that_is_wrong_is_refused_as_a_whole(
    app: App, shop: Shop, items: list[dict[str, Any]], pointer: str
) -> None:
    edit(app, shop, places(app, shop)[0], slug="window")
    before = places(app, shop)
    code = "required" if items == [{"slug": "table-1"}] else "invalid"
    assert_invalid_value(put(app, shop, {"name": "New"}, *items), "body", _shifted(pointer), code)
    assert places(app, shop) == before


def _shifted(pointer: str) -> str:
    """The pointer when one more item stands before."""
    _, items, number, field = pointer.split("/")
    return f"/{items}/{int(number) + 1}/{field}"


def test_a_list_may_be_empty_and_has_an_end(app: App, shop: Shop) -> None:
    assert put(app, shop).json == {"items": []}
    assert in_use(app, shop) == []
    assert_invalid_value(put(app, shop, *(f"Table {number}" for number in range(2001))), "body", "/items")


@only_on_postgresql
def test_of_two_lists_at_once_the_second_one_counts(app: App, shop: Shop) -> None:
    lists = [["Terrace", *FORTY], ["Bar", *FORTY]] * 3
    answers = at_once([lambda names=names: put(app, shop, *names) for names in lists])  # type: ignore[misc]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert in_use(app, shop) in lists
    assert len(places(app, shop, limit=200)) == 42  # those that were there are two of the forty


# -------------------------------------------------------------------------------------------- who, and where it is used


def test_managers_keep_the_places_of_their_own_stores(app: App, shop: Shop) -> None:
    first, _ = places(app, shop)
    for login in ("floor", "hq", "key"):
        assert_problem(add(app, shop, login, name="New"), 403, "forbidden")
        assert_problem(put(app, shop, "New", by=login), 403, "forbidden")
        assert_problem(edit(app, shop, first, login, name="New"), 403, "forbidden")
        assert_problem(app.request("DELETE", path(shop, first), (shop, login)), 403, "forbidden")
        assert places(app, shop, login) == places(app, shop)
    for login in ("manager", "regional", "admin"):
        assert add(app, shop, login, name=login).status_code == 201
    there = f"/v1/stores/{shop.other_store_id}/places"
    assert_problem(app.request("GET", there, (shop, "manager")), 404, "not-found")
    assert_problem(app.request("PUT", there, (shop, "manager"), json={"items": []}), 404, "not-found")


def test_a_place_of_another_store_is_not_there(app: App, shop: Shop) -> None:
    first, _ = places(app, shop)
    theirs = places(app, make_shop(app.back_office, "other"))
    elsewhere = f"/v1/stores/{shop.other_store_id}/places/{first['id']}"
    for address in (elsewhere, path(shop, {"id": uuid4()}), path(shop, theirs[0])):
        for method, options in (("PATCH", {"json": {"name": "X"}, "headers": {"If-Match": "*"}}), ("DELETE", {})):
            assert_problem(app.request(method, address, (shop, "admin"), **options), 404, "not-found")


def test_a_phone_that_was_offline_finds_a_place_by_the_slug_of_before(app: App, shop: Shop) -> None:
    first, second = places(app, shop)
    edit(app, shop, first, slug="window", name="Window")
    edit(app, shop, first, slug="view")
    edit(app, shop, second, retired=True)
    assert [log_concern(app, shop, mood=2, place=slug)["place"] for slug in ("table-1", "window", "view")] == [
        "view"
    ] * 3
    logged = log_concern(app, shop, mood=2, place="table-12")
    assert logged["place"] == "table-12"
    headers = {"If-Match": f'"{logged["version"]}"'}
    moved = app.request(
        "PATCH", f"/v1/concerns/{logged['id']}", (shop, "floor"), json={"place": "table-1"}, headers=headers
    )
    assert moved.json["place"] == "view"
    qrs = f"/v1/stores/{shop.store_id}/standing-qrs"
    for slug, now in (("table-1", "view"), ("table-12", "table-12")):
        assert app.request("POST", qrs, (shop, "manager"), json={"place": slug}).json["place"] == now
