"""Heartbeats of the workers, which the health check reads."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Base

SILENT_AFTER = timedelta(seconds=30)
HEARTBEAT_TTL = timedelta(hours=1)  # each start of a worker has a new name: old rows would pile up


class Heartbeat(Base):
    """The last heartbeat of one worker. Not tenant-owned: it has nothing of any organization."""

    __tablename__ = "heartbeat"

    worker: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime]
    overdue_steps: Mapped[int] = mapped_column(default=0)
    push: Mapped[str] = mapped_column(String(20), default="ok")
    # `server_default`: a worker of the previous release may still be running during the migration.
    channels: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'")
    )  # name: state of its circuit, closed or open
    figures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # size and lateness of the backlog

    @classmethod
    def beat(
        cls,
        session: Session,
        worker: str,
        *,
        overdue_steps: int,
        push: str,
        channels: dict[str, str],
        figures: dict[str, float],
        at: datetime,
    ) -> None:
        """Write the heartbeat of this worker, and delete those older than HEARTBEAT_TTL."""
        heartbeat = session.get(cls, worker) or cls(worker=worker)
        session.add(heartbeat)
        heartbeat.at, heartbeat.overdue_steps, heartbeat.push = at, overdue_steps, push
        heartbeat.channels, heartbeat.figures = dict(channels), dict(figures)
        session.execute(delete(cls).where(cls.worker != worker, cls.at < at - HEARTBEAT_TTL))

    @classmethod
    def stop(cls, session: Session, worker: str) -> None:
        """Delete the heartbeat of a worker that shuts down in good order."""
        session.execute(delete(cls).where(cls.worker == worker))
