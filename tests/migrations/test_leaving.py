"""Questions of before they had a version reach whoever follows what changes."""

from contextlib import closing

import sqlalchemy as sa

from tests.support.app import World
from tests.support.bulk_copies import copy, originals
from tests.support.databases import Databases, migrate, migrate_back
from tests.support.export_reader import follow, page
from tests.support.factories import make_shop


def test_a_question_the_feed_never_told_of_is_told_once(databases: Databases, database_kind: str) -> None:
    with databases.alone(database_kind) as url, closing(World(url)) as world:
        shop = make_shop(world.back_office)
        _, cursor = follow(world, shop)
        migrate_back(url, "0014")
        owner = sa.create_engine(url)
        with owner.begin() as connection:
            old = originals(connection, "question", organization_id=shop.organization_id)[0]
            ids = copy(connection, "question", old, 2, slug=lambda number: f"old-{number}")
        owner.dispose()
        migrate(url)
        told = page(world, shop, cursor)
        assert [(item["kind"], item["id"]) for item in told["items"]] == [("question", str(id_)) for id_ in ids]
        assert [item["object"]["slug"] for item in told["items"]] == ["old-0", "old-1"]
        assert told["end_of_stream"]
