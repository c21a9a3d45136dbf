"""Open questions: about everything or one category, asked in order until it is known which one opens people up."""

from typing import Any

from tests.support.app import World
from tests.support.assertions import error, problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import ask
from tests.support.factories.organizations import Shop


def create(world: World, shop: Shop, slug: str, **said: Any) -> Any:
    body = {"slug": slug, "text": f"{slug}?", **said}
    return world.request("POST", "/v1/questions", (shop, "admin"), json=body)


def slugs(world: World, shop: Shop, query: str = "") -> list[str]:
    return [one["slug"] for one in world.request("GET", f"/v1/questions{query}", (shop, "floor")).json["items"]]


def next_question(world: World, shop: Shop, **about: str) -> str:
    world.clock.move(minutes=1)  # for so long what was learned is remembered
    return str(ask(world, shop, **about).json["question"]["slug"])


def test_a_question_of_the_category_is_asked_before_those_about_everything(world: World, shop: Shop) -> None:
    made = create(world, shop, "how-cold", category="food")
    assert (made.status_code, made.json["category"], made.json["version"]) == (201, "food", 1)
    assert next_question(world, shop, category="food") == "how-cold"
    assert next_question(world, shop, category="allergy") == next_question(world, shop) == "what-happened"
    world.clock.move(minutes=1)
    logged = log_concern(world, shop, mood=2, category="food", question="how-cold")
    assert (logged["question"], logged["guidance"]["question"]["slug"]) == ("how-cold", "how-cold")


def test_questions_are_listed_by_category(world: World, shop: Shop) -> None:
    for slug, category in (("how-cold", "food"), ("which-nut", "allergy"), ("anything-else", None)):
        assert create(world, shop, slug, category=category).status_code == 201
    assert slugs(world, shop) == ["anything-else", "how-cold", "what-happened", "which-nut"]
    assert slugs(world, shop, "?category=food") == ["anything-else", "how-cold", "what-happened"]
    assert next_question(world, shop) == "what-happened", "the one that was written down first"


def test_a_question_is_put_better_and_moved(world: World, shop: Shop) -> None:
    made = create(world, shop, "how-cold", category="food").json
    path = f"/v1/questions/{made['id']}"
    problem(world.request("PATCH", path, (shop, "admin"), json={"text": "How?"}), 428, "version-required")
    body, headers = {"text": "How cold was it?", "category": None}, {"If-Match": '"1"'}
    changed = world.request("PATCH", path, (shop, "admin"), json=body, headers=headers)
    assert (changed.status_code, changed.json) == (200, {**made, **body, "version": 2})
    assert world.request("GET", path, (shop, "floor")).json == changed.json
    problem(world.request("PATCH", path, (shop, "manager"), json=body, headers=headers), 403, "forbidden")


def test_what_cannot_be_a_question_is_refused(world: World, shop: Shop) -> None:
    problem(create(world, shop, "what-happened"), 409, "already-exists")
    assert problem(create(world, shop, "new", category="moon"), 404, "not-found")["pointer"] == "/category"
    error(create(world, shop, "Not a slug"), "body", "/slug")
    error(create(world, shop, "new", text=""), "body", "/text")
    problem(world.request("POST", "/v1/questions", (shop, "floor"), json={"slug": "a", "text": "A?"}), 403, "forbidden")
