"""Engines of both databases: connection settings, the role on PostgreSQL, SQLite's write queue."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from models.db.text import fold_text


def postgresql_engine(url: sa.URL, role: str, pool: int) -> Engine:
    """Return an engine whose connections take a role that row level security restricts, and never wait forever."""
    engine = sa.create_engine(
        url, pool_size=pool, max_overflow=2, pool_pre_ping=True, pool_timeout=10, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def become_role(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET ROLE {role}")
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("SET statement_timeout = '15s'")
        connection.execute("SET idle_in_transaction_session_timeout = '15s'")
        connection.execute("SET jit = off")  # compiling would take longer than it saves on our statements
        connection.autocommit = False

    return engine


def sqlite_engines(url: sa.URL, pool: int) -> tuple[Engine, Engine]:
    """Return two engines: one with a single connection that writes, one with connections that read.

    The pool queues the writers of a process and serves them in turn; SQLite's own waiting is unfair and lets some wait
    for a second. BEGIN IMMEDIATE takes the file's write lock at once, so what the transaction has read stays true.
    """
    options: dict[str, Any] = {"connect_args": _SQLITE, "hide_parameters": True}  # parameters are personal data
    writing = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=30, **options)
    reading = sa.create_engine(url, pool_size=pool, max_overflow=4, **options)
    for engine, begin in ((writing, "BEGIN IMMEDIATE"), (reading, "BEGIN")):
        _set_up_sqlite(engine, begin)
    return writing, reading


def sqlite_engine_with_table(url: sa.URL, table: Table) -> Engine:
    """Return an engine with a single connection to a file that holds this table only, and is made if it is not there.

    Its commits do not wait for the disk: what it holds may be lost when the power fails.
    """
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, connect_args=_SQLITE, hide_parameters=True)
    _set_up_sqlite(engine, "BEGIN IMMEDIATE", synchronous="NORMAL")
    create = str(CreateTable(table, if_not_exists=True).compile(dialect=sqlite.dialect()))

    @event.listens_for(engine, "connect")
    def create_table(connection: Any, _record: Any) -> None:
        connection.execute(create)

    return engine


_SQLITE: Final = {"timeout": 30, "check_same_thread": False}


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


class _StringAgg:
    """Aggregate function `string_agg` over text or bytes; None without values."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._separator: Any = None

    def step(self, part: str | bytes | None, separator: str | bytes) -> None:
        self._separator = separator
        if part is not None:
            self._parts.append(part)

    def finalize(self) -> str | bytes | None:
        joined: str | bytes | None = self._separator.join(self._parts) if self._parts else None
        return joined


def _set_up_sqlite(engine: Engine, begin_statement: str, *, synchronous: str = "FULL") -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # without the driver's own BEGIN, which would come too late
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        if begin_statement == "BEGIN":
            connection.execute("PRAGMA query_only=ON")
        # SQLite's own lower() knows ASCII letters only, PostgreSQL's knows them all.
        connection.create_function("lower", 1, _lower, deterministic=True)
        connection.create_function("fold_text", 1, fold_text, deterministic=True)  # see models.db.folded_text
        # SQLite's own string_agg() turns bytes into text, PostgreSQL's does not.
        connection.create_aggregate("string_agg", 2, _StringAgg)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement)
