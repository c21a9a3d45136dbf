"""Categories and their causes: created, renamed, ordered, retired and brought back."""

from typing import Any

import pytest
from flask import g

from api.web.pagination import sign_cursor
from models.access import Actor
from models.organizations.vocabulary import Category, Cause, Question
from models.policy_defaults import MAX_LANGUAGES
from models.recovery.remedy import Remedy
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import get_guidance
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import cause_id, create_word, edit_word, words

KINDS = ("categories", "questions", "remedies")
with_kind = pytest.mark.parametrize("kind", KINDS)


def test_a_category_is_created_with_its_causes_in_two_languages(app: App, shop: Shop) -> None:
    causes = [
        {"slug": "draught", "name": "Draught", "names": {"pt": "Corrente de ar"}, "position": 2},
        {"slug": "noise", "name": "Noise", "position": 1, "icon": "ear"},
    ]
    about = {"names": {"pt": "Sala"}, "urgent": False, "about_money": True, "store_kind": "restaurant", "icon": "door"}
    made = create_word(app, shop, "categories", "room", **about, causes=causes)
    assert made.status_code == 201
    assert {name: made.json[name] for name in about} == about
    assert (made.json["version"], made.json["retired"], made.json["merged_into"]) == (1, False, None)
    assert [cause["slug"] for cause in made.json["causes"]] == ["noise", "draught"], "by position"
    assert made.json["causes"][0] | {"id": None} == {
        "id": None,
        "slug": "noise",
        "name": "Noise",
        "names": {},
        "position": 1,
        "icon": "ear",
        "retired": False,
        "merged_into": None,
    }
    path = f"/v1/categories/{made.json['id']}"
    assert app.request("GET", path, (shop, "floor")).json == made.json == words(app, shop, "categories")["room"]
    assert log_concern(app, shop, category="room", cause="noise")["cause"] == "noise"


def test_only_administrators_change_words(app: App, shop: Shop) -> None:
    path = f"/v1/categories/{words(app, shop, 'categories')['food']['id']}"
    for login in ("floor", "manager", "regional", "hq", "key"):
        for method, address in (("POST", "/v1/categories"), ("PATCH", path), ("POST", f"{path}/merge")):
            assert_problem(app.request(method, address, (shop, login), json={}), 403, "forbidden")


def test_the_causes_that_are_named_are_created_or_changed_and_the_others_stay(app: App, shop: Shop) -> None:
    assert edit_word(app, shop, "categories", "food", causes=[{"slug": "salty", "name": "Salty"}]).status_code == 200
    cold = cause_id(app, shop, "cold")
    renamed = [{"id": cold, "slug": "lukewarm", "position": 3}, {"slug": "raw", "name": "Raw", "position": 2}]
    edited = edit_word(app, shop, "categories", "food", causes=renamed).json
    assert [(cause["slug"], cause["name"]) for cause in edited["causes"]] == [
        ("salty", "Salty"),
        ("raw", "Raw"),
        ("lukewarm", "Cold"),
    ]
    assert edited["version"] == 3
    by_former_slug = [{"slug": "cold", "name": "Not hot", "retired": True}]
    edited = edit_word(app, shop, "categories", "food", causes=by_former_slug).json
    (lukewarm,) = (cause for cause in edited["causes"] if cause["id"] == cold)
    assert (lukewarm["slug"], lukewarm["name"], lukewarm["retired"]) == ("lukewarm", "Not hot", True)


def test_what_cannot_be_a_cause_is_refused_where_it_stands(app: App, shop: Shop) -> None:
    kitchen = cause_id(app, shop, "kitchen")
    refused: list[tuple[list[dict[str, Any]], int, str]] = [
        ([{"name": "Nobody"}], 422, "/causes/0/slug"),
        ([{"slug": "new"}], 422, "/causes/0/name"),
        ([{"slug": "cold"}, {"slug": "Not a slug", "name": "x"}], 422, "/causes/1/slug"),
        ([{"slug": "new", "name": "New"}, {"slug": "new", "name": "Again"}], 422, "/causes/1"),
        ([{"slug": "cold", "names": {"p": "x"}}], 422, "/causes/0/names"),
        ([{"slug": "kitchen"}], 409, "/causes/0/slug"),  # of another category
        ([{"id": kitchen, "name": "Mine"}], 409, "/causes/0/id"),
    ]
    for causes, status, pointer in refused:
        answer = edit_word(app, shop, "categories", "food", causes=causes)
        assert_problem(answer, status, "invalid" if status == 422 else "already-exists")
        assert answer.json.get("pointer", answer.json.get("errors", [{}])[0].get("pointer")) == pointer, causes
    assert words(app, shop, "categories")["food"]["version"] == 1, "nothing of it was kept"


@with_kind
def test_a_client_names_what_it_creates_and_repeats_itself(app: App, shop: Shop, kind: str) -> None:
    id_ = "01a2057b-741c-7631-8cca-22605be163db"
    made = create_word(app, shop, kind, "new", id=id_)
    again = create_word(app, shop, kind, "new", id=id_)
    assert (made.status_code, again.status_code, made.json["id"]) == (201, 200, id_)
    assert again.json == made.json
    assert again.headers["Idempotent-Replayed"] == "true"


