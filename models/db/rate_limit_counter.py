"""Counter of rate limits in the database. On SQLite it is a file of its own beside the database, see `_sqlite_file`."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy import Engine, Index, String, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.engines import postgresql_engine, sqlite_engine_with_table
from models.db.rate_limiter import Limit, Usage, admit
from models.db.session import DatabaseRole

CONNECTIONS: Final = 2  # of a web process, beside those of its requests
DELETE_EXPIRED_EVERY: Final = 500  # hits of one process


class RateLimitCounter(Base):
    """The hits of one key. Not tenant-owned: whoever signs in is of no organization yet, and the key is a digest."""

    __tablename__ = "rate_limit_counter"
    __table_args__ = (Index("ix_rate_limit_counter_expires_at", "expires_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    hits: Mapped[dict[str, Any]]  # second by name
    expires_at: Mapped[datetime]


_TABLE = cast("sa.Table", RateLimitCounter.__table__)


class DatabaseCounter:
    """Counts in short transactions of its own, which a refused request does not roll back.

    A request may hold its own transaction meanwhile: this one takes another connection, and waits for nobody but others
    that count the same key.
    """

    failures: tuple[type[Exception], ...] = (SQLAlchemyError,)

    def __init__(self, url: sa.URL) -> None:
        self._engine = _engine(url)
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        new = insert(_TABLE)
        # The update locks the row until the end of the transaction, and returns it as it is then.
        self._lock_row = new.on_conflict_do_update(
            index_elements=[_TABLE.c.key], set_={"expires_at": new.excluded.expires_at}
        ).returning(_TABLE.c.hits)
        self._counted = count(1)

    def count(self, key: str, limit: Limit, hits: Sequence[str], *, at: datetime) -> Usage:
        if not hits:
            with self._engine.begin() as connection:
                counted = connection.scalars(select(_TABLE.c.hits).where(_TABLE.c.key == key)).one_or_none()
            return admit(counted or {}, limit, hits, at=at)[0]
        row = {"key": key, "hits": {}, "expires_at": at + limit.window}
        with self._engine.begin() as connection:
            counted = connection.scalars(self._lock_row, row).one()
            usage, recent = admit(counted, limit, hits, at=at)
            if usage.allowed:
                connection.execute(update(_TABLE).where(_TABLE.c.key == key).values(hits=recent))
        if next(self._counted) % DELETE_EXPIRED_EVERY == 0:
            self._delete_expired(at=at)
        return usage

    def take_back(self, key: str, hit: str) -> None:
        of_key = _TABLE.c.key == key
        with self._engine.begin() as connection:
            counted = connection.scalars(select(_TABLE.c.hits).where(of_key).with_for_update()).one_or_none() or {}
            others = {name: second for name, second in counted.items() if name != hit}
            connection.execute(update(_TABLE).where(of_key).values(hits=others))

    def ping(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(select(_TABLE.c.key).limit(1))

    def close(self) -> None:
        self._engine.dispose()

    def _delete_expired(self, *, at: datetime) -> None:
        """Delete what expired. A row that somebody counts in at this moment is left for the next time."""
        expired = select(_TABLE.c.key).where(_TABLE.c.expires_at < at).with_for_update(skip_locked=True)
        with self._engine.begin() as connection:
            connection.execute(delete(_TABLE).where(_TABLE.c.key.in_(expired)))


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return sqlite_engine_with_table(_sqlite_file(url), _TABLE)
    return postgresql_engine(url, DatabaseRole.APP, CONNECTIONS)


def _sqlite_file(url: sa.URL) -> sa.URL:
    """Return the file beside the database that the hits stand in.

    SQLite has one writer: a request that has begun to write could not count before its end. The table of the same name
    in the database itself stays empty.
    """
    return url.set(database=f"{url.database}-limits")
