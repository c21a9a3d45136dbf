"""Revision 1005: what was given before says to whom, and references are found however they were typed."""

from uuid import UUID

import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, STORE, CUSTOMER, REMEDY = (UUID(int=number) for number in range(1, 5))
CONCERN, ACTION, ENTRY = (UUID(int=number) for number in range(11, 14))


def test_what_was_given_before_is_the_customers_of_its_concern(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1004")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            _fill(connection)
        migrate(url, "1005")
        with engine.connect() as connection:
            key = connection.scalars(sa.text("SELECT order_key FROM concern")).one()
            columns = "settlement_key, customer_id IS NOT NULL, status, cost_amount"
            actions = connection.execute(sa.text(f"SELECT {columns} FROM recovery_action ORDER BY id")).all()  # noqa: S608 ours
        engine.dispose()
    assert key == "a-12"
    # What was taken back before stays taken back.
    assert [tuple(action) for action in actions] == [("r-77", True, "reversed", 500), (None, True, "done", -500)]


def _fill(connection: sa.Connection) -> None:
    """A refund that was paid, and taken back without the money being back."""
    row = {"organization_id": ACME, "version": 3}
    insert_row(connection, "organization", id=ACME, slug="acme", name="Acme")
    insert_row(connection, "region", id=STORE, slug="here", name="Here", **row)
    values = {"region_id": STORE, "slug": "first", "name": "First", "country": "PT", "currency": "EUR"}
    insert_row(connection, "store", id=STORE, **values, **row)
    insert_row(connection, "customer", id=CUSTOMER, name="Ana", **row)
    insert_row(connection, "remedy", id=REMEDY, slug="refund", name="Refund", kind="refund", **row)
    concern = {"store_id": STORE, "customer_id": CUSTOMER, "order_reference": " Á-12"}
    insert_row(connection, "concern", id=CONCERN, **concern, **row)
    action = {"concern_id": CONCERN, "store_id": STORE, "remedy_id": REMEDY, "cost_currency": "EUR", **row}
    paid = {"settlement": "settled", "settlement_reference": "R-77", "status": "reversed", "cost_amount": 500}
    insert_row(connection, "recovery_action", id=ACTION, **action, **paid)
    back = {"settlement": "recorded", "status": "done", "cost_amount": -500, "reverses_id": ACTION}
    insert_row(connection, "recovery_action", id=ENTRY, **action, **back)
