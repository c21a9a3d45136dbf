"""What a database lacks of what the models name is found at start; what it has besides does not matter."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.db.schema_check import SchemaMismatch, find_missing
from models.db.session import Database, DatabaseRole
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import ROOT, Databases, only_on_postgresql, only_on_sqlite

# What an owner may do to a database, and what is then missing.
DAMAGES = {
    "a table": ("DROP TABLE metric_counter", ["the table metric_counter"]),
    "a column": ("ALTER TABLE heartbeat DROP COLUMN overdue_steps", ["the column heartbeat.overdue_steps"]),
    "a unique index": ("DROP INDEX uq_shift_open", ["the unique index of shift (organization_id, staff_id)"]),
}
ON_POSTGRESQL = {
    "a foreign key": (
        "ALTER TABLE shift DROP CONSTRAINT fk_shift_store",
        ["the foreign key of shift (organization_id, store_id)"],
    ),
    "a unique constraint": (
        "ALTER TABLE store DROP CONSTRAINT uq_store_organization_id_slug",
        ["the unique constraint of store (organization_id, slug)"],
    ),
    "a primary key": (
        "ALTER TABLE place DROP CONSTRAINT pk_place CASCADE",
        [
            "the foreign key of concern (organization_id, place_id)",
            "the foreign key of customer_order (organization_id, place_id)",
            "the foreign key of qr_code (organization_id, place_id)",
            "the primary key of place (organization_id, id)",
        ],
    ),
}


def missing_after(url: str, statement: str) -> list[str]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    with engine.connect() as connection:
        missing = find_missing(connection)
    engine.dispose()
    return missing


def test_a_migrated_database_lacks_nothing(database_url: str):
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        assert find_missing(connection) == []
    engine.dispose()


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_missing_is_named(databases: Databases, database_kind: str, damage: str):
    statement, missing = DAMAGES[damage]
    with databases.alone(database_kind) as url:
        assert missing_after(url, statement) == missing


@only_on_postgresql  # SQLite cannot drop a constraint
@pytest.mark.parametrize("damage", ON_POSTGRESQL)
def test_a_missing_constraint_is_named(databases: Databases, database_kind: str, damage: str):
    statement, missing = ON_POSTGRESQL[damage]
    with databases.alone(database_kind) as url:
        assert missing_after(url, statement) == missing


def test_more_than_the_models_name_is_no_misfit(databases: Databases, database_kind: str):
    with databases.alone(database_kind) as url:
        assert missing_after(url, "CREATE TABLE of_the_next_release (id int)") == []
        assert missing_after(url, "ALTER TABLE store ADD COLUMN of_the_next_release int") == []


def test_the_error_names_three_and_counts_the_rest():
    error = SchemaMismatch(["the table a", "the table b", "the table c", "the table d", "the table e"])
    assert str(error).startswith("this database lacks the table a, the table b, the table c and 2 more; ")
    assert str(error).endswith("flask --app wsgi db upgrade")


def test_the_schema_is_looked_at_once_a_minute_at_most(databases: Databases, database_kind: str):
    with databases.alone(database_kind) as url:
        database = Database(url, DatabaseRole.APP)
        assert database.missing_from_schema(at=NOON) == []
        assert missing_after(url, "DROP TABLE metric_counter") == ["the table metric_counter"]
        assert database.missing_from_schema(at=NOON + timedelta(seconds=59)) == []
        assert database.missing_from_schema(at=NOON + timedelta(seconds=60)) == ["the table metric_counter"]
        database.close()


def test_readyz_says_what_is_missing_and_asks_no_more_of_the_database_than_before(
    databases: Databases, database_kind: str
):
    with databases.alone(database_kind) as url:
        app = App(url)
        assert app.request("GET", "/readyz").status_code == 200
        with app.counting() as statements:
            assert app.request("GET", "/readyz").status_code == 200
        assert len(statements) == 2  # signs of life of the workers, and the last run of the watchdog
        assert missing_after(url, "DROP TABLE metric_counter") == ["the table metric_counter"]
        app.clock.move(minutes=1)
        answer = app.request("GET", "/readyz")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        expected = {"status": "unavailable", "database": "not migrated", "missing": ["the table metric_counter"]}
        assert answer.json == expected
        app.database.missing_from_schema(at=NOON)


@only_on_sqlite  # the same code on both: a real process each takes its time
@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"], "amends"),
        (["-m", "notifications"], "worker"),
    ],
)
def test_web_and_worker_refuse_to_start_in_one_line(
    databases: Databases, database_kind: str, command: list[str], name: str
):
    with databases.alone(database_kind) as url:
        missing_after(url, "ALTER TABLE heartbeat DROP COLUMN overdue_steps")
        environ = {**os.environ, "DATABASE_URL": url, "SECRET_KEY": "k" * 32}
        ended = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 1
    (line,) = (line for line in ended.stderr.splitlines() if "Starting gunicorn" not in line)
    assert line.startswith(f"{name}: this database lacks the column heartbeat.overdue_steps; bring it up to date: ")
