"""Revision 1004: praise of before is over, and whoever keeps a copy learns of it."""

from uuid import UUID

import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, OTHER, STORE = UUID(int=1), UUID(int=2), UUID(int=3)
CONCERNS = [
    ("praise", "open"),
    ("praise", "taken"),
    ("praise", "resolved"),
    ("concern", "open"),
]


def test_open_praise_is_resolved_as_a_new_version_in_the_change_feed(databases: Databases, database_kind: str) -> None:
    with databases.empty(database_kind) as url:
        migrate(url, "1003")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            _fill(connection)
        migrate(url, "1004")
        with engine.connect() as connection:
            concerns = connection.execute(sa.text("SELECT status, version FROM concern ORDER BY id")).all()
            assert [tuple(concern) for concern in concerns] == [
                *[("resolved", 4), ("resolved", 4), ("resolved", 3), ("open", 3)],
                ("resolved", 4),
            ]
            changes = connection.execute(
                sa.text(
                    "SELECT change.seq, change.kind, change.version, change.op FROM change JOIN concern"
                    " ON concern.id = change.object_id AND concern.store_id = change.store_id ORDER BY object_id"
                )
            ).all()
            assert [tuple(change) for change in changes] == [
                (8, "concern", 4, "upsert"),
                (9, "concern", 4, "upsert"),
                (8, "concern", 4, "upsert"),
            ]
            counters = connection.scalars(sa.text("SELECT last_seq FROM change_counter ORDER BY organization_id")).all()
            assert counters == [9, 8]
        engine.dispose()


def _fill(connection: sa.Connection) -> None:
    """Two organizations after seven changes each; the first has four concerns, the other one open praise."""
    number = 100
    for organization, concerns in ((ACME, CONCERNS), (OTHER, CONCERNS[:1])):
        row = {"organization_id": organization, "version": 3}
        insert_row(connection, "organization", id=organization, slug=str(organization)[-4:], name="Acme")
        insert_row(connection, "change_counter", organization_id=organization, last_seq=7)
        insert_row(connection, "region", id=STORE, slug="here", name="Here", **row)
        insert_row(
            connection,
            "store",
            id=STORE,
            region_id=STORE,
            slug="first",
            name="First",
            country="PT",
            currency="EUR",
            **row,
        )
        for kind, status in concerns:
            number += 1
            values = {"id": UUID(int=number), "store_id": STORE, "kind": kind, "status": status, "event_count": 1}
            insert_row(connection, "concern", **row, **values)
