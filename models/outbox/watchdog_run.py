"""Watchdog run: which worker checks for stuck rows next, and the findings of the last check."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, or_, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.session import ScopedSession

WATCHDOG = "watchdog"


class WatchdogRun(Base):
    """The last run of the watchdog, in a single row. Not tenant-owned: it has only counts."""

    __tablename__ = "watchdog_run"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    findings: Mapped[dict[str, Any]]

    @classmethod
    def take_turn(cls, session: ScopedSession, *, every: timedelta, at: datetime) -> bool:
        """Return whether it is time for a run and no other worker has begun it.

        A time in the future was written while a clock was wrong, and does not count.
        """
        if session.insert_or_ignore(cls, id=WATCHDOG, at=at, findings={}) is not None:
            return True
        is_time = or_(cls.at <= at - every, cls.at > at + every)
        stmt = update(cls).where(cls.id == WATCHDOG, is_time).values(at=at).returning(cls.at)
        return session.scalars(stmt, execution_options={"synchronize_session": False}).one_or_none() is not None

    @classmethod
    def record(cls, session: ScopedSession, findings: dict[str, int]) -> None:
        """Store how many rows of each kind are stuck."""
        session.execute(
            update(cls).where(cls.id == WATCHDOG).values(findings=findings).execution_options(synchronize_session=False)
        )

    @property
    def clean(self) -> bool:
        return not any(self.findings.values())
