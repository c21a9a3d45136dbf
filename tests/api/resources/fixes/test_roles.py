"""Fixes by role: who says what is fixed, who reads who had raised it, who thanks them, and who can keep that."""

import pytest

from tests.support.app import World
from tests.support.assertions import error, problem
from tests.support.factories.customers import regular
from tests.support.factories.fixes import COLD, DUE, ask, fix, follow_ups, raised_by, thank
from tests.support.factories.organizations import Shop


def test_a_colleague_gets_only_those_they_can_keep_and_the_rest_is_left(world: World, shop: Shop) -> None:
    raised_by(world, shop, regular(world, shop, "Beatriz"))
    world.clock.move(minutes=1)
    raised_by(world, shop, regular(world, shop, "Hidden"), sensitive=True)
    world.clock.move(days=1)
    told = fix(world, shop)
    path = f"/fixes/{told['id']}/thank-yous"
    refused = ask(world, shop, "POST", path, json={"due_at": DUE, "owner_id": str(shop.staff["hq"])})
    assert problem(refused, 404, "not-found")["pointer"] == "/owner_id"
    error(ask(world, shop, "POST", path, json={"due_at": "2026-03-03T11:00:00Z"}), "body", "/due_at")
    assert follow_ups(world, shop, told) == []
    first = thank(world, shop, told, owner_id=str(shop.staff["colleague"]))
    assert (first["figures"]["thanked"], first["figures"]["left"]) == (1, 1)
    thank(world, shop, told, owner_id=str(shop.staff["regional"]))
    owners = {one["owner"]["id"] for one in follow_ups(world, shop, told)}
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
    world: World, shop: Shop, login: str, reads: int, customers_: int, fixes: int, thanks: int
) -> None:
    raised_by(world, shop, regular(world, shop, "Beatriz"))
    world.clock.move(days=1)
    path = f"/fixes/{fix(world, shop)['id']}"
    body = {**COLD, "what": "New lamps.", "store_id": str(shop.store_id)}
    asked = [
        ask(world, shop, "GET", path, login),
        ask(world, shop, "GET", f"{path}/customers", login),
        ask(world, shop, "POST", "/fixes", login, json=body),
        ask(world, shop, "POST", f"{path}/thank-yous", login, json={"due_at": DUE}),
    ]
    assert [answer.status_code for answer in asked] == [reads, customers_, fixes, thanks]


def test_head_office_reads_figures_and_no_names(world: World, shop: Shop) -> None:
    raised_by(world, shop, regular(world, shop, "Planted name"))
    world.clock.move(days=1)
    told = fix(world, shop)
    thank(world, shop, told)
    for path in ("/fixes", f"/fixes/{told['id']}"):
        answer = ask(world, shop, "GET", path, "hq")
        assert (answer.status_code, "Planted" in answer.text, "Manager of" in answer.text) == (200, False, False)
    assert ask(world, shop, "GET", f"/fixes/{told['id']}", "hq").json["figures"]["thanked"] == 1
