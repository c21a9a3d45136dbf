"""Signs of life of the worker, for those who ask whether the house is well."""

from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

SILENT_AFTER = timedelta(seconds=30)


class Heartbeat(Base):
    """What a worker last said of itself. Global: it tells nothing about any organization."""

    __tablename__ = "heartbeat"

    worker: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime]
    overdue_steps: Mapped[int] = mapped_column(default=0)
    push: Mapped[str] = mapped_column(String(20), default="ok")
