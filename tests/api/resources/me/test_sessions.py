"""One's own sign-ins: listed, ended, bounded in number, and how long they last by role."""

from datetime import timedelta
from typing import Any

import pytest

from models.access import Role
from models.policy_defaults import MAX_SIGN_INS
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.rows import rows

MINE = "/v1/me/sessions"
PHONE = {"platform": "ios", "address": "address", "address_kind": "log"}


def sign_in(app: App, shop: Shop, login: str = "floor", name: str = "") -> str:
    """Sign in once more; return the token, which is also that of `name` from then on."""
    body = {"organization": shop.slug, "login": login, "password": PASSWORD}
    answer = app.request("POST", "/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    shop.tokens[name or login] = answer.json["token"]
    return str(answer.json["token"])


def listed(app: App, shop: Shop, by: str = "floor") -> list[dict[str, Any]]:
    answer = app.request("GET", MINE, (shop, by))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def status(app: App, shop: Shop, by: str) -> int:
    return app.request("GET", "/v1/me", (shop, by)).status_code


def test_a_person_sees_their_own_sign_ins_newest_first(app: App, shop: Shop) -> None:
    app.clock.move(minutes=5)
    sign_in(app, shop, name="phone")
    assert app.request("PUT", "/v1/me/devices/one", (shop, "phone"), json=PHONE).status_code == 200
    app.clock.move(minutes=5)
    newest, oldest = listed(app, shop, "phone")
    (device,) = rows(app, Device)
    assert newest == {
        "id": newest["id"],
        "created_at": "2026-03-03T12:05:00Z",
        "last_used_at": "2026-03-03T12:10:00Z",
        "expires_at": "2026-04-02T12:05:00Z",
        "method": "password",
        "device": {"id": str(device.id), "name": None, "platform": "ios"},
        "current": True,
    }
    assert (oldest["created_at"], oldest["device"], oldest["current"]) == ("2026-03-03T12:00:00Z", None, False)
    assert [each["current"] for each in listed(app, shop, "floor")] == [False, True]


def test_one_that_has_expired_is_not_listed(app: App, shop: Shop) -> None:
    app.clock.move(days=29)
    sign_in(app, shop)
    assert len(listed(app, shop)) == 2
    app.clock.move(days=1)
    assert len(listed(app, shop)) == 1


def test_a_person_ends_one_of_them_and_its_phone_rings_no_more(app: App, shop: Shop) -> None:
    sign_in(app, shop, name="phone")
    app.request("PUT", "/v1/me/devices/one", (shop, "phone"), json=PHONE)
    (lost,) = (each for each in listed(app, shop) if each["device"])
    assert app.request("DELETE", f"{MINE}/{lost['id']}", (shop, "floor")).status_code == 204
    assert (status(app, shop, "phone"), status(app, shop, "floor")) == (401, 200)
    (device,) = rows(app, Device)
    assert (device.address, device.retired_reason) == (None, "signed-out")
    assert_problem(app.request("DELETE", f"{MINE}/{lost['id']}", (shop, "floor")), 404, "not-found")


def test_signing_out_on_a_phone_ends_every_sign_in_on_it(app: App, shop: Shop) -> None:
    for name in ("before", "after"):
        sign_in(app, shop, name=name)
        app.request("PUT", "/v1/me/devices/one", (shop, name), json=PHONE)
    assert app.request("DELETE", "/v1/sessions/current", (shop, "before")).status_code == 204
    assert_problem(app.request("GET", "/v1/me", (shop, "after")), 401, "unauthorized")
    (device,) = rows(app, Device)
    assert (device.address, device.retired_reason) == (None, "signed-out")


def test_a_phone_rings_on_while_a_sign_in_on_it_is_left(app: App, shop: Shop) -> None:
    for name in ("before", "after"):
        sign_in(app, shop, name=name)
        app.request("PUT", "/v1/me/devices/one", (shop, name), json=PHONE)
    former = next(each for each in listed(app, shop, "after") if each["device"] and not each["current"])
    assert app.request("DELETE", f"{MINE}/{former['id']}", (shop, "after")).status_code == 204
    (device,) = rows(app, Device)
    assert (device.address, device.retired_at) == ("address", None)


def test_nobody_sees_or_ends_those_of_others(app: App, shop: Shop) -> None:
    (mine,) = listed(app, shop)
    for login in ("colleague", "manager", "admin"):
        assert_problem(app.request("DELETE", f"{MINE}/{mine['id']}", (shop, login)), 404, "not-found")
    assert_problem(app.request("GET", MINE, (shop, "key")), 403, "forbidden")


def test_a_person_signs_out_everywhere(app: App, shop: Shop) -> None:
    sign_in(app, shop, name="phone")
    app.request("PUT", "/v1/me/devices/one", (shop, "phone"), json=PHONE)
    assert app.request("DELETE", MINE, (shop, "floor")).status_code == 204
    assert {status(app, shop, name) for name in ("phone", "floor")} == {401}
    assert status(app, shop, "colleague") == 200
    (device,) = rows(app, Device)
    assert device.address is None


def test_of_too_many_sign_ins_the_oldest_ends(app: App, shop: Shop) -> None:
    for _ in range(MAX_SIGN_INS - 1):
        app.clock.move(seconds=15)
        sign_in(app, shop, name="newest")
    assert (status(app, shop, "floor"), status(app, shop, "newest")) == (200, 200)
    sign_in(app, shop, name="one too many")
    assert (status(app, shop, "floor"), status(app, shop, "newest"), status(app, shop, "one too many")) == (
        401,
        200,
        200,
    )
    assert sum(row.staff_id == shop.staff["floor"] for row in rows(app, StaffSession)) == MAX_SIGN_INS


# --------------------------------------------------------------------------------------------------- how long they last


@pytest.mark.parametrize(
    ("login", "length", "idle"),
    [
        ("admin", timedelta(hours=12), timedelta(hours=2)),
        ("hq", timedelta(days=7), timedelta(hours=24)),
        ("manager", timedelta(days=30), None),
        ("regional", timedelta(days=30), None),
    ],
)
def test_a_sign_in_lasts_as_long_as_the_role_allows(
    app: App, shop: Shop, login: str, length: timedelta, idle: timedelta | None
) -> None:
    step = (idle or length) - timedelta(minutes=2)
    used_until = app.clock() + length
    while app.clock() + step < used_until:
        app.clock.move(seconds=step.total_seconds())
        assert status(app, shop, login) == 200
    app.clock.at = used_until - timedelta(seconds=1)
    assert status(app, shop, login) == 200
    app.clock.move(seconds=1)
    assert status(app, shop, login) == 401
    if idle is not None:
        sign_in(app, shop, login)
        app.clock.move(seconds=idle.total_seconds())
        assert status(app, shop, login) == 401


def test_the_organization_may_set_less_than_the_role_allows_and_never_more(app: App) -> None:
    shop = make_shop(app.back_office)
    settings = {"session_days": 2, "session_idle_days": 1}
    change = app.request("PATCH", "/v1/organization", (shop, "admin"), json=settings, headers={"If-Match": "*"})
    assert change.status_code == 200
    lasting = {}
    for login in ("floor", "hq", "admin"):
        sign_in(app, shop, login)
        lasting[login] = rows(app, StaffSession)[-1].expires_at - app.clock()
    assert lasting == {"floor": timedelta(days=1), "hq": timedelta(days=1), "admin": timedelta(hours=2)}


def test_whoever_is_made_an_administrator_is_not_signed_in_for_longer_than_one(app: App, shop: Shop) -> None:
    app.clock.move(hours=12)
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).role = Role.ADMIN
    assert status(app, shop, "floor") == 401
