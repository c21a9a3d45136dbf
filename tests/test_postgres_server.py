"""The PostgreSQL that the suite starts: each source by itself, and that nothing is left behind."""

import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.support.databases import only_on_postgresql
from tests.support.postgres import Server, bundled, installed, running_server


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        answer = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return answer


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    command_line = Path(f"/proc/{process}/cmdline")  # empty once it has ended and waits to be counted
    return not command_line.exists() or command_line.read_bytes() != b""


def test_a_copy_of_a_template_has_its_rows_and_goes_its_own_way(postgres_server):
    original = postgres_server.create_database("original")
    rows(original, "CREATE TABLE word (text text)")
    rows(original, "INSERT INTO word VALUES ('sorry')")

    copy = postgres_server.create_database("copy", template="original")
    rows(copy, "INSERT INTO word VALUES ('thanks')")

    assert rows(original, "SELECT text FROM word") == [("sorry",)]
    assert rows(copy, "SELECT text FROM word ORDER BY text") == [("sorry",), ("thanks",)]
    for name in ("original", "copy"):
        postgres_server.drop_database(name)


def test_a_database_is_dropped_even_while_somebody_is_connected(postgres_server):
    url = postgres_server.create_database("busy")
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)):
        postgres_server.drop_database("busy")

    assert "busy" not in postgres_server.databases()
    postgres_server.drop_database("busy")  # once more does no harm


def test_two_runs_on_one_server_do_not_see_each_other(postgres_server):
    other = Server(postgres_server.address, prefix="amends_test_other_")
    other.create_database("theirs")

    assert "theirs" not in postgres_server.databases()
    assert other.databases() == ["theirs"]
    other.drop_database("theirs")


def test_it_speaks_utf8_and_lets_a_test_open_many_connections(postgres_server):
    settings = "SELECT current_setting('server_encoding'), current_setting('max_connections')::int >= 100"

    assert rows(postgres_server.address, settings) == [("UTF8", True)]


def test_a_given_server_is_used_and_left_as_it_was_found(postgres_server):
    address = postgres_server.address.replace("postgresql+psycopg://", "postgres://")

    with running_server({"TEST_DATABASE_URL": address}) as server:
        server.create_database("passing")
        assert server.databases() == ["passing"]
        assert server.prefix != postgres_server.prefix

    assert server.databases() == []


@pytest.mark.parametrize("binaries", [*installed(), *bundled()], ids=lambda binaries: binaries.folder.parent.name)
def test_every_postgresql_at_hand_starts_without_root_and_leaves_nothing_behind(binaries, monkeypatch, subtests):
    monkeypatch.setattr("tests.support.postgres.installed", lambda _: [binaries])
    monkeypatch.setattr("tests.support.postgres.bundled", list)

    with running_server({}) as server:
        (folder,) = {Path(str(make_url(server.address).query["host"]))}
        process = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        with subtests.test("nobody reaches it over the network"):
            assert rows(server.address, "SHOW listen_addresses") == [("",)]
        with subtests.test("it does not run as root"):
            assert Path(f"/proc/{process}").stat().st_uid == (folder / "data").stat().st_uid != 0

    assert not folder.exists()
    assert not is_running(process)


def test_where_nothing_can_be_started_it_says_what_to_set(monkeypatch):
    monkeypatch.setattr("tests.support.postgres.installed", lambda _: [])
    monkeypatch.setattr("tests.support.postgres.bundled", list)

    with pytest.raises(RuntimeError, match="TEST_DATABASE_URL"), running_server({}):
        pass


def test_an_empty_database_is_empty(empty_database_url):
    tables = {
        "sqlite": "SELECT count(*) FROM sqlite_master",
        "postgresql": "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
    }

    assert rows(empty_database_url, tables[make_url(empty_database_url).get_backend_name()]) == [(0,)]


@only_on_postgresql
def test_a_test_can_ask_for_one_kind_only(empty_database_url):
    assert make_url(empty_database_url).get_backend_name() == "postgresql"
