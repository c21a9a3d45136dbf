"""The command `db`: the schema goes up and down, and a database without it is named."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.support.app import App, commands_of
from tests.support.factories.full_organization import make_full_organization


@pytest.fixture
def bare_app(empty_database_url: str) -> Iterator[App]:
    """The application on a database without any table."""
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

    assert command("db", "downgrade", "1002").exit_code == 0
    engine = sa.create_engine(bare_app.url)
    with engine.connect() as connection:
        kinds = {
            *connection.scalars(sa.text("SELECT kind FROM notification")),
            *connection.scalars(sa.text("SELECT notification_kind FROM outbox_message")),
        }
        scopes = {str(scopes) for scopes in connection.scalars(sa.text("SELECT scopes FROM api_key"))}
    engine.dispose()
    assert not kinds & {"code_made", "factor_removed", "code_by_mail", "phone_taken", "sign_in_expired"}
    assert not any("staff:write" in each for each in scopes)
    assert any("reports:read" in each for each in scopes)
    assert command("db", "upgrade").exit_code == 0


@pytest.mark.parametrize("words", ["outbox status", "demo seed", "demo seed --if-empty", "db restored"])
def test_a_database_that_is_not_migrated_says_so_in_one_line(bare_app: App, words):
    refused = commands_of(bare_app)(*words.split())

    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "not migrated" in refused.stderr


def test_a_revision_that_does_not_exist_is_refused_in_one_line(bare_app: App):
    refused = commands_of(bare_app)("db", "upgrade", "9999")

    assert (refused.exit_code, refused.stderr) == (1, "Error: Can't locate revision identified by '9999'\n")
