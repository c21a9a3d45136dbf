"""Bounds on what one person or key could make without end: one error for all, and concerns are never refused."""

from datetime import timedelta
from typing import Any

import pytest

from models.alerts.rule import AlertRule
from models.organizations.catalogue_item import CatalogueItem
from models.policy_defaults import MAX_CHECKS_PER_PLACE, MAX_INSTALLATIONS, MIN_PLACES_FOR_CHECKS
from models.staff.credentials.api_key import ApiKey
from models.staff.device import Device
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.customers import make_customer
from tests.support.factories.daily_log import add_amendment, sign_off
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import rows

TOMORROW = (NOON + timedelta(days=1)).isoformat()


def refuses_the_third(app: App, login: str, shop: Shop, path: str, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """Post to `path` until the bound of two is reached; return the problem."""
    answers = [app.request("POST", path, (shop, login), json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 201, 409], [answer.text for answer in answers]
    return dict(assert_problem(answers[-1], 409, "too-many"))


def test_what_an_organization_keeps_without_end_is_bounded_with_one_error(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    concern = log_concern(app, shop)
    rules = len(rows(app, AlertRule))
    names = [{"slug": f"new-{number}", "name": f"New {number}"} for number in range(3)]
    fix = {"category": "food", "cause": "cold", "store_id": str(shop.store_id), "what": "a lamp"}
    standing, promised = f"stores/{shop.store_id}/standing-qrs", f"concerns/{concern['id']}/follow-ups"
    cases: list[tuple[str, int, str, list[dict[str, Any]]]] = [
        ("alerts.rule.MAX_ALERT_RULES", rules + 2, "alert-rules", [
            named | {"severity": "normal", "mood_at_most": 2} for named in names
        ]),
        ("organizations.store_group.MAX_STORE_GROUPS", 2, "groups", [named | {"kind": "brand"} for named in names]),
        ("organizations.organization.MAX_REGIONS", 4, "regions", names),
        ("recovery.fix.MAX_FIXES", 2, "fixes", [fix] * 3),
        ("recovery.qr_code.MAX_QR_CODES_EVER", 2, standing, [{}] * 3),
        ("recovery.follow_up.MAX_FOLLOW_UPS_OF_CONCERN", 2, promised, [
            {"what": "call", "kind": "call", "due_at": TOMORROW}
        ] * 3),
    ]  # fmt: skip
    for constant, most, path, bodies in cases:
        monkeypatch.setattr(f"models.{constant}", most)
        by = "manager" if "concerns" in path or "standing" in path else "admin"
        problem = refuses_the_third(app, by, shop, f"/v1/{path}", bodies)
        assert problem["most"] == most
        assert problem["of"] in problem["detail"]


def test_shifts_amendments_and_keys_that_are_gone_are_bounded(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.staff.shift.MAX_SHIFTS_PER_DAY", 2)
    monkeypatch.setattr("models.staff.credentials.api_key.MAX_API_KEYS_EVER", len(rows(app, ApiKey)) + 1)
    monkeypatch.setattr("models.daily_log.daily_log.MAX_AMENDMENTS", 1)
    body, shift = {"store_id": str(shop.store_id)}, "/v1/me/shift"
    for _ in range(2):
        assert app.request("PUT", shift, (shop, "floor"), json=body).status_code == 200
        assert app.request("DELETE", shift, (shop, "floor")).status_code == 204
    key = {"name": "till", "scopes": ["concerns:write"]}
    made = app.request("POST", "/v1/api-keys", (shop, "admin"), json=key).json
    assert app.request("POST", f"/v1/api-keys/{made['id']}/revoke", (shop, "admin")).status_code == 200
    refused = [
        app.request("PUT", shift, (shop, "floor"), json=body),
        app.request("POST", "/v1/api-keys", (shop, "admin"), json=key),
    ]
    app.clock.move(days=1)
    assert sign_off(app, shop).status_code == 200
    assert add_amendment(app, shop).status_code == 201
    for answer in (*refused, add_amendment(app, shop)):
        assert_problem(answer, 409, "too-many")


def test_what_is_noted_on_one_concern_is_bounded_and_it_can_still_be_taken_and_resolved(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    concern = log_concern(app, shop)
    edit(app, shop, concern, their_words="cold")
    move(app, shop, concern, "take")
    monkeypatch.setattr("models.concerns.concern.MAX_STEPS_OF_CONCERN", 3)
    path = f"/v1/concerns/{concern['id']}"
    etag = app.request("GET", path, (shop, "manager")).headers["ETag"]
    action = {"remedy": "apology", "note": "again"}
    refused = [
        app.request("POST", f"{path}/recovery-actions", (shop, "manager"), json=action),
        app.request("PATCH", path, (shop, "manager"), json={"their_words": "warm"}, headers={"If-Match": etag}),
        app.request("POST", f"{path}/release", (shop, "manager")),
    ]
    for answer in refused:
        assert_problem(answer, 409, "too-many")
    assert move(app, shop, concern, "resolve")["status"] == "resolved"
    log_concern(app, shop, recovery_actions=[action] * 4)  # whatever it brings along


def test_merging_and_undoing_again_and_again_is_bounded(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.operations.merge_customers.MAX_MERGES_OF_CUSTOMER", 2)
    ana, twin = (make_customer(app, shop, name) for name in ("Ana", "Ana L."))
    path, body = f"/v1/customers/{ana}/merge", {"customer_id": twin}
    for _ in range(2):
        merged = app.request("POST", path, (shop, "manager"), json=body)
        assert merged.status_code == 200, merged.text
        undo = f"/v1/customers/merges/{merged.json['id']}/undo"
        assert app.request("POST", undo, (shop, "manager"), json={}).status_code == 200
    refused = app.request("POST", path, (shop, "manager"), json=body)
    assert assert_problem(refused, 409, "too-many")["most"] == 2


def test_a_full_catalogue_keeps_a_new_item_as_it_was_typed(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_concern(app, shop, items=[{"name": "Soup"}, {"name": "Fish"}])
    monkeypatch.setattr("models.organizations.catalogue_item.MAX_CATALOGUE_ITEMS", 2)
    concern = log_concern(app, shop, items=[{"name": "Anything"}, {"name": "soup", "quantity": 2}])
    assert [(item["name"], item["quantity"]) for item in concern["items"]] == [("Soup", 2)]
    assert [item["name"] for item in concern["as_typed"]["items"]] == ["Anything"]
    path = f"/v1/concerns/{concern['id']}"
    body = {"items": [{"name": "Anything"}]}
    answer = app.request("PATCH", path, (shop, "manager"), json=body, headers={"If-Match": "*"})
    assert_problem(answer, 409, "too-many")
    assert len(rows(app, CatalogueItem)) == 2


def test_nobody_fills_the_catalogue_for_the_others(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.organizations.catalogue_item.MAX_NEW_ITEMS_PER_DAY", 2)
    for names, kept in ((("Soup", "Fish"), 2), (("Soup", "Ice"), 1)):
        concern = log_concern(app, shop, "floor", items=[{"name": name} for name in names])
        assert len(concern["items"]) == kept
    assert len(log_concern(app, shop, "colleague", items=[{"name": "Ice"}])["items"]) == 1
    app.clock.move(days=1)
    assert len(log_concern(app, shop, "floor", items=[{"name": "Tart"}])["items"]) == 1


@pytest.mark.parametrize(
    ("days", "status"), [(-3_661, 422), (-3_660, 200), (31, 200), (32, 422)], ids=["past", "old", "soon", "far"]
)
def test_days_are_written_about_from_ten_years_ago_to_a_month_ahead(
    app: App, shop: Shop, days: int, status: int
) -> None:
    day = (app.clock() + timedelta(days=days)).date()
    path, any_version = f"/v1/stores/{shop.store_id}", {"If-Match": "*"}
    figures, notes = {"covers": 1, "transactions": 1, "sales": None}, {"notes": {"tomorrow": "Fish"}}
    answers = [
        app.request("PUT", f"{path}/days/{day}", (shop, "manager"), json=figures, headers=any_version),
        app.request("PATCH", f"{path}/recovery-logs/{day}", (shop, "manager"), json=notes, headers=any_version),
    ]
    if days < 0:
        answers.append(app.request("POST", f"{path}/recovery-logs/{day}/sign-off", (shop, "manager")))
    assert [answer.status_code for answer in answers] == [status] * len(answers), [answer.text for answer in answers]


def test_checks_are_bounded_by_the_hour_and_the_size_of_the_store(app: App, shop: Shop) -> None:
    most = MAX_CHECKS_PER_PLACE * MIN_PLACES_FOR_CHECKS  # the store has two places
    body = {"store_id": str(shop.store_id), "count": most}
    assert app.request("POST", "/v1/checks", (shop, "floor"), json=body).status_code == 201
    problem = assert_problem(
        app.request("POST", "/v1/checks", (shop, "colleague"), json=body | {"count": 1}), 409, "too-many"
    )
    assert problem["most"] == most
    elsewhere = body | {"store_id": str(shop.other_store_id)}
    assert app.request("POST", "/v1/checks", (shop, "elsewhere"), json=elsewhere).status_code == 201
    app.clock.move(hours=1)
    assert app.request("POST", "/v1/checks", (shop, "floor"), json=body).status_code == 201


def test_a_larger_store_may_tap_more_often(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.concerns.check.MIN_PLACES_FOR_CHECKS", 1)
    most = MAX_CHECKS_PER_PLACE * 2  # its places
    body = {"store_id": str(shop.store_id)}
    assert app.request("POST", "/v1/checks", (shop, "floor"), json=body | {"count": most}).status_code == 201
    refused = app.request("POST", "/v1/checks", (shop, "floor"), json=body)
    assert assert_problem(refused, 409, "too-many")["most"] == most


def test_a_person_who_installs_the_app_a_thousand_times_has_no_more_phones_for_it(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_INSTALLATIONS == 50
    monkeypatch.setattr("models.staff.device.MAX_INSTALLATIONS", 3)
    phone = {"platform": "android", "address_kind": "log"}
    give_phone(app.back_office, shop, "floor", "kept")
    for number in range(6):
        path = f"/v1/me/devices/installation-{number}"
        answer = app.request("PUT", path, (shop, "floor"), json=phone | {"address": f"address-{number}"})
        assert answer.status_code == 200, answer.text
        assert app.request("DELETE", path, (shop, "floor")).status_code == 204
        app.clock.move(seconds=1)
    mine = [row.installation_id for row in rows(app, Device) if row.staff_id == shop.staff["floor"]]
    assert sorted(mine) == ["installation-4", "installation-5", "installation-kept"]
