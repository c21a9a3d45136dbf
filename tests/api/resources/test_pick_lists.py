"""Pick lists: in the order to show them in, for the kind of a store, with icons that are documented."""

import re
from typing import Any

from config import ROOT
from models.operations.default_vocabulary import ICONS, add_default_vocabulary
from models.organizations.vocabulary_word import MAX_ICON_LENGTH
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.organizations import Shop, make_shop

WORDS = ("categories", "questions", "remedies")


def listed(app: App, shop: Shop, path: str, language: str = "en", **query: Any) -> list[dict[str, Any]]:
    headers = {"Accept-Language": language}
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        answer = app.request("GET", path, (shop, "floor"), query_string={**query, **cursor}, headers=headers)
        assert answer.status_code == 200, answer.text
        items += answer.json["items"]
        cursor = {"cursor": answer.json["next_cursor"]} if answer.json["next_cursor"] else None
    return items


def add(app: App, shop: Shop, path: str, **word: Any) -> None:
    assert app.request("POST", path, (shop, "admin"), json=word).status_code == 201


def test_words_are_in_order_by_position_and_then_by_name_in_the_language_of_the_reader(app: App, shop: Shop) -> None:
    cause = {"slug": "a", "name": "Zebra", "names": {"pt": "Ábaco"}}
    causes = [
        cause,
        {"slug": "b", "name": "Apple", "names": {"pt": "Maçã"}},
        {"slug": "c", "name": "Last", "position": 1},
    ]
    add(app, shop, "/v1/categories", slug="x", name="Aardvark", names={"pt": "Zorro"}, position=1, causes=causes)
    add(app, shop, "/v1/categories", slug="y", name="Éclair", names={"pt": "Bomba"}, position=1)
    for language, order, inner in (("en", ["x", "y"], ["b", "a", "c"]), ("pt-BR", ["y", "x"], ["a", "b", "c"])):
        words = listed(app, shop, "/v1/categories", language, limit=2)
        assert [word["slug"] for word in words] == ["allergy", "food", "waiting-time", *order]
        (x,) = (word for word in words if word["slug"] == "x")
        assert [cause["slug"] for cause in x["causes"]] == inner, language
    for path, field in (("/v1/questions", "text"), ("/v1/remedies", "name")):
        extra = {"kind": "gift"} if field == "name" else {}
        for slug, name, portuguese in (("x", "Aardvark", "Zorro"), ("y", "Éclair", "Bomba")):
            add(app, shop, path, slug=slug, position=9, names={"pt": portuguese}, **{field: name}, **extra)
        assert [word["slug"] for word in listed(app, shop, path)][-2:] == ["x", "y"]
        assert [word["slug"] for word in listed(app, shop, path, "pt", limit=1)][-2:] == ["y", "x"]
    places = f"/v1/stores/{shop.store_id}/places"
    for slug, name, portuguese in (("x", "Aardvark", "Zorro"), ("y", "Éclair", "Bomba")):
        body = {"slug": slug, "name": name, "names": {"pt": portuguese}, "position": 99}
        assert app.request("POST", places, (shop, "manager"), json=body).status_code == 201
    assert [place["slug"] for place in listed(app, shop, places)] == ["table-1", "table-12", "x", "y"]
    assert [place["slug"] for place in listed(app, shop, places, "pt", limit=3)][-2:] == ["y", "x"]
    (store,) = (store for store in listed(app, shop, "/v1/stores", "pt") if store["id"] == str(shop.store_id))
    assert [place["slug"] for place in store["places"]][-2:] == ["y", "x"]


def test_a_new_organization_has_its_words_in_order_with_icons_by_kind_of_store(app: App) -> None:
    shop = make_shop(app.back_office, "new")
    with app.back_office.writing(shop.organization_id) as session:
        for word in ("cause", "question", "category", "remedy_limit", "remedy"):
            session.connection().exec_driver_sql(f"DELETE FROM {word}")  # noqa: S608 names of tables
        add_default_vocabulary(session)
    categories = listed(app, shop, "/v1/categories")
    assert [word["slug"] for word in categories][:2] == ["waiting-time", "food-and-drink"]
    assert categories[0]["causes"][0]["slug"] == "slow-kitchen"
    kinds = {path: {word["slug"]: word["store_kind"] for word in listed(app, shop, f"/v1/{path}")} for path in WORDS}
    offered = {
        path: {word["slug"] for word in listed(app, shop, f"/v1/{path}", store_id=shop.store_id)} for path in WORDS
    }
    kind = app.request("GET", f"/v1/stores/{shop.store_id}", (shop, "floor")).json["kind"]
    for path in WORDS:
        assert offered[path] == {slug for slug, of_kind in kinds[path].items() if of_kind in (None, kind)}
    assert offered["categories"] < kinds["categories"].keys()
    icons = {word["slug"]: word["icon"] for path in WORDS for word in listed(app, shop, f"/v1/{path}") if word["icon"]}
    assert icons == ICONS


def test_a_store_out_of_reach_is_pointed_at(app: App, shop: Shop) -> None:
    for path in WORDS:
        refused = app.request("GET", f"/v1/{path}?store_id={shop.other_store_id}", (shop, "floor"))
        assert_invalid_value(refused, "query", "/store_id", "not-found")


def test_every_default_icon_is_documented() -> None:
    page = (ROOT / "docs/app/screens-and-pushes.md").read_text(encoding="utf-8")
    (documented,) = re.findall(r"^Icons that the defaults have: (.*?)\.$", page, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`([a-z-]+)`", documented)) == sorted(ICONS.values())
    assert all(len(icon) <= MAX_ICON_LENGTH for icon in ICONS.values())
