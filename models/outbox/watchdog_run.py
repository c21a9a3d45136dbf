"""The look that one worker at a time takes at what may be stuck: whose turn it is, and what was found last."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, or_, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.session import ScopedSession

WATCHDOG = "house"


class WatchdogRun(Base):
    """The last one: there is a single row. Global: it counts, and names nobody."""

    __tablename__ = "watchdog_run"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    findings: Mapped[dict[str, Any]]

    @classmethod
    def take_turn(cls, session: ScopedSession, *, every: timedelta, at: datetime) -> bool:
        """Whether it is time for one and nobody else has begun it. A time far ahead is of a clock that was wrong."""
        if session.insert_or_ignore(cls, id=WATCHDOG, at=at, findings={}) is not None:
            return True
        its_time = or_(cls.at <= at - every, cls.at > at + every)
        turn = update(cls).where(cls.id == WATCHDOG, its_time).values(at=at).returning(cls.at)
        return session.scalars(turn, execution_options={"synchronize_session": False}).one_or_none() is not None

    @classmethod
    def record(cls, session: ScopedSession, found: dict[str, int]) -> None:
        """How many of each kind were found."""
        session.execute(
            update(cls).where(cls.id == WATCHDOG).values(findings=found).execution_options(synchronize_session=False)
        )

    @property
    def clean(self) -> bool:
        return not any(self.findings.values())
