"""Fixes by role: who records them, who reads who raised the cause, who thanks, and who may keep the thank-you."""

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.customers import make_customer
from tests.support.factories.fixes import (
    COLD_FOOD,
    DUE,
    follow_ups_of_fix,
    log_concern_of,
    make_fix,
    make_thank_yous,
    request,
)
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again


def test_a_colleague_gets_only_those_they_can_keep_and_the_rest_is_left(app: App, shop: Shop) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Beatriz"))
    app.clock.move(minutes=1)
    log_concern_of(app, shop, make_customer(app, shop, "Hidden"), sensitive=True)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    path = f"/fixes/{fix['id']}/thank-yous"
    refused = request(app, shop, "POST", path, json={"due_at": DUE, "owner_id": str(shop.staff["hq"])})
    assert_invalid_value(refused, "body", "/owner_id", "not-found")
    assert_invalid_value(request(app, shop, "POST", path, json={"due_at": "2026-03-03T11:00:00Z"}), "body", "/due_at")
    assert follow_ups_of_fix(app, shop, fix) == []
    first = make_thank_yous(app, shop, fix, owner_id=str(shop.staff["colleague"]))
    assert (first["figures"]["thanked"], first["figures"]["left"]) == (1, 1)
    make_thank_yous(app, shop, fix, owner_id=str(shop.staff["regional"]))
    owners = {follow_up["owner"]["id"] for follow_up in follow_ups_of_fix(app, shop, fix)}
    assert owners == {str(shop.staff["colleague"]), str(shop.staff["regional"])}


@pytest.mark.parametrize(
    ("login", "reads", "customers_", "fixes", "thanks"),
    [
        ("floor", 200, 200, 403, 403),
        ("manager", 200, 200, 201, 200),
        ("regional", 200, 200, 201, 200),
        ("hq", 200, 403, 403, 403),
        ("admin", 200, 200, 201, 403),
        ("key", 200, 200, 403, 403),
        ("reports-key", 403, 403, 403, 403),
        ("elsewhere", 404, 404, 403, 403),
    ],
)
def test_each_role_does_its_part(
    app: App, shop: Shop, login: str, reads: int, customers_: int, fixes: int, thanks: int
) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Beatriz"))
    app.clock.move(days=1)
    sign_in_again(app, shop, "hq", "admin")
    path = f"/fixes/{make_fix(app, shop)['id']}"
    body = {**COLD_FOOD, "what": "New lamps.", "store_id": str(shop.store_id)}
    answers = [
        request(app, shop, "GET", path, login),
        request(app, shop, "GET", f"{path}/customers", login),
        request(app, shop, "POST", "/fixes", login, json=body),
        request(app, shop, "POST", f"{path}/thank-yous", login, json={"due_at": DUE}),
    ]
    assert [answer.status_code for answer in answers] == [reads, customers_, fixes, thanks]


def test_head_office_reads_figures_and_no_names(app: App, shop: Shop) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Planted name"))
    app.clock.move(days=1)
    sign_in_again(app, shop, "hq")
    fix = make_fix(app, shop)
    make_thank_yous(app, shop, fix)
    for path in ("/fixes", f"/fixes/{fix['id']}"):
        answer = request(app, shop, "GET", path, "hq")
        assert (answer.status_code, "Planted" in answer.text, "Manager of" in answer.text) == (200, False, False)
    assert request(app, shop, "GET", f"/fixes/{fix['id']}", "hq").json["figures"]["thanked"] == 1
