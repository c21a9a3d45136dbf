"""Data epoch: a name that changes when a backup is restored. Cursors of an earlier epoch are refused."""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from models.db.base import Base


class RestoreEvent(Base):
    """A restored backup that an operator reported. Global: it holds nothing about any organization."""

    __tablename__ = "restore_event"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]

    @classmethod
    def record(cls, session: Session, *, at: datetime) -> str:
        """Begin a new epoch by hand, where a restore cannot be detected, and return its name."""
        session.add(cls(id=uuid7(), at=at))
        session.flush()
        return current_epoch(session)


def current_epoch(session: Session) -> str:
    """Return the name of the current epoch.

    It is a digest of the reported restores (`RestoreEvent`) and of the identity of the database, so that most restores
    are noticed without anything being written: a copy has another identity. Only PostgreSQL has one, hence the branch.
    On SQLite a file put in the place of another one looks the same, and an operator has to report it.
    """
    parts = [str(event_id) for event_id in session.scalars(select(RestoreEvent.id).order_by(RestoreEvent.id))]
    if session.get_bind().dialect.name == "postgresql":
        parts.append(session.scalars(_DATABASE_IDENTITY).one())
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


# A new cluster has another system identifier, a new database another oid, and so has a table that was restored into an
# existing database. Point-in-time recovery begins a new timeline.
_DATABASE_IDENTITY: Final = text(
    """
    SELECT concat_ws(
        '-', cluster.system_identifier, checkpoint.timeline_id, database.oid, 'change_counter'::regclass::oid
    )
    FROM pg_control_system() cluster, pg_control_checkpoint() checkpoint, pg_database database
    WHERE database.datname = current_database()
    """
)
