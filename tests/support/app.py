"""The application for tests: with its database, and a clock that can be moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from sqlalchemy.util import LRUCache
from werkzeug.test import TestResponse

from api import create_app
from config import Config
from models.db.cache import TtlCache
from models.db.rate_limiter import MemoryCounter, RateLimiter
from models.db.session import Database, DatabaseRole
from models.staff.credentials.password import verify_here
from models.tables import metadata
from tests.support.clock import MovableClock
from tests.support.factories.organizations import Shop
from tests.support.log_privacy import remember_secrets

MAX_COMPILED = 10_000  # statements


@cache
def _application() -> Flask:
    app = create_app(Config.from_env({"SECRET_KEY": "a secret of the tests"}))
    for queue in app.extensions["password_queues"]:
        queue.verify = verify_here  # to ask another process takes longer
    return app


_databases: dict[tuple[str, DatabaseRole], Database] = {}


def _database(url: str, role: DatabaseRole) -> Database:
    """Return a cached database: connecting and compiling statements take longer than running them."""
    if (url, role) not in _databases:
        _databases[url, role] = database = Database(url, role)
        for engine in (database.engine, database.reading_engine):
            if engine.dialect.name == "sqlite":
                sa.event.listen(engine, "connect", _do_not_wait_for_the_disk)
            _share_compiled_statements(engine)
    return _databases[url, role]


_compiled: dict[str, tuple[sa.Dialect, LRUCache[Any, Any]]] = {}


def _share_compiled_statements(engine: sa.Engine) -> None:
    """Let all engines of a kind use one dialect, which compiled statements belong to, and one cache of them.

    A run has dozens of databases. To compile a statement for each takes longer than to execute it.
    """
    if engine.dialect.name not in _compiled:
        with engine.connect():  # the dialect asks the server once what it can do
            _compiled[engine.dialect.name] = engine.dialect, LRUCache(MAX_COMPILED)
    engine.dialect, engine._compiled_cache = _compiled[engine.dialect.name]
    engine.pool._dialect = engine.dialect


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    """Undo synchronous=FULL: nothing has to outlive the run of a test, and each commit would wait for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


def close_databases() -> None:
    """Close the connections that are shared between tests."""
    for database in _databases.values():
        database.close()
    for url in {url for url, _ in _databases}:
        _owner(url).dispose()


class App:
    """The application under test: its clock, the databases of web and worker (`back_office`), and requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = MovableClock()
        self.database, self.back_office = (_database(url, role) for role in DatabaseRole)
        for database in (self.database, self.back_office):
            database.clock, database.answer_cache = self.clock, TtlCache()
        self.limiter = RateLimiter(MemoryCounter())

    @property
    def flask(self) -> Flask:
        """The Flask application, made once because that is slow. It serves the `App` that used it last."""
        app = _application()
        app.extensions |= {"database": self.database, "limiter": self.limiter}
        return app

    def forget_hits(self) -> None:
        """Let every rate limit start over."""
        self.limiter = RateLimiter(MemoryCounter())

    def request(self, method: str, path: str, by: tuple[Shop, str] | None = None, **options: Any) -> TestResponse:
        """Send one request through the whole application; `by` is a shop and the login (or key) of the requester."""
        headers = dict(options.pop("headers", {}))
        if by is not None:
            shop, login = by
            headers.setdefault("Authorization", f"Bearer {shop.tokens[login]}")
        answer = self.flask.test_client().open(path, method=method, headers=headers, **options)
        remember_secrets(options.get("json"))
        if method != "GET" and answer.status_code < 300 and answer.data:  # what is shown once
            remember_secrets(answer.get_json(silent=True))
        return answer

    @contextmanager
    def counting(self, database: Database | None = None) -> Iterator[list[str]]:
        """Collect the statements the web (or another one) sends to the database, without BEGIN and COMMIT."""
        database = database or self.database
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement not in ("BEGIN", "BEGIN IMMEDIATE"):
                statements.append(statement)

        engines = [database.engine]
        if database.engine.dialect.name == "sqlite":  # on PostgreSQL both are views of one engine
            engines.append(database.reading_engine)
        for engine in engines:
            sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            for engine in engines:
                sa.event.remove(engine, "before_cursor_execute", note)

    def close(self) -> None:
        self.database.close()
        self.back_office.close()


@contextmanager
def rolled_back(database: Database) -> Iterator[None]:
    """Roll back at the driver whatever is committed meanwhile: all else runs as it does, and nothing stays."""
    with pytest.MonkeyPatch.context() as patch:
        for dialect in {database.engine.dialect, database.reading_engine.dialect}:
            patch.setattr(dialect, "do_commit", dialect.do_rollback)
        yield


TRUNCATE_ABOVE = 4 * 2**20  # bytes in all tables: beyond that, TRUNCATE is faster than DELETE


def commands_of(app: App) -> Callable[..., Result]:
    """Return a function that runs one command of `flask --app wsgi`, given by its words."""
    return lambda *words: app.flask.test_cli_runner().invoke(args=words)


def empty_every_table(url: str) -> None:
    """Delete all rows and leave the schema: tests commit for real."""
    with _owner(url).begin() as connection:
        if connection.dialect.name == "postgresql":
            used = "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relname = ANY(:ours)"
            ours = [table.name for table in metadata.sorted_tables]
            sizes = {name: size for name, size in connection.execute(sa.text(used), {"ours": ours}) if size}
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # in any order
            # To empty a file takes a hundred times longer than to delete a few rows from it.
            if sum(sizes.values()) > TRUNCATE_ABOVE:
                connection.execute(sa.text("TRUNCATE " + ", ".join(f'"{name}"' for name in ours)))
            elif sizes:
                connection.execute(sa.text("; ".join(f'DELETE FROM "{name}"' for name in sizes)))  # noqa: S608 ours
        else:
            connection.execute(sa.text("PRAGMA foreign_keys=OFF"))
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.text(f'DELETE FROM "{table.name}"'))  # noqa: S608 our own table names


@cache
def _owner(url: str) -> sa.Engine:
    return sa.create_engine(url, pool_pre_ping=True)  # tests hang up on everybody
