"""Revision 1006: every day that has a rollup is counted anew, and nothing but the figures changes."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, PLACE, STORE = UUID(int=1), UUID(int=2), UUID(int=3)
DAYS = [date(2026, 3, 31), date(2026, 4, 1)]


def test_every_day_that_has_a_rollup_is_dirty_afterwards(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1005")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            row = {"organization_id": ACME, "version": 1}
            insert_row(connection, "organization", id=ACME, slug="acme", name="Acme")
            insert_row(connection, "region", id=PLACE, slug="here", name="Here", **row)
            insert_row(connection, "store", id=STORE, region_id=PLACE, slug="s", country="PT", currency="EUR", **row)
            of_store = {"organization_id": ACME, "store_id": STORE, "seconds_to_take": b"", "seconds_to_resolve": b""}
            for number, day in enumerate(DAYS):
                for at, currency in enumerate(("EUR", "USD")):  # two rows of one day are one day
                    id_ = UUID(int=10 * number + at)
                    insert_row(connection, "rollup_day", id=id_, business_date=day, currency=currency, **of_store)
        migrate(url, "1006")
        with engine.connect() as connection:
            dirty = sa.table("dirty_day", sa.column("business_date", sa.Date()), sa.column("month", sa.Date()))
            rows = connection.execute(sa.select(dirty).order_by("business_date")).all()
        assert [tuple(row) for row in rows] == [(day, day.replace(day=1)) for day in DAYS]
        engine.dispose()
