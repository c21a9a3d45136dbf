"""Revision 1006: every day that has a rollup is counted anew, and nothing but the figures changes."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, PLACE, STORE, STAFF = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
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


def test_an_alert_that_came_late_and_was_sent_afterwards_has_rung(databases: Databases, database_kind: str) -> None:
    late_only, rang_later, in_time = UUID(int=11), UUID(int=12), UUID(int=13)
    with databases.empty(database_kind) as url:
        migrate(url, "1005")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            row = {"organization_id": ACME, "version": 1}
            insert_row(connection, "organization", id=ACME, slug="acme", name="Acme")
            insert_row(connection, "region", id=PLACE, slug="here", name="Here", **row)
            insert_row(connection, "store", id=STORE, region_id=PLACE, slug="s", country="PT", currency="EUR", **row)
            insert_row(connection, "staff", id=STAFF, login="ana", role="floor", **row)
            of_store = {"store_id": STORE, **row}
            for id_, late in ((late_only, True), (rang_later, True), (in_time, False)):
                insert_row(connection, "concern", id=id_, late=late, mood=2, kind="complaint", **of_store)
                insert_row(connection, "alert", id=id_, concern_id=id_, run_id=id_, state="taken", **of_store)
            of_alert = {"alert_id": rang_later, "staff_id": STAFF, "organization_id": ACME}
            insert_row(connection, "notification", id=UUID(int=21), **of_alert)
        migrate(url, "1006")
        with engine.connect() as connection:
            alert = sa.table("alert", sa.column("id", sa.Uuid()), sa.column("rang", sa.Boolean()))
            rang = {row.id: row.rang for row in connection.execute(sa.select(alert))}
        assert rang == {late_only: False, rang_later: True, in_time: True}
        engine.dispose()
