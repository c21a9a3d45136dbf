"""Sums that were kept before they knew what was heard are right at once, and once they are worked out anew."""

from contextlib import closing

from tests.support.app import World
from tests.support.databases import Databases, migrate, migrate_back
from tests.support.factories import make_shop
from tests.support.recovery_reports import report, tell
from tests.support.rollups import refresh


def test_the_ask_rate_of_days_that_were_kept_before_is_right(databases: Databases, database_kind: str) -> None:
    with databases.alone(database_kind) as url, closing(World(url)) as world:
        shop = make_shop(world.back_office)
        tell(world, shop)
        day = f"/v1/stores/{shop.store_id}/days/2026-03-03"
        told = {"covers": None, "transactions": 10, "sales": None}
        assert world.request("PUT", day, (shop, "admin"), json=told).status_code == 200
        while refresh(world.back_office):
            pass
        migrate_back(url, "0018")
        migrate(url)
        for _ in range(2):
            assert report(world, shop).json["totals"]["ask_rate"] == {"value": 0.1, "numerator": 1, "denominator": 10}
            refresh(world.back_office)
