"""Phones: an address reaches one of them, and a phone belongs to who signed in last."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models.access import GRANTS, KEY_GRANTS, Actor, KeyScope, Role
from models.errors import Forbidden, NotFound
from models.staff.credentials import StaffSession
from models.staff.device import AddressKind, Device, Platform
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import rows
from tests.support.threads import at_once


def actor(world: App, shop: Shop, login: str) -> Actor:
    with world.database.reading(shop.organization_id) as session:
        mine = StaffSession.staff_id == shop.staff[login]
        session_id = session.scalars(select(StaffSession.id).where(mine)).one()
    return Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff[login], session_id=session_id)


def register(world: App, shop: Shop, by: Actor, installation: str, address: str, **fields: Any) -> Device:
    with world.database.writing(shop.organization_id) as session:
        return Device.register(
            session,
            by=by,
            installation_id=installation,
            platform=Platform.IOS,
            address=address,
            address_kind=AddressKind.FCM_TOKEN,
            **{"at": NOON, **fields},
        )


def devices(world: App) -> dict[str, Device]:
    return {device.installation_id: device for device in rows(world, Device)}


def test_a_phone_registers_and_renews_its_address(world: App, shop: Shop) -> None:
    floor = actor(world, shop, "floor")
    first = register(world, shop, floor, "phone", "one", app_version="1.0", locale="pt-PT")
    later = world.clock.move(days=1)
    again = register(world, shop, floor, "phone", "two", at=later)
    (device,) = rows(world, Device)
    assert device.id == first.id == again.id
    assert (device.address, device.registered_at, device.seen_at) == ("two", NOON, later)
    assert (device.staff_id, device.app_version, device.locale) == (shop.staff["floor"], None, None)


def test_an_address_moves_to_the_phone_that_has_it_now(world: App, shop: Shop) -> None:
    register(world, shop, actor(world, shop, "floor"), "old phone", "address")
    register(world, shop, actor(world, shop, "colleague"), "new phone", "address", at=world.clock.move(hours=1))
    old, new = (devices(world)[name] for name in ("old phone", "new phone"))
    assert (old.address, old.retired_at, old.retired_reason) == (None, world.clock(), "moved")
    assert (new.address, new.staff_id, new.retired_at) == ("address", shop.staff["colleague"], None)


def test_a_shared_phone_belongs_to_who_signed_in_last(world: App, shop: Shop) -> None:
    for login in ("floor", "colleague"):
        register(world, shop, actor(world, shop, login), "shared", "address")
    (device,) = rows(world, Device)
    assert (device.staff_id, device.address) == (shop.staff["colleague"], "address")
    bound = {sign_in.staff_id: sign_in.device_id for sign_in in rows(world, StaffSession)}
    assert bound[shop.staff["colleague"]] == device.id


def test_the_same_address_may_be_known_to_two_organizations(world: App, shop: Shop) -> None:
    other = make_shop(world.back_office, "other")
    for owner in (shop, other):
        register(world, owner, actor(world, owner, "floor"), "phone", "address")
    assert [device.address for device in rows(world, Device)] == ["address"] * 2


def test_forgetting_a_phone_stops_its_pushes_until_it_registers_again(world: App, shop: Shop) -> None:
    floor, colleague = actor(world, shop, "floor"), actor(world, shop, "colleague")
    register(world, shop, floor, "phone", "address")
    for by, installation in ((colleague, "phone"), (floor, "no phone")):
        with pytest.raises(NotFound), world.database.writing(shop.organization_id) as session:
            Device.unregister(session, by=by, installation_id=installation, at=NOON)
    with world.database.writing(shop.organization_id) as session:
        Device.unregister(session, by=floor, installation_id="phone", at=NOON)
    (device,) = rows(world, Device)
    assert (device.address, device.retired_reason) == (None, "forgotten")
    register(world, shop, floor, "phone", "address")
    (device,) = rows(world, Device)
    assert (device.address, device.retired_at, device.retired_reason) == ("address", None, None)


def test_a_key_has_no_phone(world: App, shop: Shop) -> None:
    key = Actor(shop.organization_id, KEY_GRANTS[KeyScope.CONCERNS_WRITE], None)
    with pytest.raises(Forbidden):
        register(world, shop, key, "phone", "address")
    assert rows(world, Device) == []


def test_a_phone_that_registers_many_times_at_once_is_one_phone(world: App, shop: Shop) -> None:
    body = {"platform": "ios", "address": "address", "address_kind": "log"}
    put = partial(world.request, "PUT", "/v1/me/devices/phone", (shop, "manager"), json=body)
    answers = at_once([put] * 6)
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert [device.address for device in rows(world, Device)] == ["address"]
