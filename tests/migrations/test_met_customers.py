"""Revision 1005: what a store could read before stays open to it, and going back and forth opens nothing more."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.support.bare_rows import insert_row
from tests.support.databases import ROOT, Databases, migrate

ACME, STORE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
BEFORE, OPENED, FOUND = (UUID(int=number) for number in range(11, 14))


def test_down_and_up_again_opens_no_profile_that_was_only_found(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1004")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            _fill(connection)
        migrate(url, "1005")
        assert _open(engine) == {BEFORE}
        with engine.begin() as connection:
            _meet(connection, OPENED, opened_at=datetime(2026, 3, 3, 12, tzinfo=UTC))
            _meet(connection, FOUND)
            insert_row(connection, "concern", organization_id=ACME, id=FOUND, customer_id=FOUND, store_id=OTHER)
        assert _open(engine) == {BEFORE, OPENED}
        settings = Config(toml_file=ROOT / "pyproject.toml")
        settings.attributes["database_url"] = url
        command.downgrade(settings, "1004")
        migrate(url, "1005")
        assert _open(engine) == {BEFORE, OPENED}
        assert _known(engine) == {BEFORE, OPENED, FOUND}
        engine.dispose()


def _open(engine: sa.Engine) -> set[UUID]:
    """Return the customers whose whole profile the other store reads."""
    return _known(engine, "WHERE opened_at IS NOT NULL")


def _known(engine: sa.Engine, which: str = "") -> set[UUID]:
    """Return the customers whom the other store knows."""
    with engine.connect() as connection:
        ids = connection.scalars(sa.text(f"SELECT customer_id FROM customer_store {which}"))  # noqa: S608 our own query
        return {UUID(str(id_)) for id_ in ids}


def _fill(connection: sa.Connection) -> None:
    """Three customers of one store, one of whom the other store has met."""
    row = {"organization_id": ACME, "version": 1}
    insert_row(connection, "organization", id=ACME, slug="acme", name="Acme")
    insert_row(connection, "region", id=STORE, slug="here", name="Here", **row)
    for id_, slug in ((STORE, "first"), (OTHER, "second")):
        insert_row(connection, "store", id=id_, region_id=STORE, slug=slug, country="PT", currency="EUR", **row)
    for id_ in (BEFORE, OPENED, FOUND):
        insert_row(connection, "customer", id=id_, name="Ana", first_store_id=STORE, **row)
    _meet(connection, BEFORE)


def _meet(connection: sa.Connection, customer_id: UUID, **values: Any) -> None:
    values = {"id": customer_id, "customer_id": customer_id, "store_id": OTHER, **values}
    insert_row(connection, "customer_store", organization_id=ACME, **values)
