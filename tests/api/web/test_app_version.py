"""Apps that are too old: refused with where to get a new one, but for what must not be lost."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

STORE = "https://apps.example.com/amends"


@pytest.fixture
def old_apps_refused(app: App, shop: Shop) -> None:
    settings = {"minimum_app_versions": {"ios": "2.10.0"}, "app_addresses": {"ios": STORE}}
    answer = app.request("PATCH", "/v1/organization", (shop, "admin"), json=settings, headers={"If-Match": "*"})
    assert answer.json["app_addresses"] == {"android": None, "ios": STORE, "web": None}


def send(app: App, shop: Shop, version: str, method: str, path: str, by: str = "floor", **body: Any) -> Any:
    headers = {"X-App-Version": version, "If-Match": "*"}
    return app.request(method, path, (shop, by), json=body or None, headers=headers)


@pytest.mark.usefixtures("old_apps_refused")
def test_an_old_app_learns_where_to_get_a_new_one(app: App, shop: Shop) -> None:
    document = assert_problem(send(app, shop, "ios/2.9.9", "GET", "/v1/me"), 426, "app-too-old")
    assert (document["minimum_version"], document["get_it_at"]) == ("2.10.0", STORE)
    concern = log_concern(app, shop)
    for method, path in (("GET", "/v1/me/home"), ("PATCH", f"/v1/concerns/{concern['id']}"), ("GET", "/v1/staff")):
        assert_problem(send(app, shop, "ios/2.9.9", method, path), 426, "app-too-old")


@pytest.mark.usefixtures("old_apps_refused")
@pytest.mark.parametrize("version", ["ios/2.10.0", "ios/10.0.0", "android/0.0.1", "2.9.9", "ios/2.9", "ios/x", ""])
def test_whoever_is_new_enough_or_says_nothing_is_served(app: App, shop: Shop, version: str) -> None:
    assert send(app, shop, version, "GET", "/v1/me").status_code == 200


@pytest.mark.usefixtures("old_apps_refused")
def test_what_must_not_be_lost_is_taken_from_any_app(app: App, shop: Shop) -> None:
    concern = send(app, shop, "ios/1.0.0", "POST", "/v1/concerns", mood=1, store_id=str(shop.store_id))
    assert concern.status_code == 201
    receipts = {"receipts": [{"notification_id": str(shop.store_id), "event": "shown", "at": "2026-03-03T12:00:00Z"}]}
    for method, path, body in (
        ("POST", f"/v1/concerns/{concern.json['id']}/take", {}),
        ("POST", "/v1/notifications/receipts", receipts),
        ("POST", "/v1/sessions", {"organization": "acme", "login": "floor", "password": "correct-horse-battery"}),
        ("DELETE", "/v1/sessions/current", {}),
    ):
        assert send(app, shop, "ios/1.0.0", method, path, **body).status_code < 300, path


@pytest.mark.usefixtures("old_apps_refused")
def test_an_old_app_is_refused_after_the_token_and_before_the_permission(app: App, shop: Shop) -> None:
    headers = {"X-App-Version": "ios/1.0.0", "Authorization": "Bearer amd_s_wrong"}
    assert app.flask.test_client().get("/v1/staff", headers=headers).status_code == 401
    assert send(app, shop, "ios/1.0.0", "POST", "/v1/stores").status_code == 426
    assert app.request("GET", "/v1/concerns", (shop, "key"), headers={"X-App-Version": "ios/1.0.0"}).status_code == 200


def test_an_address_of_an_app_is_a_secure_one(app: App, shop: Shop) -> None:
    for address in ("http://apps.example.com", "javascript:alert(1)", "apps", 5):
        settings = {"app_addresses": {"ios": address}}
        answer = app.request("PATCH", "/v1/organization", (shop, "admin"), json=settings, headers={"If-Match": "*"})
        assert answer.status_code == 422, address
