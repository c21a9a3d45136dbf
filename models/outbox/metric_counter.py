"""What the workers count, summed over all of them and over every restart, for whoever watches the house."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, String, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.session import ScopedSession

Counted = Mapping[tuple[str, str, str], int]


class Tally(Base):
    """A figure that only ever grows. Global, and its three names are words of ours: no organization is in it."""

    __tablename__ = "tally"

    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    of: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)

    @classmethod
    def add(cls, session: ScopedSession, counted: Counted) -> None:
        """Add what was counted under (what, of, outcome). Always in one order, so that no two wait in a circle."""
        for what, of, outcome in sorted(counted):
            more = counted[what, of, outcome]
            if session.insert_once(cls, what=what, of=of, outcome=outcome, count=more) is None:
                this = (cls.what == what, cls.of == of, cls.outcome == outcome)
                session.execute(
                    update(cls).where(*this).values(count=cls.count + more).execution_options(synchronize_session=False)
                )
