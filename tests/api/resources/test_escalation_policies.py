"""Escalation policies over HTTP: the one of the organization and those of stores."""

from typing import Any

import pytest

from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.rows import only_alert

FIRST = {"after_seconds": 0, "whom": ["on_shift"]}
THEN = {"after_seconds": 90, "whom": ["managers"]}
AS_TOLD = {"staff_ids": [], "severities": ["normal", "severe"]}


def ask(app: App, shop: Shop, method: str, path: str = "", by: str = "admin", **options: Any) -> Any:
    return app.request(method, f"/v1/escalation-policies{path}", (shop, by), **options)


def make(app: App, shop: Shop, **told: Any) -> Any:
    body = {"slug": "first", "name": "First", "store_id": str(shop.store_id), "steps": [FIRST, THEN]}
    return ask(app, shop, "POST", json=body | told)


def change(app: App, shop: Shop, policy: dict[str, Any], **changes: Any) -> Any:
    headers = {"If-Match": f'"{policy["version"]}"'}
    return ask(app, shop, "PATCH", f"/{policy['id']}", json=changes, headers=headers)


def standard(app: App, shop: Shop) -> dict[str, Any]:
    (policy,) = (policy for policy in ask(app, shop, "GET").json["items"] if policy["store_id"] is None)
    standard_policy: dict[str, Any] = policy
    return standard_policy


def test_a_store_gets_a_policy_of_its_own_with_the_usual_times(app: App, shop: Shop) -> None:
    made = make(app, shop)
    assert made.status_code == 201
    assert made.json == {
        "id": made.json["id"],
        "version": 1,
        "slug": "first",
        "name": "First",
        "store_id": str(shop.store_id),
        "steps": [FIRST | AS_TOLD, THEN | AS_TOLD],
        "rounds": 1,
        "unanswered_after_seconds": 1200,
        "reach_within_seconds": 45,
        "remind_after_seconds": 600,
        "release_after_seconds": 900,
    }
    log_concern(app, shop)
    assert only_alert(app).policy["steps"] == made.json["steps"]


def test_a_policy_is_read_by_those_whose_store_it_is(app: App, shop: Shop) -> None:
    made = make(app, shop).json
    for login in ("manager", "regional", "hq", "admin"):
        assert [policy["slug"] for policy in ask(app, shop, "GET", by=login).json["items"]] == ["first", "standard"]
        assert ask(app, shop, "GET", f"/{made['id']}", by=login).json == made
    assert_problem(ask(app, shop, "GET", by="floor"), 403, "forbidden")


def test_only_the_admin_changes_policies(app: App, shop: Shop) -> None:
    path = f"/{standard(app, shop)['id']}"
    for login in ("manager", "regional", "hq"):
        assert_problem(ask(app, shop, "POST", by=login, json={}), 403, "forbidden")
        assert_problem(ask(app, shop, "PATCH", path, by=login, json={}, headers={"If-Match": "*"}), 403, "forbidden")
        assert_problem(ask(app, shop, "DELETE", path, by=login), 403, "forbidden")


def test_a_store_has_one_policy_and_the_organization_too(app: App, shop: Shop) -> None:
    assert make(app, shop).status_code == 201
    assert_problem(make(app, shop, slug="second"), 409, "already-exists")
    assert_problem(make(app, shop, store_id=str(shop.other_store_id)), 409, "already-exists")
    assert_problem(make(app, shop, slug="third", store_id=None), 409, "already-exists")


def test_a_changed_policy_holds_for_the_next_alert_and_not_for_one_that_is_escalating(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    before = only_alert(app).policy
    changed = change(app, shop, standard(app, shop), steps=[FIRST, THEN], rounds=2)
    assert (changed.status_code, changed.json["rounds"], etag_version(changed)) == (200, 2, 2)
    assert only_alert(app).policy == before
    assert_problem(change(app, shop, changed.json | {"version": 1}, rounds=1), 412, "stale-version")


def test_a_store_without_its_policy_falls_back_to_the_organizations(app: App, shop: Shop) -> None:
    made = make(app, shop).json
    assert ask(app, shop, "DELETE", f"/{made['id']}").status_code == 204
    log_concern(app, shop)
    assert only_alert(app).policy["steps"] == standard(app, shop)["steps"]


def test_the_organizations_own_policy_stays(app: App, shop: Shop) -> None:
    assert_problem(ask(app, shop, "DELETE", f"/{standard(app, shop)['id']}"), 409, "conflict")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"steps": []}, "/steps"),
        ({"steps": [FIRST] * 11}, "/steps"),
        ({"steps": [THEN]}, "/steps"),
        ({"steps": [FIRST, FIRST]}, "/steps"),
        ({"steps": [{"after_seconds": 0}]}, "/steps/0/whom"),
        ({"steps": [FIRST | {"whom": ["customers"]}]}, "/steps/0/whom/0"),
        ({"steps": [FIRST | {"severities": ["severe"]}]}, "/steps/0/severities"),
        ({"steps": [FIRST | {"severities": []}]}, "/steps/0/severities"),
        ({"rounds": 3}, "/rounds"),
        ({"unanswered_after_seconds": 90}, "/unanswered_after_seconds"),
        ({"unanswered_after_seconds": 4 * 60 * 60 + 1}, "/unanswered_after_seconds"),
        ({"remind_after_seconds": 900}, "/release_after_seconds"),
        ({"reach_within_seconds": 0}, "/reach_within_seconds"),
    ],
)
def test_an_impossible_escalation_policy_is_refused(app: App, shop: Shop, wrong: dict[str, Any], pointer: str) -> None:
    assert_invalid_value(make(app, shop, **wrong), "body", pointer)
    assert_invalid_value(change(app, shop, standard(app, shop), **{"steps": [FIRST, THEN]} | wrong), "body", pointer)


def test_a_step_names_people_who_work_here(app: App, shop: Shop) -> None:
    named = {"after_seconds": 60, "staff_ids": [str(shop.staff["regional"]), str(shop.store_id)]}
    refused = make(app, shop, steps=[FIRST, named])
    assert_invalid_value(refused, "body", "/steps/1/staff_ids/1", "not-found")
    named["staff_ids"].pop()
    assert make(app, shop, steps=[FIRST, named]).json["steps"][1]["staff_ids"] == [str(shop.staff["regional"])]


def test_a_step_names_nobody_who_is_never_rung(app: App, shop: Shop) -> None:
    named = {"after_seconds": 60, "staff_ids": [str(shop.staff["hq"])]}
    assert_invalid_value(make(app, shop, steps=[FIRST, named]), "body", "/steps/1/staff_ids/0")


def test_who_left_hinders_no_change_but_one_of_the_steps(app: App, shop: Shop) -> None:
    steps = [FIRST, {"after_seconds": 60, "staff_ids": [str(shop.staff["manager"])]}]
    policy = make(app, shop, steps=steps).json
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).left_at = app.clock()
    renamed = change(app, shop, policy, name="Evenings")
    assert renamed.json["name"] == "Evenings"
    refused = change(app, shop, renamed.json, steps=steps)
    assert_invalid_value(refused, "body", "/steps/1/staff_ids/0", "not-found")
