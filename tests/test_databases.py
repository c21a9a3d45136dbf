"""The suite's own databases: migrated once, copied for each process."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support import databases
from tests.support.databases import Databases
from tests.support.postgres import Server


def test_postgresql_is_migrated_once_and_copied_for_each_process(postgres_server, tmp_path, monkeypatch):
    migrated = []

    def migrate(url: str) -> None:
        migrated.append(url)
        with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as c:
            c.execute("CREATE TABLE concern (id int)")

    monkeypatch.setattr(databases, "migrate", migrate)
    run = Server(postgres_server.address, prefix=f"{postgres_server.prefix}copies_")
    first, second = (process(name, tmp_path, run, monkeypatch) for name in ("first", "second"))

    assert first.migrated("postgresql") == first.migrated("postgresql") == run.url("first")
    assert second.migrated("postgresql") == run.url("second")
    assert migrated == [run.url("template")]
    assert run.databases() == ["first", "second", "template"]
    for name in run.databases():
        run.drop_database(name)


def test_sqlite_is_migrated_once_and_copied_for_each_process(tmp_path, monkeypatch):
    migrated = []
    monkeypatch.setattr(databases, "migrate", migrated.append)
    one, other = (process(name, tmp_path, None, monkeypatch) for name in ("one", "other"))

    assert one.migrated("sqlite") == one.migrated("sqlite") == f"sqlite:///{tmp_path}/one.db"
    assert other.migrated("sqlite") == f"sqlite:///{tmp_path}/other.db"
    assert migrated == [f"sqlite:///{tmp_path}/template.db"]


def test_what_was_filled_once_is_copied_with_its_rows_and_its_result(databases, database_kind):
    filled = []

    def fill(url: str) -> str:
        filled.append(url)
        execute(url, "CREATE TABLE word (text text)")
        execute(url, "INSERT INTO word VALUES ('sorry')")
        return "the result"

    for _ in range(2):
        with databases.copy(database_kind, "words", fill) as (url, result):
            assert result == "the result"
            assert execute(url, "SELECT text FROM word") == ["sorry"]
            execute(url, "INSERT INTO word VALUES ('thanks')")
    assert len(filled) == 1


def test_a_template_that_could_not_be_filled_is_made_anew(databases, database_kind):
    def fails(url: str) -> None:
        execute(url, "CREATE TABLE half (text text)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), databases.copy(database_kind, "halves", fails):
        pass
    with databases.copy(database_kind, "halves", lambda url: execute(url, "CREATE TABLE half (text text)")) as (url, _):
        assert execute(url, "SELECT text FROM half") == []


def execute(url: str, statement: str) -> list[object]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def process(name: str, folder: Path, server: Server | None, monkeypatch) -> Databases:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
    return Databases(folder, lambda: server)
