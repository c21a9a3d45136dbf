"""Import of places: which place a line describes, what it changes, and what refuses it."""

from typing import Any

import pytest

from models.organizations import place as place_module
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.imports import counts, csv_text, faults, import_csv, verdicts
from tests.support.factories.organizations import Shop

COLUMNS = ("store", "slug", "name", "position")
BAR = {"store": "first", "name": "Bar"}
TERRACE = {"store": "first", "slug": "terrace-1", "name": "Terrace 1", "position": "3"}


def send(app: App, shop: Shop, *rows: dict[str, str], **options: Any) -> Any:
    return import_csv(app, shop, "places", csv_text(COLUMNS, rows), **{"login": "manager", **options})


def places(app: App, shop: Shop) -> dict[str, tuple[str, int]]:
    """Return name and position of the places in use of the first store, by slug."""
    items = app.request("GET", f"/v1/stores/{shop.store_id}", (shop, "manager")).json["places"]
    return {item["slug"]: (item["name"], item["position"]) for item in items}


def version(app: App, shop: Shop) -> int:
    answer = app.request("GET", f"/v1/stores/{shop.store_id}", (shop, "manager"))
    return int(answer.json["version"])


def test_new_places_are_added_and_the_others_stay(app: App, shop: Shop) -> None:
    answer = send(app, shop, BAR, TERRACE)
    assert counts(answer) == {"created": 2}
    assert [item["reference"] for item in answer.json["items"]] == ["bar", "terrace-1"]
    assert places(app, shop) == {
        "table-1": ("table 1", 1),
        "table-12": ("table 12", 12),
        "bar": ("Bar", 13),
        "terrace-1": ("Terrace 1", 3),
    }
    assert version(app, shop) == 2


def test_the_same_file_twice_leaves_everything_as_it_is(app: App, shop: Shop) -> None:
    send(app, shop, BAR, TERRACE)
    before = places(app, shop), version(app, shop)
    assert counts(send(app, shop, BAR, TERRACE)) == {"unchanged": 2}
    assert (places(app, shop), version(app, shop)) == before


def test_a_place_is_recognised_by_its_slug_a_former_slug_or_its_name(app: App, shop: Shop) -> None:
    answer = send(app, shop, {"store": "first", "slug": "window", "name": "Tàble  12"})  # known by name: gets this slug
    assert (verdicts(answer), answer.json["items"][0]["reference"]) == (["updated"], "window")
    assert places(app, shop) == {"table-1": ("table 1", 1), "window": ("Tàble  12", 12)}
    answer = send(app, shop, {"store": "first", "slug": "table-12", "name": "Window", "position": "2"})
    assert (verdicts(answer), answer.json["items"][0]["reference"]) == (["updated"], "window")
    assert places(app, shop) == {"table-1": ("table 1", 1), "window": ("Window", 2)}
    assert verdicts(send(app, shop, {"store": "first", "name": "WINDOW"})) == ["updated"]
    assert verdicts(send(app, shop, {"store": "first", "name": "WINDOW"})) == ["unchanged"]


def test_names_may_move_from_one_place_to_the_next(app: App, shop: Shop) -> None:
    renumbered = [
        {"store": "first", "slug": "table-1", "name": "table 12"},
        {"store": "first", "slug": "table-12", "name": "table 13"},
    ]
    assert counts(send(app, shop, *renumbered)) == {"updated": 2}
    assert {slug: name for slug, (name, _) in places(app, shop).items()} == {
        "table-1": "table 12",
        "table-12": "table 13",
    }
    assert counts(send(app, shop, *renumbered)) == {"unchanged": 2}


def test_a_slug_made_from_a_name_is_none_that_another_line_chose(app: App, shop: Shop) -> None:
    answer = send(app, shop, BAR, {"store": "first", "slug": "bar", "name": "Counter"})
    assert [item["reference"] for item in answer.json["items"]] == ["bar-2", "bar"]


def test_a_retired_place_comes_back(app: App, shop: Shop) -> None:
    body = {"items": [{"name": "table 1"}]}
    assert app.request("PUT", f"/v1/stores/{shop.store_id}/places", (shop, "manager"), json=body).status_code == 200
    assert list(places(app, shop)) == ["table-1"]
    assert verdicts(send(app, shop, {"store": "first", "name": "Table 12"})) == ["updated"]
    assert list(places(app, shop)) == ["table-1", "table-12"]


def test_two_lines_of_one_place_or_name_are_refused(app: App, shop: Shop) -> None:
    answer = send(
        app,
        shop,
        BAR,
        {"store": "first", "name": "BAR"},
        TERRACE,
        {**TERRACE, "name": "Terrace 2"},
        {"store": "first", "slug": "counter", "name": "bar"},
        {"store": "first", "name": "table 1"},
        {"store": "first", "slug": "table-1", "name": "Lamp"},
        {"store": "second", "slug": "terrace-1", "name": "Bar"},
        {"store": "first", "slug": "table-99", "name": "table 12"},
        {"store": "first", "slug": "door", "name": "Table 12"},
        login="admin",
    )
    assert faults(answer) == [
        ("3/name", "duplicate-line"),
        ("5/slug", "duplicate-line"),
        ("6/name", "duplicate-line"),
        ("11", "duplicate-line"),
    ]
    assert answer.json["errors"][0]["detail"] == "Lines 2 and 3 have the same name."
    assert answer.json["errors"][3]["detail"] == "Lines 10 and 11 describe the same place."


def test_the_name_of_another_place_is_refused(app: App, shop: Shop) -> None:
    answer = send(app, shop, {"store": "first", "slug": "table-1", "name": "Table 12"})
    assert faults(answer) == [("2/name", "in-use")]


def test_a_manager_imports_places_of_their_own_stores_only(app: App, shop: Shop) -> None:
    other, unknown = ({"store": slug, "name": "Bar"} for slug in ("second", "third"))
    answer = send(app, shop, other, unknown, BAR)
    assert faults(answer) == [("2/store", "unknown"), ("3/store", "unknown")]
    assert len({error["detail"] for error in answer.json["errors"]}) == 1
    assert counts(send(app, shop, other, BAR, login="admin")) == {"created": 2}
    assert_problem(send(app, shop, BAR, login="floor"), 403, "forbidden")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"store": ""}, ("2/store", "missing-value")),
        ({"store": "first store"}, ("2/store", "invalid")),
        ({"slug": "Table 1"}, ("2/slug", "invalid")),
        ({"slug": "t" * 61}, ("2/slug", "too-long")),
        ({"name": ""}, ("2/name", "missing-value")),
        ({"name": "n" * 61}, ("2/name", "too-long")),
        ({"position": "-1"}, ("2/position", "invalid")),
        ({"position": "1.5"}, ("2/position", "invalid")),
        ({"position": "10001"}, ("2/position", "invalid")),
        ({"position": "٣"}, ("2/position", "invalid")),
    ],
)
def test_a_cell_that_cannot_be_is_named(app: App, shop: Shop, cells: dict[str, str], expected: tuple[str, str]) -> None:
    answer = send(app, shop, {**TERRACE, **cells}, BAR, dry_run=True)
    assert faults(answer) == [expected]
    assert verdicts(answer) == ["refused", "created"]


def test_a_store_has_so_many_places_at_most(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_module, "MAX_PLACES", 3)
    assert faults(send(app, shop, BAR, TERRACE)) == [("3", "too-many")]
    assert counts(send(app, shop, BAR)) == {"created": 1}
