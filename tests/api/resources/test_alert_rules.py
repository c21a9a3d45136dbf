"""Alert rules over HTTP: read, made, tried, changed, removed."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

WAITING = {"slug": "waiting", "name": "Waiting", "category": "waiting-time", "mood_at_most": 3}


def ask(app: App, shop: Shop, method: str, path: str = "", by: str = "admin", **options: Any) -> Any:
    return app.request(method, f"/v1/alert-rules{path}", (shop, by), **options)


def built_in(app: App, shop: Shop, slug: str) -> dict[str, Any]:
    (rule,) = (rule for rule in ask(app, shop, "GET").json["items"] if rule["slug"] == slug)
    built_in_rule: dict[str, Any] = rule
    return built_in_rule


def change(app: App, shop: Shop, rule: dict[str, Any], **changes: Any) -> Any:
    headers = {"If-Match": f'"{rule["version"]}"'}
    return ask(app, shop, "PATCH", f"/{rule['id']}", json=changes, headers=headers)


def test_the_rules_of_the_first_day_are_there_to_be_read(app: App, shop: Shop) -> None:
    slugs = [rule["slug"] for rule in ask(app, shop, "GET", by="manager").json["items"]]
    assert slugs == ["large-order", "second-failure", "unhappy", "urgent-category", "very-unhappy"]
    assert built_in(app, shop, "large-order")["order_value"] == {"amount": 20_000, "currency": "EUR"}
    assert_problem(ask(app, shop, "GET", by="floor"), 403, "forbidden")


def test_a_rule_of_ones_own_rings_from_the_next_concern_on(app: App, shop: Shop) -> None:
    assert log_concern(app, shop, mood=3, category="waiting-time")["alert"] is None
    made = ask(app, shop, "POST", json=WAITING)
    assert made.status_code == 201
    assert made.json["category"] == "waiting-time"
    assert (made.json["built_in"], made.json["enabled"], made.json["severity"]) == (False, True, "normal")
    assert ask(app, shop, "GET", f"/{made.json['id']}", by="hq").json == made.json
    alert = log_concern(app, shop, mood=3, category="waiting-time")["alert"]
    assert alert is not None
    assert log_concern(app, shop, mood=3, category="food")["alert"] is None


def test_a_repeated_request_makes_one_rule(app: App, shop: Shop) -> None:
    first, again = (ask(app, shop, "POST", json=WAITING, headers={"Idempotency-Key": "a-rule"}) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert_problem(ask(app, shop, "POST", json=WAITING), 409, "already-exists")


def test_only_the_admin_changes_rules(app: App, shop: Shop) -> None:
    rule = built_in(app, shop, "unhappy")
    for login in ("manager", "regional", "hq"):
        assert_problem(ask(app, shop, "POST", by=login, json=WAITING), 403, "forbidden")
        headers = {"If-Match": "*"}
        answer = ask(app, shop, "PATCH", f"/{rule['id']}", by=login, json={"enabled": False}, headers=headers)
        assert_problem(answer, 403, "forbidden")
        assert_problem(ask(app, shop, "DELETE", f"/{rule['id']}", by=login), 403, "forbidden")


def test_a_rule_is_changed_only_by_who_read_it_as_it_is(app: App, shop: Shop) -> None:
    rule = built_in(app, shop, "unhappy")
    changed = change(app, shop, rule, mood_at_most=1, category="food")
    assert (changed.status_code, etag_version(changed)) == (200, 2)
    assert (changed.json["mood_at_most"], changed.json["category"]) == (1, "food")
    assert_problem(change(app, shop, rule, enabled=False), 412, "stale-version")
    plain = change(app, shop, changed.json, category=None).json
    assert (plain["category"], plain["version"]) == (None, 3)
    assert log_concern(app, shop, mood=2)["alert"] is None


def test_a_rule_without_a_condition_is_refused(app: App, shop: Shop) -> None:
    assert_invalid_value(ask(app, shop, "POST", json={"slug": "all", "name": "All"}), "body", "")
    assert_invalid_value(change(app, shop, built_in(app, shop, "unhappy"), mood_at_most=None), "body", "")
    assert built_in(app, shop, "unhappy")["mood_at_most"] == 2


@pytest.mark.parametrize(
    "wrong",
    [{"mood_at_most": 6}, {"repeat_within_days": 366}, {"slug": "Not A Slug"}, {"built_in": True}, {"version": 7}],
)
def test_a_value_that_no_rule_can_have_is_refused(app: App, shop: Shop, wrong: dict[str, Any]) -> None:
    problem = assert_problem(ask(app, shop, "POST", json=WAITING | wrong), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{name}" for name in wrong]


def test_a_category_there_is_not_is_missing(app: App, shop: Shop) -> None:
    for method, path in (("POST", ""), ("POST", "/try")):
        refused = ask(app, shop, method, path, json=WAITING | {"category": "weather"})
        assert_invalid_value(refused, "body", "/category", "not-found")


def test_a_rule_of_ones_own_goes_and_one_of_the_first_day_stays(app: App, shop: Shop) -> None:
    made = ask(app, shop, "POST", json=WAITING).json
    assert ask(app, shop, "DELETE", f"/{made['id']}").status_code == 204
    assert_problem(ask(app, shop, "GET", f"/{made['id']}"), 404, "not-found")
    rule = built_in(app, shop, "unhappy")
    assert_problem(ask(app, shop, "DELETE", f"/{rule['id']}"), 409, "conflict")
    assert change(app, shop, rule, enabled=False).json["enabled"] is False
    assert log_concern(app, shop, mood=2)["alert"] is None


def test_a_rule_is_tried_on_the_last_thirty_days_and_not_kept(app: App, shop: Shop) -> None:
    app.clock.move(days=-30)
    log_concern(app, shop, mood=1, category="waiting-time")
    app.clock.move(days=30)
    ids = []
    for _ in range(6):
        app.clock.move(seconds=1)
        ids.append(log_concern(app, shop, mood=3, category="waiting-time")["id"])
    log_concern(app, shop, mood=4, category="waiting-time")
    log_concern(app, shop, mood=3, category="waiting-time", handling="mine")
    log_concern(app, shop, mood=3, category="waiting-time", kind="praise")
    now = app.clock()
    tried = ask(app, shop, "POST", "/try", by="manager", json=WAITING)
    assert tried.json == {
        "from": (now - timedelta(days=30)).isoformat().replace("+00:00", "Z"),
        "to": now.isoformat().replace("+00:00", "Z"),
        "would_have_rung": 6,
        "of": 8,
        "examples": ids[:0:-1],
    }
    assert "waiting" not in [rule["slug"] for rule in ask(app, shop, "GET").json["items"]]


def test_a_rule_is_tried_on_the_concerns_one_may_see(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=2)
    log_concern(app, shop, "elsewhere", mood=2, store_id=str(shop.other_store_id))
    log_concern(app, shop, mood=2, sensitive=True)
    counts = {
        login: ask(app, shop, "POST", "/try", by=login, json={"mood_at_most": 2}).json["would_have_rung"]
        for login in ("manager", "regional", "hq", "admin")
    }
    assert counts == {"manager": 2, "regional": 2, "hq": 2, "admin": 3}
