"""Questions of guidance: for all categories or one, in turn until it is known which one works best."""

from typing import Any

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import get_guidance
from tests.support.factories.organizations import Shop


def create(app: App, shop: Shop, slug: str, **said: Any) -> Any:
    body = {"slug": slug, "text": f"{slug}?", **said}
    return app.request("POST", "/v1/questions", (shop, "admin"), json=body)


def slugs(app: App, shop: Shop, query: str = "") -> list[str]:
    return [question["slug"] for question in app.request("GET", f"/v1/questions{query}", (shop, "floor")).json["items"]]


def next_question(app: App, shop: Shop, **about: str) -> str:
    app.clock.move(minutes=1)  # past outcomes are cached for this long
    return str(get_guidance(app, shop, **about).json["question"]["slug"])


def test_a_question_of_the_category_is_asked_before_those_about_everything(app: App, shop: Shop) -> None:
    made = create(app, shop, "how-cold", category="food")
    assert (made.status_code, made.json["category"], made.json["version"]) == (201, "food", 1)
    assert next_question(app, shop, category="food") == "how-cold"
    assert next_question(app, shop, category="allergy") == next_question(app, shop) == "what-happened"
    app.clock.move(minutes=1)
    logged = log_concern(app, shop, mood=2, category="food", question="how-cold")
    assert (logged["question"], logged["guidance"]["question"]["slug"]) == ("how-cold", "what-happened")


def test_questions_are_listed_by_category(app: App, shop: Shop) -> None:
    for slug, category in (("how-cold", "food"), ("which-nut", "allergy"), ("anything-else", None)):
        assert create(app, shop, slug, category=category).status_code == 201
    assert slugs(app, shop) == ["anything-else", "how-cold", "what-happened", "which-nut"]
    assert slugs(app, shop, "?category=food") == ["anything-else", "how-cold", "what-happened"]
    assert next_question(app, shop) == "what-happened", "the one that was written down first"


def test_a_question_is_put_better_and_moved(app: App, shop: Shop) -> None:
    made = create(app, shop, "how-cold", category="food").json
    path = f"/v1/questions/{made['id']}"
    assert_problem(app.request("PATCH", path, (shop, "admin"), json={"text": "How?"}), 428, "version-required")
    body, headers = {"text": "How cold was it?", "category": None}, {"If-Match": '"1"'}
    changed = app.request("PATCH", path, (shop, "admin"), json=body, headers=headers)
    assert (changed.status_code, changed.json) == (200, {**made, **body, "version": 2})
    assert app.request("GET", path, (shop, "floor")).json == changed.json
    assert_problem(app.request("PATCH", path, (shop, "manager"), json=body, headers=headers), 403, "forbidden")


def test_what_cannot_be_a_question_is_refused(app: App, shop: Shop) -> None:
    assert_problem(create(app, shop, "what-happened"), 409, "already-exists")
    assert_invalid_value(create(app, shop, "new", category="moon"), "body", "/category", "not-found")
    assert_invalid_value(create(app, shop, "Not a slug"), "body", "/slug")
    assert_invalid_value(create(app, shop, "new", text=""), "body", "/text")
    assert_problem(
        app.request("POST", "/v1/questions", (shop, "floor"), json={"slug": "a", "text": "A?"}), 403, "forbidden"
    )
