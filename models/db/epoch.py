"""Which life of the data this is: a backup that was restored begins another one, and old cursors end with it."""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from models.db.base import Base


class RestoreEvent(Base):
    """That somebody said a backup was restored. Global: it tells nothing about any organization."""

    __tablename__ = "restore_event"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]

    @classmethod
    def record(cls, session: Session, *, at: datetime) -> str:
        """Begin a new epoch by hand, where nobody can notice it; its name."""
        session.add(cls(id=uuid7(), at=at))
        session.flush()
        return current_epoch(session)


def current_epoch(session: Session) -> str:
    """The name of the present life of the data.

    It is made of what was said (`RestoreEvent`) and of where the rows live, so a restore is noticed without anything
    being written: a copy lives elsewhere. Only PostgreSQL tells where, hence the branch; on SQLite a file that is put
    in the place of another one looks the same, and somebody has to say so.
    """
    lives = [str(id_) for id_ in session.scalars(select(RestoreEvent.id).order_by(RestoreEvent.id))]
    if session.get_bind().dialect.name == "postgresql":
        lives.append(session.scalars(_DATABASE_IDENTITY).one())
    return hashlib.sha256(" ".join(lives).encode()).hexdigest()[:16]


# A cluster made anew has another identifier, a database made anew another number, a table restored in its place too;
# going back to a point in time begins a new timeline.
_DATABASE_IDENTITY: Final = text(
    """
    SELECT concat_ws(
        '-', cluster.system_identifier, checkpoint.timeline_id, database.oid, 'change_counter'::regclass::oid
    )
    FROM pg_control_system() cluster, pg_control_checkpoint() checkpoint, pg_database database
    WHERE database.datname = current_database()
    """
)
