"""What has changed, numbered per organization: the one feed behind sync, export and webhooks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, insert, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class Op(StrEnum):
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
    op: Mapped[Op]
    at: Mapped[datetime]


def write_changes(session: Session, organization_id: UUID, rows: list[dict[str, Any]]) -> None:
    """Number these changes of one organization and write them down: the last thing before a commit."""
    last = session.execute(
        update(ChangeCounter)
        .where(ChangeCounter.organization_id == organization_id)
        .values(last_seq=ChangeCounter.last_seq + len(rows))
        .returning(ChangeCounter.last_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    first = last - len(rows) + 1
    session.execute(
        insert(Change),
        [{"organization_id": organization_id, "seq": seq, **row} for seq, row in enumerate(rows, start=first)],
    )
