"""A try at a secret that has no result, because something failed meanwhile, is no wrong one."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from api.resources import own_credentials, sessions
from api.web import approver
from api.web.problems import HttpProblem
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.factories.shared_phones import PIN, enrol, set_pins, sign_in_with_pin


def be_locked(*_: Any, **__: Any) -> None:
    raise OperationalError("", {}, Exception("database is locked"))


def be_busy(*_: Any) -> bool:
    raise HttpProblem(429, "Too many sign in at this moment; try again.", retry_after=1)


def statuses(call: Callable[[], TestResponse], times: int = 5) -> list[int]:
    return [call().status_code for _ in range(times)]


def test_pins_while_the_database_is_locked(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = enrol(app, shop)
    set_pins(app, shop, "floor", "manager")
    shop.tokens["floor"] = sign_in_with_pin(phone, shop, "floor").json["token"]
    concern = log_concern(app, shop, "floor", mood=3)
    body = {"remedy": "voucher", "cost": {"amount": 5000, "currency": "EUR"}}
    action = app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor"), json=body).json
    body = {"approver": {"staff_id": str(shop.staff["manager"]), "pin": PIN}}

    def approve() -> TestResponse:
        return app.request("POST", f"/v1/recovery-actions/{action['id']}/approve", (shop, "floor"), json=body)

    with monkeypatch.context() as patch:
        patch.setattr(approver, "find_by_pin", be_locked)
        assert statuses(approve) == [503] * 5
        patch.setattr(sessions, "try_pin", be_locked)
        assert statuses(lambda: sign_in_with_pin(phone, shop, "floor")) == [503] * 5
    assert approve().json["status"] == "done"
    assert sign_in_with_pin(phone, shop, "floor").status_code == 201


def test_passwords_while_none_are_checked_or_the_database_is_locked(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign_in() -> TestResponse:
        body = {"organization": shop.slug, "login": "floor", "password": PASSWORD}
        return app.request("POST", "/v1/sessions", json=body)

    def change() -> TestResponse:
        body = {"current_password": PASSWORD, "new_password": PASSWORD}
        return app.request("PUT", "/v1/me/password", (shop, "manager"), json=body)

    with monkeypatch.context() as patch:
        for queue in app.flask.extensions["password_queues"]:
            patch.setattr(queue, "verify", be_busy)
        assert statuses(sign_in) == statuses(change) == [429] * 5
    with monkeypatch.context() as patch:
        patch.setattr(app.database, "writing", be_locked)
        assert statuses(sign_in) == [503] * 5
    assert change().status_code == 204
    assert sign_in().status_code == 201


def test_own_pins_while_they_cannot_be_checked(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    set_pins(app, shop, "floor")
    body = {"pin": "481937", "current_pin": PIN}
    with monkeypatch.context() as patch:
        patch.setattr(own_credentials.Staff, "has_password", False)
        patch.setattr(own_credentials, "pin_matches", be_locked)
        assert statuses(lambda: app.request("PUT", "/v1/me/pin", (shop, "floor"), json=body)) == [503] * 5
        patch.setattr(own_credentials, "pin_matches", lambda *_, **__: True)
        assert app.request("PUT", "/v1/me/pin", (shop, "floor"), json=body).status_code == 204
