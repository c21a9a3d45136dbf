"""Failures of the database: only what passes by itself is said to pass."""

import sqlite3
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from structlog.testing import capture_logs

from models.db.failures import Failure, failure_of, is_unavailable
from models.organizations.organization import Organization
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import Shop

U, P = Failure.UNAVAILABLE, Failure.PERMANENT


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        ("55P03", Failure.LOCKED),
        ("57014", Failure.CANCELED),
        ("53100", Failure.STORAGE_FULL),
        ("40P01", Failure.DEADLOCK),
        ("40001", Failure.DEADLOCK),
        ("XX001", Failure.DAMAGED),
        *((state, U) for state in ("08006", "08P01", "53200", "53300", "57P01", "57P02", "57P03", "25P03")),
        *((state, P) for state in ("42703", "42P01", "42501", "22P02", "0A000", "XX000", "25P02", "55006")),
    ],
)
def test_postgresql_says_by_its_code_what_passes(state: str, failure: Failure) -> None:
    orig = psycopg.errors.OperationalError("it failed")
    orig.sqlstate = state
    error = OperationalError("SELECT 1", {}, orig)
    assert failure_of(error) is failure
    assert is_unavailable(error) is (failure is not P)


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("SQLITE_FULL", Failure.STORAGE_FULL),
        *(
            (name, U)
            for name in ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED_SHAREDCACHE", "SQLITE_IOERR_READ")
        ),
        ("SQLITE_CORRUPT_VTAB", Failure.DAMAGED),
        ("SQLITE_NOTADB", Failure.DAMAGED),
        *((name, P) for name in ("SQLITE_ERROR", "SQLITE_READONLY", "SQLITE_MISUSE")),
    ],
)
def test_sqlite_says_by_its_code_what_passes(name: str, failure: Failure) -> None:
    orig = sqlite3.OperationalError("it failed")
    orig.sqlite_errorname = name
    assert failure_of(OperationalError("SELECT 1", {}, orig)) is failure


def test_without_a_code_there_was_no_connection() -> None:
    gone = ConnectionError("gone")
    assert failure_of(OperationalError("SELECT 1", {}, gone)) is U
    assert failure_of(InterfaceError("SELECT 1", {}, gone)) is U
    assert failure_of(ProgrammingError("SELECT 1", {}, gone)) is P


PARAMETERS = {"phone": "+351912345678"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT no_such_column FROM organization WHERE 'Ana Silva' = :phone",
        "SELECT 1 FROM no_such_table WHERE 'Ana Silva' = :phone",
    ],
)
def test_what_stays_wrong_is_500_and_logged_with_its_message(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    def fail(_cls: Any, session: Any, *_: Any, **__: Any) -> None:
        session.execute(sa.text(statement), PARAMETERS)

    monkeypatch.setattr(Organization, "get", classmethod(fail))
    with capture_logs() as lines:
        answer = app.request("GET", "/v1/organization", (shop, "admin"))
    assert_problem(answer, 500, "internal-error")
    assert "Retry-After" not in answer.headers
    (line,) = [line for line in lines if line["event"] == "unexpected error"]
    assert "no_such" in line["message"]
    assert (line["log_level"], line["route"]) == ("error", "/v1/organization")
    assert "Ana Silva" not in str(line)
    assert "351912345678" not in str(line)


def test_the_database_says_the_same(app: App) -> None:
    with pytest.raises(DBAPIError) as raised, app.back_office.engine.connect() as connection:
        connection.execute(sa.text("SELECT no_such_column"))
    assert failure_of(raised.value) is P
