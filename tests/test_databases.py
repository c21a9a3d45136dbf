"""The suite's own databases: migrated once, copied for each process."""

from pathlib import Path

import psycopg
from sqlalchemy import make_url

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
    assert migrated == [run.url("draft")]
    assert run.databases() == ["first", "second", "template"]
    for name in run.databases():
        run.drop_database(name)


def test_each_process_has_a_sqlite_file_of_its_own(tmp_path, monkeypatch):
    migrated = []
    monkeypatch.setattr(databases, "migrate", migrated.append)
    one = process("one", tmp_path, None, monkeypatch)

    assert one.migrated("sqlite") == one.migrated("sqlite") == f"sqlite:///{tmp_path}/one.db"
    assert migrated == [f"sqlite:///{tmp_path}/one.db"]


def process(name: str, folder: Path, server: Server | None, monkeypatch) -> Databases:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
    return Databases(folder, lambda: server)
