"""Devices: the fields of a phone that registers."""

import pytest

from models.staff.device import Device
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.organizations import Shop
from tests.support.rows import rows

PHONE = {"platform": "android", "address": "an address", "locale": "pt-BR"}


@pytest.mark.parametrize("kind", ["fcm_token", "fid", "log"])
def test_a_phone_registers_an_address_of_a_phone(app: App, shop: Shop, kind: str) -> None:
    body = PHONE | {"address_kind": kind}
    answer = app.request("PUT", "/v1/me/devices/one", (shop, "floor"), json=body)
    assert (answer.status_code, answer.json["address_kind"]) == (200, kind)
    (device,) = rows(app, Device)
    assert (device.address_kind, device.locale) == (kind, "pt-BR")


@pytest.mark.parametrize("kind", ["email", "FID", "", 1])
def test_a_phone_cannot_register_a_mailbox_or_anything_else(app: App, shop: Shop, kind: object) -> None:
    body = PHONE | {"address_kind": kind}
    answer = app.request("PUT", "/v1/me/devices/one", (shop, "floor"), json=body)
    assert_invalid_value(answer, "body", "/address_kind")
    assert rows(app, Device) == []
