"""Merged categories and causes: 'A is now B', in every answer from the moment of the merge."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.export_reader import applied, follow
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.customers import make_customer
from tests.support.factories.fixes import customers_of_fix, make_fix, request
from tests.support.factories.guidance import get_guidance, log_past_concerns
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import cause_id, create_word, edit_word, merge, words
from tests.support.sign_in import sign_in_again
from tests.support.tables import read_csv


@pytest.fixture
def bill(app: App, shop: Shop) -> Shop:
    """A shop with one more category, into which others are merged."""
    causes = [{"slug": "wrong", "name": "Wrong"}]
    assert create_word(app, shop, "categories", "bill", about_money=True, causes=causes).status_code == 201
    return shop


def words_of(concern: dict[str, Any]) -> tuple[str | None, str | None]:
    return concern["category"], concern["cause"]


def read(app: App, shop: Shop, concern: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor")).json
    return result


def test_a_merged_category_is_retired_and_says_what_it_became(app: App, bill: Shop) -> None:
    answer = merge(app, bill, "categories", "food", "bill")
    assert (answer.status_code, answer.json["slug"], answer.json["version"]) == (200, "bill", 2)
    assert [cause["slug"] for cause in answer.json["causes"]] == ["cold", "wrong"]
    food = words(app, bill, "categories")["food"]
    assert (food["retired"], food["merged_into"], food["causes"], food["version"]) == (True, "bill", [], 2)


def test_a_merged_cause_is_retired_and_moves_to_the_category_of_the_other_one(app: App, bill: Shop) -> None:
    answer = merge(app, bill, "causes", "cold", "wrong")
    assert (answer.status_code, answer.json["slug"]) == (200, "bill")
    cold, wrong = answer.json["causes"]
    assert (cold["slug"], cold["retired"], cold["merged_into"]) == ("cold", True, "wrong")
    assert (wrong["slug"], wrong["retired"], wrong["merged_into"]) == ("wrong", False, None)
    categories = words(app, bill, "categories")
    assert (categories["food"]["causes"], categories["food"]["version"], answer.json["version"]) == ([], 2, 2)


def test_from_the_moment_of_a_merge_every_answer_shows_the_surviving_words(app: App, bill: Shop) -> None:
    whose = {"customer": {"phone": "+351912345678"}}
    first = log_concern(app, bill, category="food", cause="cold", **whose)
    move(app, bill, first, "resolve")
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    assert words_of(read(app, bill, first)) == ("bill", "cold")
    assert merge(app, bill, "causes", "cold", "kitchen").status_code == 200
    now = ("waiting-time", "kitchen")
    assert words_of(read(app, bill, first)) == now
    (listed,) = app.request("GET", "/v1/concerns", (bill, "floor")).json["items"]
    history = app.request("GET", f"/v1/customers/{first['customer_id']}/history", (bill, "floor")).json
    (exported,) = (row for (kind, _), row in applied(follow(app, bill)[0]).items() if kind == "concern")
    log = f"/v1/stores/{bill.store_id}/recovery-logs/{first['business_date']}"
    (logged,) = app.request("GET", log, (bill, "manager")).json["concerns"]
    lines = read_csv(app.request("GET", log, (bill, "manager"), headers={"Accept": "text/csv"}).text)
    (line,) = (line for line in lines if line["line"] == "concern")
    for answer in (listed, history["items"][0], exported, logged, line):
        assert words_of(answer) == now
    app.clock.move(hours=1)
    assert get_guidance(app, bill, customer_id=first["customer_id"]).json["tried_before"]["category"] == now[0]
    for slug, found in (("waiting-time", 1), ("food", 0), ("bill", 0)):
        answer = app.request("GET", f"/v1/concerns?category={slug}", (bill, "floor"))
        assert len(answer.json["items"]) == found, slug


def test_a_phone_that_was_offline_sends_merged_words_and_gets_those_of_now(app: App, bill: Shop) -> None:
    assert edit_word(app, bill, "categories", "food", slug="meals").status_code == 200
    assert merge(app, bill, "categories", "meals", "bill").status_code == 200
    for slug in ("food", "meals", "bill"):
        assert words_of(log_concern(app, bill, category=slug, cause="cold")) == ("bill", "cold")
    assert merge(app, bill, "causes", "cold", "kitchen").status_code == 200
    for slug in ("food", "meals", "bill", "waiting-time"):
        assert words_of(log_concern(app, bill, category=slug, cause="cold")) == ("waiting-time", "kitchen")
    logged = log_concern(app, bill, category="bill", cause="wrong")
    assert words_of(edit(app, bill, logged, cause="cold")) == ("waiting-time", "kitchen")


def test_an_edit_by_a_merged_word_changes_nothing_and_keeps_the_cause(app: App, bill: Shop) -> None:
    logged = log_concern(app, bill, category="food", cause="cold")
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    assert words_of(edit(app, bill, logged, category="food")) == ("bill", "cold")
    events = app.request("GET", f"/v1/concerns/{logged['id']}/events", (bill, "manager")).json["items"]
    assert events[-1]["details"] == {}


def test_what_was_merged_into_a_word_that_is_merged_itself_follows_it(app: App, bill: Shop) -> None:
    logged = log_concern(app, bill, category="food", cause="cold")
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    assert merge(app, bill, "categories", "bill", "waiting-time").status_code == 200
    categories = words(app, bill, "categories")
    assert {categories[slug]["merged_into"] for slug in ("food", "bill")} == {"waiting-time"}
    assert merge(app, bill, "causes", "cold", "wrong").status_code == 200
    assert merge(app, bill, "causes", "wrong", "kitchen").status_code == 200
    assert words_of(read(app, bill, logged)) == ("waiting-time", "kitchen")
    causes = {cause["slug"]: cause for cause in words(app, bill, "categories")["waiting-time"]["causes"]}
    assert [causes[slug]["merged_into"] for slug in ("cold", "wrong", "kitchen")] == ["kitchen", "kitchen", None]
    assert words_of(log_concern(app, bill, category="food", cause="cold")) == ("waiting-time", "kitchen")


@pytest.mark.parametrize(("kind", "slug", "into"), [("categories", "food", "bill"), ("causes", "cold", "wrong")])
def test_what_cannot_be_merged_is_refused(app: App, bill: Shop, kind: str, slug: str, into: str) -> None:
    assert_invalid_value(merge(app, bill, kind, slug, slug), "body", "/into")
    ids = {
        each: cause_id(app, bill, each) if kind == "causes" else words(app, bill, kind)[each]["id"]
        for each in (slug, into)
    }
    unknown = {"into": "01a2057b-741c-7631-8cca-22605be163db"}
    nowhere = app.request("POST", f"/v1/{kind}/{ids[slug]}/merge", (bill, "admin"), json=unknown)
    assert_invalid_value(nowhere, "body", "/into", "not-found")
    assert merge(app, bill, kind, slug, into).status_code == 200
    again = app.request("POST", f"/v1/{kind}/{ids[slug]}/merge", (bill, "admin"), json={"into": ids[into]})
    assert assert_problem(again, 409, "not-now")["state"] == "merged"
    back = app.request("POST", f"/v1/{kind}/{ids[into]}/merge", (bill, "admin"), json={"into": ids[slug]})
    assert assert_problem(back, 409, "not-now")["pointer"] == "/into"


def test_a_merged_word_is_not_changed_any_more(app: App, bill: Shop) -> None:
    assert merge(app, bill, "causes", "cold", "wrong").status_code == 200
    cold = [{"id": cause_id(app, bill, "cold"), "retired": False}]
    assert_problem(edit_word(app, bill, "categories", "bill", causes=cold), 409, "not-now")
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    assert_problem(edit_word(app, bill, "categories", "food", retired=False), 409, "not-now")
    again = [{"slug": "cold", "name": "Cold again"}]
    assert_problem(create_word(app, bill, "categories", "new", causes=again), 409, "already-exists")
    assert_problem(create_word(app, bill, "categories", "food"), 409, "already-exists")


def test_nothing_urgent_becomes_calm_by_a_merge(app: App, bill: Shop) -> None:
    nuts = [{"slug": "nuts", "name": "Nuts"}]
    assert edit_word(app, bill, "categories", "allergy", causes=nuts).status_code == 200
    for kind, slug, into in (("categories", "allergy", "food"), ("causes", "nuts", "cold")):
        assert_invalid_value(merge(app, bill, kind, slug, into), "body", "/into")
    calm = log_concern(app, bill, category="food", cause="cold", mood=4)
    assert calm["alert"] is None
    assert merge(app, bill, "categories", "food", "allergy").status_code == 200
    assert log_concern(app, bill, category="food", mood=4)["alert"] is not None, "it is urgent now"
    edited = edit(app, bill, calm, category="food", mood=3)
    assert edited["category"] == "allergy"
    assert edit_word(app, bill, "categories", "bill", urgent=True).status_code == 200
    assert merge(app, bill, "categories", "allergy", "bill").status_code == 200


def test_questions_and_alert_rules_of_a_merged_category_move_along(app: App, bill: Shop) -> None:
    assert create_word(app, bill, "questions", "how-cold", category="food").status_code == 201
    rule = {"slug": "food-rings", "name": "Food rings", "category": "food"}
    made = app.request("POST", "/v1/alert-rules", (bill, "admin"), json=rule).json
    old = log_concern(app, bill, category="food", cause="cold", mood=4)
    assert old["alert"] is not None
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    question = words(app, bill, "questions")["how-cold"]
    moved = app.request("GET", f"/v1/alert-rules/{made['id']}", (bill, "manager")).json
    assert [(row["category"], row["version"]) for row in (question, moved)] == [("bill", 2), ("bill", 2)]
    assert log_concern(app, bill, category="food", mood=4)["alert"] is not None
    assert log_concern(app, bill, category="waiting-time", mood=4)["alert"] is None
    for slug in ("food", "bill"):
        tried = app.request("POST", "/v1/alert-rules/try", (bill, "manager"), json={"category": slug}).json
        assert (tried["would_have_rung"], tried["of"]) == (2, 3)
    urgent = app.request("POST", "/v1/alert-rules/try", (bill, "manager"), json={"urgent_category": True}).json
    assert urgent["would_have_rung"] == 0
    assert get_guidance(app, bill, category="food").json["question"]["slug"] == "how-cold"


def test_a_fix_of_a_merged_cause_is_one_of_the_surviving_cause(app: App, bill: Shop) -> None:
    ana, bea = make_customer(app, bill, "Ana"), make_customer(app, bill, "Bea")
    for category, cause, customer_id in (("food", "cold", ana), ("bill", "wrong", bea)):
        log_concern(app, bill, "manager", category=category, cause=cause, customer_id=customer_id)
    app.clock.move(days=1)
    sign_in_again(app, bill, "admin", "hq")
    fix = make_fix(app, bill)
    assert merge(app, bill, "causes", "cold", "wrong").status_code == 200
    now = request(app, bill, "GET", f"/fixes/{fix['id']}").json
    assert (now["category"], now["cause"], now["figures"]["raised"]) == ("bill", "wrong", 2)
    assert {row["customer"]["name"] for row in customers_of_fix(app, bill, fix)} == {"Ana", "Bea"}
    for slug in ("cold", "wrong"):
        assert len(request(app, bill, "GET", f"/fixes?cause={slug}").json["items"]) == 1
    totals = app.request("GET", "/v1/reports/causes?from=2026-03-01&to=2026-03-31", (bill, "hq")).json["totals"]
    assert totals["fixed_at"] == fix["fixed_at"]


def test_past_outcomes_are_those_of_both_causes(app: App, bill: Shop) -> None:
    log_past_concerns(app, bill, 6)
    for _ in range(6):
        log_concern(app, bill, category="bill", cause="wrong", outcome="recovered", mood_after=5)
    assert merge(app, bill, "causes", "cold", "wrong").status_code == 200
    app.clock.move(minutes=1)  # past outcomes are cached for this long
    for category, cause in (("food", "cold"), ("bill", "wrong")):
        assert get_guidance(app, bill, category=category, cause=cause).json["same_cause"]["n"] == 12


@pytest.mark.parametrize(("kind", "slug", "into"), [("categories", "food", "bill"), ("causes", "cold", "wrong")])
def test_a_merge_that_is_repeated_is_answered_again(app: App, bill: Shop, kind: str, slug: str, into: str) -> None:
    ids = [
        cause_id(app, bill, each) if kind == "causes" else words(app, bill, kind)[each]["id"] for each in (slug, into)
    ]
    path, headers = f"/v1/{kind}/{ids[0]}/merge", {"Idempotency-Key": "once"}
    first, again = (
        app.request("POST", path, (bill, "admin"), json={"into": ids[1]}, headers=headers) for _ in range(2)
    )
    assert (first.status_code, again.status_code, first.json) == (200, 200, again.json)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_export_says_what_a_word_became(app: App, bill: Shop) -> None:
    assert merge(app, bill, "causes", "cold", "wrong").status_code == 200
    assert merge(app, bill, "categories", "food", "bill").status_code == 200
    copy = {row["slug"]: row for (kind, _), row in applied(follow(app, bill)[0]).items() if kind == "category"}
    assert (copy["food"]["merged_into"], copy["food"]["retired"]) == ("bill", True)
    assert {cause["slug"]: cause["merged_into"] for cause in copy["bill"]["causes"]} == {"cold": "wrong", "wrong": None}