@with_kind
def test_words_are_listed_by_position_and_then_by_slug(app: App, shop: Shop, kind: str) -> None:
    for slug, position in (("zebra", 1), ("beta", 9), ("alpha", 9)):
        assert create_word(app, shop, kind, slug, position=position).status_code == 201
    listed = [*words(app, shop, kind)]
    assert listed[-3:] == ["zebra", "alpha", "beta"]
    assert listed[:-3] == sorted(listed[:-3]), "those without a position"
    pages, cursor = [], None
    while cursor or not pages:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = app.request("GET", f"/v1/{kind}", (shop, "floor"), query_string=query).json
        pages.append([word["slug"] for word in page["items"]])
        cursor = page["next_cursor"]
    assert [slug for page in pages for slug in page] == listed


@with_kind
def test_a_retired_word_is_listed_found_and_brought_back(app: App, shop: Shop, kind: str) -> None:
    assert create_word(app, shop, kind, "new").status_code == 201
    retired = edit_word(app, shop, kind, "new", retired=True).json
    assert (retired["retired"], words(app, shop, kind)["new"]["retired"]) == (True, True)
    assert edit_word(app, shop, kind, "new", retired=False).json["retired"] is False


def test_a_phone_that_was_offline_still_sends_retired_words(app: App, shop: Shop) -> None:
    for kind, slug in (("categories", "food"), ("questions", "what-happened"), ("remedies", "apology")):
        assert edit_word(app, shop, kind, slug, retired=True).status_code == 200
    assert edit_word(app, shop, "categories", "food", causes=[{"slug": "cold", "retired": True}]).status_code == 200
    fields = {"category": "food", "cause": "cold", "question": "what-happened"}
    logged = log_concern(app, shop, **fields, recovery_actions=[{"remedy": "apology"}])
    assert {name: logged[name] for name in fields} == fields


def test_guidance_offers_no_retired_word_and_none_for_other_stores(app: App, shop: Shop) -> None:
    assert create_word(app, shop, "questions", "aa-in-shops", store_kind="retail").status_code == 201
    assert create_word(app, shop, "remedies", "aa-in-shops", store_kind="retail").status_code == 201
    assert create_word(app, shop, "remedies", "dessert", store_kind="restaurant").status_code == 201
    before = get_guidance(app, shop).json
    assert before["question"]["slug"] == "what-happened"
    offered = {"apology", "remake", "voucher", "dessert"}
    assert {offer["remedy"] for offer in before["offers"]} == offered
    for kind, slug in (("questions", "what-happened"), ("remedies", "voucher")):
        assert edit_word(app, shop, kind, slug, retired=True).status_code == 200
    app.clock.move(minutes=1)  # what guidance looked up is cached for this long
    after = get_guidance(app, shop).json
    assert after["question"] is None
    assert {offer["remedy"] for offer in after["offers"]} == offered - {"voucher"}


@with_kind
def test_names_are_merged_by_language(app: App, shop: Shop, kind: str) -> None:
    made = create_word(app, shop, kind, "new", names={"pt": "Novo", "es": "Nuevo"})
    assert made.json["names"] == {"pt": "Novo", "es": "Nuevo"}
    changed = edit_word(app, shop, kind, "new", names={"es": None, "pt-BR": "Novinho"})
    assert changed.json["names"] == {"pt": "Novo", "pt-BR": "Novinho"}
    assert_invalid_value(edit_word(app, shop, kind, "new", names={"not a tag": "x"}), "body", "/names")
    many = {f"aa-x{number}": "x" for number in range(MAX_LANGUAGES - 1)}
    assert_invalid_value(edit_word(app, shop, kind, "new", names=many), "body", "/names")


@pytest.mark.parametrize(("model", "kind"), [(Category, "categories"), (Question, "questions"), (Remedy, "remedies")])
def test_there_is_a_bound_on_words(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch, model: Any, kind: str
) -> None:
    monkeypatch.setattr(model, "max_words", len(words(app, shop, kind)) + 1)
    assert create_word(app, shop, kind, "last").status_code == 201
    assert edit_word(app, shop, kind, "last", retired=True).status_code == 200
    assert_problem(create_word(app, shop, kind, "one-more"), 409, "too-many")


def test_there_is_a_bound_on_causes_of_a_category(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cause, "max_words", 2)
    more = [{"slug": slug, "name": slug.title()} for slug in ("salty", "raw")]
    assert_problem(edit_word(app, shop, "categories", "food", causes=more), 409, "too-many")
    assert edit_word(app, shop, "categories", "food", causes=more[:1]).status_code == 200


@with_kind
def test_a_cursor_from_before_lists_had_positions_is_refused(app: App, shop: Shop, kind: str) -> None:
    with app.flask.test_request_context(f"/v1/{kind}"):
        g.actor = Actor.unauthenticated(shop.organization_id)
        cursor = sign_cursor(["food"])
    answer = app.request("GET", f"/v1/{kind}", (shop, "admin"), query_string={"cursor": cursor})
    assert_invalid_value(answer, "query", "/cursor")
