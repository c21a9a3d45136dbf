"""What has changed, numbered per organization: the one feed behind sync, export and webhooks."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, insert, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Base
from models.db.dirty_days import DirtyDay


class ChangeOp(StrEnum):
    UPSERT = "upsert"
    DELETE = "delete"


class ChangeCounter(Base):
    """The number of an organization's last change. Updated last in a transaction: it is what puts them in order."""

    __tablename__ = "change_counter"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    last_seq: Mapped[int] = mapped_column(default=0)


class Change(Base):
    """One object in one committed transaction.

    `seq` has no gaps and follows the order of commits, because whoever commits next waits for the counter's row. A
    reader that asks for everything after the last number it saw therefore misses nothing.
    """

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_store", "organization_id", "store_id", "seq"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[UUID]
    version: Mapped[int]
    op: Mapped[ChangeOp]
    at: Mapped[datetime]


Rows = list[dict[str, Any]]


def write_changes(session: Session, organization_id: UUID, rows: Rows, marks: Rows) -> None:
    """Number these changes of one organization and write them down with its marks: the last thing before a commit."""
    if marks:
        session.execute(insert(DirtyDay.__table__), marks)  # type: ignore[arg-type]  # as below
    if not rows:
        return
    last = session.execute(
        update(ChangeCounter)
        .where(ChangeCounter.organization_id == organization_id)
        .values(last_seq=ChangeCounter.last_seq + len(rows))
        .returning(ChangeCounter.last_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    first = last - len(rows) + 1
    session.execute(
        insert(Change.__table__),  # type: ignore[arg-type]  # the plain table: one statement, whatever is empty
        [{"organization_id": organization_id, "seq": seq, **row} for seq, row in enumerate(rows, start=first)],
    )


def write_changes_in_one_statement(session: Session, organization_id: UUID, rows: Rows, marks: Rows) -> None:
    """The same in one statement, on PostgreSQL, which can insert what an update gives back.

    Whoever commits next for this organization waits from the counting to the commit: one way to the server and back
    less is that much less waiting.
    """
    if not rows:  # nothing to be numbered, and nobody to wait for
        write_changes(session, organization_id, rows, marks)
        return
    given = {name: [row[name] for row in rows] for name in rows[0]}
    given |= {f"marked_{name}": [mark[name] for mark in marks] for name in DIRTY_DAY_COLUMNS}
    written = session.scalars(_ONE_STATEMENT, {"organization_id": organization_id, "count": len(rows), **given})
    if len(written.all()) != len(rows):
        raise LookupError(f"organization {organization_id} has no counter of changes")


DIRTY_DAY_COLUMNS = ("id", "store_id", "business_date", "month")
_ONE_STATEMENT: Final = text(
    """
    WITH counted AS (
        UPDATE change_counter SET last_seq = last_seq + :count
        WHERE organization_id = :organization_id RETURNING last_seq
    ),
    marked AS (
        INSERT INTO dirty_day (organization_id, id, store_id, business_date, month)
        SELECT :organization_id, given.*
        FROM unnest(
            CAST(:marked_id AS uuid[]), CAST(:marked_store_id AS uuid[]),
            CAST(:marked_business_date AS date[]), CAST(:marked_month AS date[])
        ) AS given
    )
    INSERT INTO change (organization_id, seq, store_id, kind, object_id, version, op, at)
    SELECT :organization_id, counted.last_seq - :count + given.number,
        given.store_id, given.kind, given.object_id, given.version, given.op, given.at
    FROM counted, unnest(
        CAST(:store_id AS uuid[]), CAST(:kind AS text[]), CAST(:object_id AS uuid[]),
        CAST(:version AS integer[]), CAST(:op AS text[]), CAST(:at AS timestamptz[])
    ) WITH ORDINALITY AS given (store_id, kind, object_id, version, op, at, number)
    RETURNING seq
    """
)
