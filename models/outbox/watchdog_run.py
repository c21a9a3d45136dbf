"""The look that one worker at a time takes at what may be stuck: whose turn it is, and what was found last."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, String, or_, text, update
from sqlalchemy.orm import Mapped, mapped_column

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.db.base import Base
from models.db.session import ScopedSession

OF_THE_HOUSE = "house"

# Nearly always empty, and it spares each look a walk through every alert there ever was.
_STOPPED = text(f"state = '{AlertState.OPEN}' AND next_step_at IS NULL")
Index("ix_alert_stopped", Alert.raised_at, postgresql_where=_STOPPED, sqlite_where=_STOPPED)


class Inspection(Base):
    """The last one: there is a single row. Global: it counts, and names nobody."""

    __tablename__ = "inspection"

    of: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    found: Mapped[dict[str, Any]]

    @classmethod
    def take_turn(cls, session: ScopedSession, *, every: timedelta, at: datetime) -> bool:
        """Whether it is time for one and nobody else has begun it. A time far ahead is of a clock that was wrong."""
        if session.insert_once(cls, of=OF_THE_HOUSE, at=at, found={}) is not None:
            return True
        its_time = or_(cls.at <= at - every, cls.at > at + every)
        turn = update(cls).where(cls.of == OF_THE_HOUSE, its_time).values(at=at).returning(cls.at)
        return session.scalars(turn, execution_options={"synchronize_session": False}).one_or_none() is not None

    @classmethod
    def record(cls, session: ScopedSession, found: dict[str, int]) -> None:
        """How many of each kind were found."""
        session.execute(
            update(cls).where(cls.of == OF_THE_HOUSE).values(found=found).execution_options(synchronize_session=False)
        )

    @property
    def clean(self) -> bool:
        return not any(self.found.values())
