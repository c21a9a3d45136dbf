"""Revision 1005: what had no limit gets one, and what somebody has set stays."""

from uuid import UUID

import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, PLACE, VOUCHER, WORDS = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
OWN = ("floor", "EUR", 700, None)
GIVEN = [("manager", 15_000, 60_000), ("regional", 15_000, 60_000)]


def test_only_what_has_no_limit_gets_one(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1004")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            _fill(connection)
        migrate(url, "1005")
        with engine.connect() as connection:
            columns = "remedy_id, role, currency, most_per_customer, most_per_staff"
            rows = connection.execute(sa.text(f"SELECT {columns} FROM remedy_limit ORDER BY currency, role")).all()  # noqa: S608 our own query
        assert {UUID(str(row[0])) for row in rows} == {VOUCHER}  # words cost nothing
        in_euros = [OWN, *((role, "EUR", *most) for role, *most in GIVEN)]
        in_dollars = [("floor", "USD", 2_500, 10_000), *((role, "USD", *most) for role, *most in GIVEN)]
        assert [tuple(row[1:]) for row in rows] == [*in_euros, *in_dollars]
        engine.dispose()


def _fill(connection: sa.Connection) -> None:
    """Stores with three currencies; a voucher of which floor staff may give seven euros; words."""
    row = {"organization_id": ACME, "version": 1}
    insert_row(connection, "organization", id=ACME, slug="acme", name="Acme")
    insert_row(connection, "region", id=PLACE, slug="here", name="Here", **row)
    for number, currency in enumerate(("EUR", "USD", "CHF", "USD")):
        store = {"id": UUID(int=10 + number), "region_id": PLACE, "slug": f"s{number}", "country": "PT"}
        insert_row(connection, "store", currency=currency, **store, **row)
    insert_row(connection, "remedy", id=VOUCHER, slug="voucher", name="Voucher", kind="voucher", **row)
    insert_row(connection, "remedy", id=WORDS, slug="apology", name="Apology", kind="apology", **row)
    insert_row(
        connection,
        "remedy_limit",
        id=UUID(int=20),
        organization_id=ACME,
        remedy_id=VOUCHER,
        role=OWN[0],
        currency=OWN[1],
        most_per_customer=OWN[2],
    )
