"""The databases of the suite: one migrated for each process and kind, and empty ones on request."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sqlite", "postgresql")
TEMPLATE = "template"

# For tests of what only one of the two can do, such as workers racing for a row.
only_on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
only_on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision, with the settings of pyproject.toml; migrations/env.py finds the URL given."""
    settings = Config(toml_file=ROOT / "pyproject.toml")
    settings.attributes["database_url"] = url
    command.upgrade(settings, revision)


def migrate_back(url: str, revision: str) -> None:
    """Bring a database to where it was just before a revision."""
    settings = Config(toml_file=ROOT / "pyproject.toml")
    settings.attributes["database_url"] = url
    before = ScriptDirectory.from_config(settings).get_revision(revision).down_revision
    assert isinstance(before, str)
    command.downgrade(settings, before)


class Databases:
    """What one process of the suite works on."""

    def __init__(self, folder: Path, server: Callable[[], Server]) -> None:
        """`server` is only asked for when the first test wants PostgreSQL."""
        self.folder, self.server = folder, server
        self.process = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.urls: dict[str, str] = {}

    def migrated(self, kind: str) -> str:
        """The URL of this process's own migrated database, made at the first call."""
        if kind not in self.urls:
            self.urls[kind] = self._sqlite() if kind == "sqlite" else self._postgresql(self.server())
        return self.urls[kind]

    @contextlib.contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Give the URL of a database without any table; it is gone after the block."""
        name = f"{self.process}_{secrets.token_hex(4)}"
        if kind == "sqlite":
            yield f"sqlite:///{self.folder}/{name}.db"
            for file in self.folder.glob(f"{name}.db*"):
                file.unlink()
            return
        server = self.server()
        yield server.create_database(name)
        server.drop_database(name)

    @contextlib.contextmanager
    def alone(self, kind: str) -> Iterator[str]:
        """Give the URL of a migrated database that nobody else works on; it is gone after the block."""
        with self.empty(kind) as url:
            migrate(url)
            yield url

    def _sqlite(self) -> str:
        url = f"sqlite:///{self.folder}/{self.process}.db"
        migrate(url)
        return url

    def _postgresql(self, server: Server) -> str:
        with server.lock():
            # Migrated once for all processes; it gets its name only when it is complete.
            if TEMPLATE not in server.databases():
                server.drop_database("draft")
                migrate(server.create_database("draft"))
                server.rename_database("draft", TEMPLATE)
            return server.create_database(self.process, template=TEMPLATE)
