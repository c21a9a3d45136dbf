"""Signs of life of the worker, for those who ask whether the house is well."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Base

SILENT_AFTER = timedelta(seconds=30)
HEARTBEAT_TTL = timedelta(hours=1)  # each start of a worker has a name of its own: the rows would pile up


class Heartbeat(Base):
    """What a worker last said of itself. Global: it tells nothing about any organization."""

    __tablename__ = "heartbeat"

    worker: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime]
    overdue_steps: Mapped[int] = mapped_column(default=0)
    push: Mapped[str] = mapped_column(String(20), default="ok")
    # `server_default`: a worker of the release before may still be at work while the tables change.
    channels: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # by name: closed or open
    figures: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # what waits, and how late it is

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
        """Say that this worker lives, and how it does; forget those that have long been silent."""
        beat = session.get(cls, worker) or cls(worker=worker)
        session.add(beat)
        beat.at, beat.overdue_steps, beat.push = at, overdue_steps, push
        beat.channels, beat.figures = dict(channels), dict(figures)
        session.execute(delete(cls).where(cls.worker != worker, cls.at < at - HEARTBEAT_TTL))

    @classmethod
    def stop(cls, session: Session, worker: str) -> None:
        """This worker ends in good order, and is not missed."""
        session.execute(delete(cls).where(cls.worker == worker))
