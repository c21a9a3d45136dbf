"""A slug once given out means the same thing for ever: live, former, or of a merged word."""

from functools import partial
from typing import Any

import pytest

from models.organizations import slug_alias
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.guidance import get_guidance
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.vocabulary import cause_id, create_word, edit_word, words
from tests.support.threads import at_once

with_kind = pytest.mark.parametrize("kind", ["categories", "questions", "remedies"])
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}


def rename(app: App, shop: Shop, kind: str, slug: str, to: str) -> None:
    answer = edit_word(app, shop, kind, slug, slug=to)
    assert (answer.status_code, answer.json.get("slug")) == (200, to), answer.text


def rename_cause(app: App, shop: Shop, category: str, slug: str, to: str) -> Any:
    named = {"id": cause_id(app, shop, slug), "slug": to}
    return edit_word(app, shop, "categories", category, causes=[named])


@with_kind
def test_a_word_may_go_back_to_a_slug_that_it_had(app: App, shop: Shop, kind: str) -> None:
    assert create_word(app, shop, kind, "first").status_code == 201
    for before, after in (("first", "second"), ("second", "first"), ("first", "third"), ("third", "second")):
        rename(app, shop, kind, before, after)
    assert "second" in words(app, shop, kind)


@with_kind
def test_nothing_else_gets_a_slug_that_is_or_was_given_out(app: App, shop: Shop, kind: str) -> None:
    for slug in ("first", "other"):
        assert create_word(app, shop, kind, slug).status_code == 201
    rename(app, shop, kind, "first", "second")
    for taken in ("first", "second"):
        for answer in (create_word(app, shop, kind, taken), edit_word(app, shop, kind, "other", slug=taken)):
            assert assert_problem(answer, 409, "already-exists")["pointer"] == "/slug"
    assert "'first' was the slug of" in create_word(app, shop, kind, "first").json["detail"]


def test_nothing_else_gets_a_slug_that_a_cause_has_or_had(app: App, shop: Shop) -> None:
    assert rename_cause(app, shop, "food", "cold", "lukewarm").status_code == 200
    for taken in ("cold", "lukewarm"):
        new = {"slug": taken, "name": "New"}
        made = create_word(app, shop, "categories", "room", causes=[new])
        moved = rename_cause(app, shop, "waiting-time", "kitchen", taken)
        for answer in (made, moved, edit_word(app, shop, "categories", "allergy", causes=[new])):
            assert assert_problem(answer, 409, "already-exists")["pointer"] == "/causes/0/slug"


def test_each_kind_of_word_and_each_organization_has_slugs_of_its_own(app: App, shop: Shop) -> None:
    rename(app, shop, "categories", "food", "meals")
    for kind in ("questions", "remedies"):
        assert create_word(app, shop, kind, "food").status_code == 201
    other = make_shop(app.back_office, "other")
    rename(app, other, "categories", "waiting-time", "meals")
    assert log_concern(app, other, category="waiting-time")["category"] == "meals"
    assert log_concern(app, other, category="food")["category"] == "food"


@pytest.fixture
def renamed(app: App, shop: Shop) -> Shop:
    """A shop in which every word has been given another slug."""
    assert rename_cause(app, shop, "food", "cold", "lukewarm").status_code == 200
    for kind, before, after in (
        ("categories", "food", "meals"),
        ("questions", "what-happened", "what-went-wrong"),
        ("remedies", "voucher", "coupon"),
    ):
        rename(app, shop, kind, before, after)
    return shop


def test_a_phone_that_was_offline_logs_with_former_slugs(app: App, renamed: Shop) -> None:
    voucher = {"remedy": "voucher", "cost": {"amount": 500, "currency": "EUR"}}
    fields = {"category": "food", "cause": "cold", "question": "what-happened", "recovery_actions": [voucher]}
    logged = log_concern(app, renamed, **fields)
    now = {"category": "meals", "cause": "lukewarm", "question": "what-went-wrong"}
    assert {name: logged[name] for name in now} == now
    path = f"/v1/concerns/{logged['id']}/recovery-actions"
    for remedy in ("voucher", "coupon"):
        answer = app.request("POST", path, (renamed, "floor"), json={**voucher, "remedy": remedy})
        assert (answer.status_code, answer.json["remedy"]) == (201, "coupon")


def test_a_former_slug_of_the_same_category_does_not_clear_the_cause(app: App, renamed: Shop) -> None:
    logged = log_concern(app, renamed, category="meals", cause="lukewarm")
    for changes in ({"category": "food"}, {"cause": "cold"}, {"category": "food", "cause": "cold"}):
        edited = edit(app, renamed, logged, **changes)
        assert (edited["category"], edited["cause"]) == ("meals", "lukewarm")
    assert edit(app, renamed, logged, category="allergy")["cause"] is None


