"""The commands that keep the house: the schema, the document, the outbox, the demo."""

import json
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from click.testing import Result

from tests.support.app import World
from tests.support.factories import Shop, give_phone

Command = Callable[..., Result]


def commands_of(world: World) -> Command:
    return lambda *words: world.app.test_cli_runner().invoke(args=words)


@pytest.fixture
def bare_world(empty_database_url: str) -> Iterator[World]:
    """The application on a database without any table."""
    world = World(empty_database_url)
    yield world
    world.close()


def tables(world: World) -> set[str]:
    engine = sa.create_engine(world.url)
    found = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return found - {"alembic_version"}


def told(result: Result) -> dict[str, int]:
    assert result.exit_code == 0, result.exception or result.stderr
    counts: dict[str, int] = json.loads(result.stdout)
    return counts


def test_the_schema_goes_up_and_down(bare_world: World):
    command = commands_of(bare_world)

    assert command("db", "upgrade").exit_code == 0
    assert "concern" in tables(bare_world)
    assert command("db", "check").exit_code == 0
    assert command("db", "downgrade", "base").exit_code == 0
    assert tables(bare_world) == set()


@pytest.mark.parametrize("words", ["outbox status", "demo seed", "demo seed --if-empty", "db restored"])
def test_a_database_that_is_not_migrated_says_so_in_one_line(bare_world: World, words):
    refused = commands_of(bare_world)(*words.split())

    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "not migrated" in refused.stderr


def test_a_revision_that_does_not_exist_is_refused_in_one_line(bare_world: World):
    refused = commands_of(bare_world)("db", "upgrade", "9999")

    assert (refused.exit_code, refused.stderr) == (1, "Error: Can't locate revision identified by '9999'\n")


def test_the_outbox_is_counted(world: World, shop: Shop):
    command = commands_of(world)
    give_phone(world.back_office, shop, "manager", "a phone")
    before = told(command("outbox", "status"))
    world.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 1})

    after = told(command("outbox", "status"))

    assert set(before.values()) == {0}
    assert after == {"due": 1, "later": 0, "leased": 0, "done": 0, "dead_lettered": 0}


def test_the_document_is_written_and_checked(world: World, tmp_path):
    command, file = commands_of(world), tmp_path / "openapi.json"
    missing = command("openapi", "write", "--check", "--file", str(file))
    assert command("openapi", "write", "--file", str(file)).exit_code == 0
    fresh = command("openapi", "write", "--check", "--file", str(file))
    written = file.read_text()
    file.write_text(written.replace('"openapi"', '"openapi "'))
    changed = command("openapi", "write", "--check", "--file", str(file))

    assert [answer.exit_code for answer in (missing, fresh, changed)] == [1, 0, 1]
    assert changed.stderr == "Error: openapi.json is not what the code says; run: make openapi\n"
    assert written.endswith("}\n")
    assert json.loads(written) == world.request("GET", "/openapi.json").json


def test_the_demo_is_not_seeded_beside_a_real_organization_unless_asked(world: World, shop: Shop, monkeypatch):
    monkeypatch.setattr("api.cli.demo.command.seed", lambda *_, **__: "Seeded.")
    command = commands_of(world)

    empty = command("demo", "seed", "--if-empty")
    asked = command("demo", "seed")

    assert (empty.exit_code, empty.stdout) == (0, "There is an organization already. Nothing was added.\n")
    assert (asked.exit_code, asked.stdout) == (0, "Seeded.\n")


def test_a_second_demo_is_refused_and_a_restart_is_not(world: World, monkeypatch):
    monkeypatch.setattr("api.cli.demo.history.StoreDayHistory.generate", lambda _: None)
    command = commands_of(world)
    assert command("demo", "seed").exit_code == 0

    again, empty, missing = (command("demo", "seed", *flag) for flag in ([], ["--if-empty"], ["--if-missing"]))

    said = "The organization 'demo' exists already. Nothing was added.\n"
    assert (again.exit_code, again.stderr) == (1, f"Error: {said}")
    assert (empty.exit_code, empty.stdout) == (missing.exit_code, missing.stdout) == (0, said)
