"""The controls of bench.serving: a bare answer, and the rows of one logged concern written by hand in SQLAlchemy Core.

An application of its own under the same server. It writes what the logging of the concern TWIN_OF wrote, row for row
with fresh ids, after it looked the bearer up. It checks nothing, and row level security does not bind it.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, request
from uuid_utils.compat import uuid7

from models.staff.credentials import StaffSession
from models.staff.staff import Staff, StaffStore
from models.tables import metadata

CONCERN, CHANGE, COUNTER = (metadata.tables[name] for name in ("concern", "change", "change_counter"))
BEARER = (
    sa.select(StaffSession.id, Staff.id, Staff.role, Staff.name, StaffStore.store_id)
    .join(Staff, Staff.id == StaffSession.staff_id)
    .outerjoin(StaffStore, StaffStore.staff_id == Staff.id)
    .where(StaffSession.digest == sa.bindparam("digest"), StaffSession.expires_at > sa.bindparam("now"))
)


@dataclass(frozen=True)
class Written:
    """The rows of one transaction, by table in the order of their links; those of the change feed apart."""

    rows: Mapping[sa.Table, list[dict[str, Any]]]
    changes: list[dict[str, Any]]

    @classmethod
    def with_concern(cls, connection: sa.Connection, concern: str) -> "Written":
        """Everything that was written together with this concern."""
        xmin = connection.scalars(sa.text("SELECT xmin::text FROM concern WHERE id = :id"), {"id": UUID(concern)}).one()
        with_it = sa.text("xmin::text = :xmin").bindparams(xmin=xmin)
        rows_of = {
            table: [row._asdict() for row in connection.execute(table.select().where(with_it))]
            for table in metadata.sorted_tables
            if table is not COUNTER
        }
        changes = rows_of.pop(CHANGE)
        return cls({table: rows for table, rows in rows_of.items() if rows}, changes)

    def again(self, connection: sa.Connection) -> UUID:
        """The same once more, as another concern; its id."""
        ids = {row["id"]: uuid7() for rows in self.rows.values() for row in rows}
        for table, rows in self.rows.items():
            connection.execute(table.insert(), [_fresh(row, ids) for row in rows])
        mine = COUNTER.update().where(COUNTER.c.organization_id == self.changes[0]["organization_id"])
        counted = mine.values(last_seq=COUNTER.c.last_seq + len(self.changes)).returning(COUNTER.c.last_seq)
        last = connection.scalars(counted).one()
        changes = [{**_fresh(row, ids), "seq": last - number} for number, row in enumerate(self.changes)]
        connection.execute(CHANGE.insert(), changes)
        return ids[self.rows[CONCERN][0]["id"]]


def _fresh(row: Mapping[str, Any], ids: Mapping[UUID, UUID]) -> dict[str, Any]:
    """With other ids, and as the answer to another request where it keeps a client's key."""
    new = {name: ids.get(value, value) if isinstance(value, UUID) else value for name, value in row.items()}
    return {**new, "key": str(new["id"])} if "key" in new else new


def create_app() -> Flask:
    app = Flask(__name__)
    engine = sa.create_engine(os.environ["DATABASE_URL"], pool_size=8)
    with engine.connect() as connection:
        written = Written.with_concern(connection, os.environ["TWIN_OF"])
    engine.dispose()  # the server forks after this

    @app.get("/healthz")
    def hello() -> str:
        return "hello"

    @app.post("/")
    def log() -> tuple[dict[str, str], int]:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        body = request.get_json()
        with engine.begin() as connection:
            bearer = {"digest": hashlib.sha256(token.encode()).digest(), "now": datetime.now(UTC)}
            if not connection.execute(BEARER, bearer).all():
                return {}, 401
            return {"id": str(written.again(connection)), "mood": body["mood"]}, 201

    return app
