"""The command `db`: the schema goes up and down, and a database without it is named."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from models.tables import metadata
from tests.support.app import App, commands_of
from tests.support.factories.full_organization import make_full_organization


@pytest.fixture
def bare_app(empty_database_url: str, database_url: str) -> Iterator[App]:
    """The application on a database without any table, on a server that has the roles: a migrated one brings them."""
    app = App(empty_database_url)
    yield app
    app.close()


def tables(app: App) -> set[str]:
    engine = sa.create_engine(app.url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names - {"alembic_version"}


def test_the_schema_goes_up_and_down(bare_app: App):
    command = commands_of(bare_app)

    assert command("db", "upgrade").exit_code == 0
    assert "concern" in tables(bare_app)
    assert command("db", "check").exit_code == 0
    assert command("db", "downgrade", "base").exit_code == 0
    assert tables(bare_app) == set()


def test_a_downgrade_leaves_nothing_that_the_former_version_cannot_read(bare_app: App):
    command = commands_of(bare_app)
    assert command("db", "upgrade").exit_code == 0
    make_full_organization(bare_app, "acme")
    of_1004 = {"unanswered_severe", "contact_missing", "still_here", "shift_ended"}
    engine = sa.create_engine(bare_app.url)
    with engine.begin() as connection:
        for kind in of_1004:
            notification = copy_row(connection, "notification", kind=kind, alert_id=None)
            copy_row(connection, "notification_recipient", notification_id=notification)
            copy_row(connection, "outbox_message", notification_kind=kind, staff_id=None, alert_id=None)
            copy_row(connection, "outbox_message", notification_kind=None, notification_id=notification)
        voided = copy_row(connection, "concern", status="voided", channel="qr", resolved_at=None)
        copy_row(connection, "concern_event", concern_id=voided, step="voided", details={"reason": "typed twice"})

    assert command("db", "downgrade", "1003").exit_code == 0
    with engine.connect() as connection:
        assert "ring" in kinds_of_notification(connection)
        assert not kinds_of_notification(connection) & of_1004
        assert "voided" not in values(connection, "concern_event", "step")
        assert values(connection, "concern", "status") <= {"open", "taken", "resolved"}
        assert values(connection, "concern", "channel") <= {"in_person", "phone", "delivery", "online"}
        assert None not in values(connection, "concern WHERE status = 'resolved'", "resolved_at")

    assert command("db", "downgrade", "1002").exit_code == 0
    with engine.connect() as connection:
        kinds = kinds_of_notification(connection)
        scopes = {str(scopes) for scopes in connection.scalars(sa.text("SELECT scopes FROM api_key"))}
    engine.dispose()
    assert not kinds & {"code_made", "factor_removed", "code_by_mail", "phone_taken", "sign_in_expired"}
    assert not any("staff:write" in each for each in scopes)
    assert any("reports:read" in each for each in scopes)
    assert command("db", "upgrade").exit_code == 0


def kinds_of_notification(connection: sa.Connection) -> set[Any]:
    return values(connection, "notification", "kind") | values(connection, "outbox_message", "notification_kind")


def values(connection: sa.Connection, table: str, column: str) -> set[Any]:
    return set(connection.scalars(sa.text(f"SELECT {column} FROM {table}")))  # noqa: S608 our own names


def copy_row(connection: sa.Connection, table: str, **changes: Any) -> UUID:
    """Insert a copy of any row of a table with these changes, and return its id."""
    columns = metadata.tables[table]
    row = connection.execute(sa.select(columns).limit(1)).mappings().one()
    id_ = uuid4()
    connection.execute(columns.insert().values({**row, "id": id_, **changes}))
    return id_


@pytest.mark.parametrize("words", ["outbox status", "demo seed", "demo seed --if-empty", "db restored"])
def test_a_database_that_is_not_migrated_says_so_in_one_line(bare_app: App, words):
    refused = commands_of(bare_app)(*words.split())

    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "not migrated" in refused.stderr


def test_a_revision_that_does_not_exist_is_refused_in_one_line(bare_app: App):
    refused = commands_of(bare_app)("db", "upgrade", "9999")

    assert (refused.exit_code, refused.stderr) == (1, "Error: Can't locate revision identified by '9999'\n")
