"""Phones: an address reaches one of them, and a phone of a person belongs to who signed in last."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models.access import GRANTS, KEY_GRANTS, Actor, KeyScope, Role
from models.errors import Forbidden, NotFound
from models.operations.people.phones import register_phone
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind, Device, Platform
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import rows
from tests.support.threads import at_once


def actor(app: App, shop: Shop, login: str) -> Actor:
    with app.database.reading(shop.organization_id) as session:
        mine = StaffSession.staff_id == shop.staff[login]
        session_id = session.scalars(select(StaffSession.id).where(mine)).one()
    return Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff[login], session_id=session_id)


def register(app: App, shop: Shop, by: Actor, installation: str, address: str, **fields: Any) -> Device:
    with app.database.writing(shop.organization_id) as session:
        return register_phone(
            session,
            by=by,
            installation_id=installation,
            platform=Platform.IOS,
            address=address,
            address_kind=AddressKind.FCM_TOKEN,
            **{"at": NOON, **fields},
        )


def devices(app: App) -> dict[str, Device]:
    return {device.installation_id: device for device in rows(app, Device)}


def test_a_phone_registers_and_renews_its_address(app: App, shop: Shop) -> None:
    floor = actor(app, shop, "floor")
    first = register(app, shop, floor, "phone", "one", app_version="1.0", locale="pt-PT")
    later = app.clock.move(days=1)
    again = register(app, shop, floor, "phone", "two", at=later)
    (device,) = rows(app, Device)
    assert device.id == first.id == again.id
    assert (device.address, device.registered_at, device.seen_at) == ("two", NOON, later)
    assert (device.staff_id, device.app_version, device.locale) == (shop.staff["floor"], None, None)


def test_an_address_moves_to_the_phone_that_has_it_now(app: App, shop: Shop) -> None:
    register(app, shop, actor(app, shop, "floor"), "old phone", "address")
    register(app, shop, actor(app, shop, "colleague"), "new phone", "address", at=app.clock.move(hours=1))
    old, new = (devices(app)[name] for name in ("old phone", "new phone"))
    assert (old.address, old.retired_at, old.retired_reason) == (None, app.clock(), "moved")
    assert (new.address, new.staff_id, new.retired_at) == ("address", shop.staff["colleague"], None)


def test_a_phone_belongs_to_who_signed_in_last(app: App, shop: Shop) -> None:
    for login in ("floor", "colleague"):
        register(app, shop, actor(app, shop, login), "shared", "address")
    (device,) = rows(app, Device)
    assert (device.staff_id, device.address) == (shop.staff["colleague"], "address")
    bound = {sign_in.staff_id: sign_in.device_id for sign_in in rows(app, StaffSession)}
    assert bound[shop.staff["colleague"]] == device.id


def test_the_same_address_may_be_known_to_two_organizations(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    for owner in (shop, other):
        register(app, owner, actor(app, owner, "floor"), "phone", "address")
    assert [device.address for device in rows(app, Device)] == ["address"] * 2


def test_forgetting_a_phone_stops_its_pushes_until_it_registers_again(app: App, shop: Shop) -> None:
    floor, colleague = actor(app, shop, "floor"), actor(app, shop, "colleague")
    register(app, shop, floor, "phone", "address")
    for by, installation in ((colleague, "phone"), (floor, "no phone")):
        with pytest.raises(NotFound), app.database.writing(shop.organization_id) as session:
            Device.unregister(session, by=by, installation_id=installation, at=NOON)
    with app.database.writing(shop.organization_id) as session:
        Device.unregister(session, by=floor, installation_id="phone", at=NOON)
    (device,) = rows(app, Device)
    assert (device.address, device.retired_reason) == (None, "forgotten")
    register(app, shop, floor, "phone", "address")
    (device,) = rows(app, Device)
    assert (device.address, device.retired_at, device.retired_reason) == ("address", None, None)


def test_a_key_has_no_phone(app: App, shop: Shop) -> None:
    key = Actor(shop.organization_id, KEY_GRANTS[KeyScope.CONCERNS_WRITE], None)
    with pytest.raises(Forbidden):
        register(app, shop, key, "phone", "address")
    assert rows(app, Device) == []


def test_a_phone_that_registers_many_times_at_once_is_one_phone(app: App, shop: Shop) -> None:
    body = {"platform": "ios", "address": "address", "address_kind": "log"}
    put = partial(app.request, "PUT", "/v1/me/devices/phone", (shop, "manager"), json=body)
    answers = at_once([put] * 6)
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert [device.address for device in rows(app, Device)] == ["address"]
