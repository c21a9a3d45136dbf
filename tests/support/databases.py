"""The databases of the suite: templates that are made once per run, and their copies."""

import contextlib
import fcntl
import os
import pickle
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.config import Config

from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sqlite", "postgresql")
TEMPLATE = "template"
T = TypeVar("T")

# For tests of what only one of the two can do, such as workers racing for a row.
only_on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
only_on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision, with the settings of pyproject.toml; migrations/env.py finds the URL given."""
    settings = Config(toml_file=ROOT / "pyproject.toml")
    settings.attributes["database_url"] = url
    command.upgrade(settings, revision)


class Databases:
    """The databases of one process of the suite.

    A database is a copy of a template. The first process that wants a template makes it; the others wait, then copy it.
    """

    def __init__(self, folder: Path, server: Callable[[], Server], *, shared: Path | None = None) -> None:
        """Take a folder of this process and one that all processes of the run share.

        `server` is only called when the first test wants PostgreSQL.
        """
        self.folder, self.server, self.shared = folder, server, shared or folder
        self.process = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.urls: dict[str, str] = {}

    def migrated(self, kind: str) -> str:
        """Return the URL of this process's own migrated database, made at the first call."""
        if kind not in self.urls:
            self._template(kind, TEMPLATE, migrate)
            self.urls[kind] = self._create(kind, self.process, TEMPLATE)
        return self.urls[kind]

    @contextlib.contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Give the URL of a database without any table; it is gone after the block."""
        name = self._new_name()
        yield self._create(kind, name)
        self._drop(kind, name)

    @contextlib.contextmanager
    def alone(self, kind: str) -> Iterator[str]:
        """Give the URL of a migrated database that nobody else works on; it is gone after the block."""
        self._template(kind, TEMPLATE, migrate)
        name = self._new_name()
        yield self._create(kind, name, TEMPLATE)
        self._drop(kind, name)

    @contextlib.contextmanager
    def copy(self, kind: str, template: str, fill: Callable[[str], T]) -> Iterator[tuple[str, T]]:
        """Give the URL of a copy of a template, and what `fill` returned; the copy is gone after the block.

        `fill` gets the URL of a migrated database once per run, and leaves no connection open. Its result is pickled
        for the other processes.
        """
        self._template(kind, TEMPLATE, migrate)
        result = self._template(kind, template, fill, TEMPLATE)
        name = self._new_name()
        yield self._create(kind, name, template), result
        self._drop(kind, name)

    def _template(self, kind: str, name: str, fill: Callable[[str], T], original: str | None = None) -> T:
        """Make a template unless it is there. It is complete when the result of `fill` is written down."""
        done = self.shared / f"{kind}-{name}.pickle"
        with _locked(self.shared / f"{kind}-{name}.lock"):
            if not done.exists():
                self._drop(kind, name)
                result = fill(self._create(kind, name, original))
                if kind == "sqlite":
                    with contextlib.closing(sqlite3.connect(self._file(name))) as connection:
                        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the copy takes one file
                done.write_bytes(pickle.dumps(result))
            made: T = pickle.loads(done.read_bytes())  # noqa: S301 written by a process of this run
            return made

    def _create(self, kind: str, name: str, template: str | None = None) -> str:
        if kind == "postgresql":
            return self.server().create_database(name, template=template)
        if template:
            shutil.copyfile(self._file(template), self._file(name))
        return f"sqlite:///{self._file(name)}"

    def _drop(self, kind: str, name: str) -> None:
        if kind == "postgresql":
            self.server().drop_database(name)
            return
        for file in self._file(name).parent.glob(f"{name}.db*"):
            file.unlink()

    def _file(self, name: str) -> Path:
        return (self.folder if name.startswith(self.process) else self.shared) / f"{name}.db"

    def _new_name(self) -> str:
        return f"{self.process}_{secrets.token_hex(4)}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process of this run at a time through."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
