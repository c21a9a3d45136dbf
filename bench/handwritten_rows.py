"""The controls of bench.serving: a bare answer, and handwritten rows of a concern in SQLAlchemy Core.

An application of its own under the same web server. After it has looked up the bearer token, it inserts the rows that
logging the concern COPIED_CONCERN wrote, with new ids. It validates nothing, and row level security does not apply.
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

from models.staff.credentials.staff_session import StaffSession
from models.staff.staff import Staff, StaffStore
from models.tables import metadata

CONCERN, CHANGE, COUNTER = (metadata.tables[name] for name in ("concern", "change", "change_counter"))
SESSION_STMT = (
    sa.select(StaffSession.id, Staff.id, Staff.role, Staff.name, StaffStore.store_id)
    .join(Staff, Staff.id == StaffSession.staff_id)
    .outerjoin(StaffStore, StaffStore.staff_id == Staff.id)
    .where(StaffSession.digest == sa.bindparam("digest"), StaffSession.expires_at > sa.bindparam("now"))
)


@dataclass(frozen=True)
class ConcernRows:
    """Rows of the transaction that logged a concern, by table in the order of foreign keys, and its changes."""

    rows: Mapping[sa.Table, list[dict[str, Any]]]
    changes: list[dict[str, Any]]

    @classmethod
    def read(cls, connection: sa.Connection, concern: str) -> "ConcernRows":
        """Read everything that was written in one transaction with a concern."""
        xmin = connection.scalars(sa.text("SELECT xmin::text FROM concern WHERE id = :id"), {"id": UUID(concern)}).one()
        same_transaction = sa.text("xmin::text = :xmin").bindparams(xmin=xmin)
        rows_by_table = {
            table: [row._asdict() for row in connection.execute(table.select().where(same_transaction))]
            for table in metadata.sorted_tables
            if table is not COUNTER
        }
        changes = rows_by_table.pop(CHANGE)
        return cls({table: rows for table, rows in rows_by_table.items() if rows}, changes)

    def insert_copy(self, connection: sa.Connection) -> UUID:
        """Insert the same rows as another concern; return its id."""
        ids = {row["id"]: uuid7() for rows in self.rows.values() for row in rows}
        for table, rows in self.rows.items():
            connection.execute(table.insert(), [_with_new_ids(row, ids) for row in rows])
        counter = COUNTER.update().where(COUNTER.c.organization_id == self.changes[0]["organization_id"])
        stmt = counter.values(last_seq=COUNTER.c.last_seq + len(self.changes)).returning(COUNTER.c.last_seq)
        last_seq = connection.scalars(stmt).one()
        changes = [{**_with_new_ids(row, ids), "seq": last_seq - number} for number, row in enumerate(self.changes)]
        connection.execute(CHANGE.insert(), changes)
        return ids[self.rows[CONCERN][0]["id"]]


def _with_new_ids(row: Mapping[str, Any], ids: Mapping[UUID, UUID]) -> dict[str, Any]:
    """Return a copy of a row with new ids, and with a key of its own where it has an idempotency key."""
    copy = {name: ids.get(value, value) if isinstance(value, UUID) else value for name, value in row.items()}
    return {**copy, "key": str(copy["id"])} if "key" in copy else copy


def create_app() -> Flask:
    app = Flask(__name__)
    engine = sa.create_engine(os.environ["DATABASE_URL"], pool_size=8)
    with engine.connect() as connection:
        concern_rows = ConcernRows.read(connection, os.environ["COPIED_CONCERN"])
    engine.dispose()  # the web server forks after this, and processes must not share connections

    @app.get("/healthz")
    def bare_answer() -> str:
        return "hello"

    @app.post("/")
    def log_concern() -> tuple[dict[str, str], int]:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        body = request.get_json()
        with engine.begin() as connection:
            parameters = {"digest": hashlib.sha256(token.encode()).digest(), "now": datetime.now(UTC)}
            if not connection.execute(SESSION_STMT, parameters).all():
                return {}, 401
            return {"id": str(concern_rows.insert_copy(connection)), "mood": body["mood"]}, 201

    return app
