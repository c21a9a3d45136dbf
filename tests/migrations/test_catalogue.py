"""The catalogue is made of what was typed on concerns before there was one."""

from contextlib import closing
from typing import Any

import sqlalchemy as sa

from tests.support.app import World
from tests.support.databases import Databases, migrate, migrate_back
from tests.support.factories import Shop, make_shop
from tests.support.worker import log_concern

TYPED = [("SOPA", None), ("sopa", None), ("Sopa do dia", "sopa"), (None, "Fish.42"), ("寿司", None)]


def items_of(world: World, shop: Shop, concern: Any) -> Any:
    return world.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor")).json["items"]


def typed(url: str) -> list[Any]:
    """What stands on the concerns, as a house without a catalogue has it."""
    owner = sa.create_engine(url)
    with owner.connect() as connection:
        rows = connection.execute(sa.text("SELECT slug, name, quantity FROM concern_item ORDER BY quantity")).all()
    owner.dispose()
    return [tuple(row) for row in rows]


def test_what_was_typed_is_brought_over_and_spellings_of_one_thing_become_one(
    databases: Databases, database_kind: str
) -> None:
    with databases.alone(database_kind) as url, closing(World(url)) as world:
        shop, other = make_shop(world.back_office), make_shop(world.back_office, "other")
        items = [{"name": f"Thing {number}", "quantity": number} for number in range(1, len(TYPED) + 1)]
        concern, theirs = log_concern(world, shop, items=items), log_concern(world, other, items=items[:1])
        migrate_back(url, "0010")
        assert typed(url)[-1] == ("thing-5", "Thing 5", 5)
        _type(url)
        migrate(url)
        assert [(item["slug"], item["name"]) for item in items_of(world, shop, concern)][:4] == [
            ("sopa", "SOPA"),
            ("sopa", "SOPA"),
            ("sopa", "SOPA"),
            ("fish-42", "Fish.42"),
        ]
        assert items_of(world, other, theirs)[0]["slug"] == "sopa"
        again = log_concern(world, shop, items=[{"name": name, "slug": slug} for name, slug in TYPED])
        strip = [{**item, "quantity": 1} for item in items_of(world, shop, concern)]
        assert again["items"] == strip
        listed = world.request("GET", "/v1/items", (shop, "floor")).json["items"]
        assert [item["name"] for item in listed] == ["Fish.42", "SOPA", "寿司"]


def _type(url: str) -> None:
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        for quantity, (name, slug) in enumerate(TYPED, start=1):
            values = {"name": name, "slug": slug, "quantity": quantity}
            changed = sa.text("UPDATE concern_item SET slug = :slug, name = :name WHERE quantity = :quantity")
            connection.execute(changed, values)
    owner.dispose()
