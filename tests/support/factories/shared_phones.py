"""Shared phones of a store, and people with PINs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from api.web.keys import pin_key
from models.staff.credentials.pin import hash_pin
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.organizations import Shop

PIN = "408357"


@dataclass
class SharedPhone:
    """A shared phone with its secret."""

    app: App
    id: UUID
    secret: str
    installation_id: str

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request of the phone by itself."""
        return self.app.request(method, path, headers={"Authorization": f"Bearer {self.secret}"}, **options)


def make_code(app: App, shop: Shop, *, by: str = "manager", store_id: UUID | None = None, name: str = "bar") -> str:
    """Make a code for a shared phone of the first store."""
    path = f"/v1/stores/{store_id or shop.store_id}/enrolments"
    answer = app.request("POST", path, (shop, by), json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json["code"])


def redeem(app: App, code: str, installation_id: str = "bar phone", **fields: Any) -> TestResponse:
    """Use a code on an installation, whose address is its id unless `fields` say otherwise."""
    body = {"code": code, "installation_id": installation_id, "platform": "android"}
    address = {"address": f"address of {installation_id}", "address_kind": "log"}
    return app.request("POST", "/v1/enrolments/redeem", json=body | address | fields)


def enrol(app: App, shop: Shop, installation_id: str = "bar phone", **options: Any) -> SharedPhone:
    """Make an installation a shared phone of the first store."""
    answer = redeem(app, make_code(app, shop, **options), installation_id)
    assert answer.status_code == 201, answer.text
    return SharedPhone(app, UUID(answer.json["id"]), answer.json["secret"], installation_id)


def set_pins(app: App, shop: Shop, *logins: str, pin: str = PIN) -> None:
    """Give these people a PIN."""
    with app.flask.app_context():
        key = pin_key()
    with app.back_office.writing(shop.organization_id) as session:
        for login in logins:
            staff = session.get_one(Staff, (shop.organization_id, shop.staff[login]))
            staff.pin_digest = hash_pin(pin, key=key, staff_id=staff.id)


def sign_in_with_pin(phone: SharedPhone, shop: Shop, login: str, pin: str = PIN) -> TestResponse:
    """Sign somebody in on a shared phone."""
    body = {"device_secret": phone.secret, "staff_id": str(shop.staff[login]), "pin": pin}
    return phone.app.request("POST", "/v1/sessions", json=body)
