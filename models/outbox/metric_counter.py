"""What the workers count, summed over all of them and over every restart, for whoever watches the house."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, String, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.session import ScopedSession

CounterIncrements = Mapping[tuple[str, str, str], int]


class MetricCounter(Base):
    """A figure that only ever grows. Global, and its three names are words of ours: no organization is in it."""

    __tablename__ = "metric_counter"

    metric: Mapped[str] = mapped_column(String(20), primary_key=True)
    label: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)

    @classmethod
    def add(cls, session: ScopedSession, counted: CounterIncrements) -> None:
        """Add what was counted under (what, of, outcome). Always in one order, so that no two wait in a circle."""
        for what, of, outcome in sorted(counted):
            more = counted[what, of, outcome]
            if session.insert_or_ignore(cls, metric=what, label=of, outcome=outcome, count=more) is None:
                this = (cls.metric == what, cls.label == of, cls.outcome == outcome)
                session.execute(
                    update(cls).where(*this).values(count=cls.count + more).execution_options(synchronize_session=False)
                )