@pytest.mark.parametrize("slug", ["food", "meals"])
def test_every_filter_finds_a_category_by_each_of_its_slugs(app: App, renamed: Shop, slug: str) -> None:
    assert create_word(app, renamed, "questions", "how-cold", category=slug).json["category"] == "meals"
    logged = log_concern(app, renamed, category="food", cause="cold")
    log_concern(app, renamed, category="allergy")
    listed = app.request("GET", f"/v1/concerns?category={slug}", (renamed, "floor")).json["items"]
    assert [concern["id"] for concern in listed] == [logged["id"]]
    questions = app.request("GET", f"/v1/questions?category={slug}", (renamed, "floor")).json["items"]
    assert [question["slug"] for question in questions] == ["how-cold", "what-went-wrong"]
    for report in ("recovery", "causes", "items", "remedies", "alerts"):
        query = {**YEAR, "category": slug}
        answer = app.request("GET", f"/v1/reports/{report}", (renamed, "admin"), query_string=query)
        assert answer.status_code == 200, answer.text
        if report in ("recovery", "causes"):
            assert answer.json["totals"]["concerns"] == 1
    guidance = get_guidance(app, renamed, category=slug)
    assert (guidance.status_code, guidance.json["question"]["slug"]) == (200, "how-cold")
    rule = {"slug": "meals-ring", "name": "Meals ring", "category": slug}
    made = app.request("POST", "/v1/alert-rules", (renamed, "admin"), json=rule)
    assert (made.status_code, made.json["category"]) == (201, "meals")
    tried = app.request("POST", "/v1/alert-rules/try", (renamed, "manager"), json={"category": slug})
    assert (tried.json["would_have_rung"], tried.json["of"]) == (1, 2)


def test_a_fix_is_recorded_and_found_by_former_slugs(app: App, renamed: Shop) -> None:
    fix = {"category": "food", "cause": "cold", "what": "Lamps.", "store_id": str(renamed.store_id)}
    made = app.request("POST", "/v1/fixes", (renamed, "manager"), json=fix)
    assert (made.status_code, made.json["category"], made.json["cause"]) == (201, "meals", "lukewarm")
    for slug in ("cold", "lukewarm"):
        items = app.request("GET", f"/v1/fixes?cause={slug}", (renamed, "manager")).json["items"]
        assert [each["id"] for each in items] == [made.json["id"]]


def test_a_live_slug_of_a_cause_does_not_stand_with_another_category(app: App, renamed: Shop) -> None:
    body = {"mood": 2, "store_id": str(renamed.store_id), "category": "allergy", "cause": "lukewarm"}
    concern = app.request("POST", "/v1/concerns", (renamed, "floor"), json=body).json
    assert (concern["category"], concern["cause"], concern["as_typed"]) == ("allergy", None, {"cause": "lukewarm"})


@only_on_postgresql
def test_a_slug_that_is_given_up_at_this_moment_is_not_taken_by_another_word(app: App, shop: Shop) -> None:
    for number in range(5):
        assert create_word(app, shop, "categories", f"old-{number}").status_code == 201
        word_id = words(app, shop, "categories")[f"old-{number}"]["id"]

        def give_up(number: int = number, word_id: str = word_id) -> int:
            body, headers = {"slug": f"new-{number}"}, {"If-Match": "*"}
            path = f"/v1/categories/{word_id}"
            return app.request("PATCH", path, (shop, "admin"), json=body, headers=headers).status_code

        def take(number: int = number) -> int:
            return int(create_word(app, shop, "categories", f"old-{number}").status_code)

        assert at_once([give_up, take, take]) == [200, 409, 409]


@only_on_postgresql
def test_of_two_words_that_want_one_slug_at_once_one_gets_it(app: App, shop: Shop) -> None:
    for number in range(5):
        wish = partial(create_word, app, shop, "categories", f"wish-{number}")
        rename_food = partial(edit_word, app, shop, "categories", "allergy", slug=f"wish-{number}")
        answers = at_once([wish, wish, rename_food])
        assert sorted(answer.status_code < 300 for answer in answers) == [False, False, True]
        assert {answer.status_code for answer in answers if answer.status_code >= 300} == {409}
        if answers[2].status_code == 200:
            rename(app, shop, "categories", f"wish-{number}", "allergy")


def test_a_word_has_so_many_slugs_and_no_more(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slug_alias, "MAX_SLUG_ALIASES", 2)
    for before, after in (("food", "a"), ("a", "b")):
        rename(app, shop, "categories", before, after)
    assert_problem(edit_word(app, shop, "categories", "b", slug="c"), 409, "too-many")
