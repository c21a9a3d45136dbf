"""Persistent metric counters of the workers, summed over all workers and restarts."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, String, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import Base
from models.db.session import ScopedSession

CounterIncrements = Mapping[tuple[str, str, str], int]


class MetricCounter(Base):
    """A counter that only grows. Not tenant-owned: its three labels are constants that name no organization."""

    __tablename__ = "metric_counter"

    metric: Mapped[str] = mapped_column(String(20), primary_key=True)
    label: Mapped[str] = mapped_column(String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)

    @classmethod
    def add(cls, session: ScopedSession, increments: CounterIncrements) -> None:
        """Add to the counters by (metric, label, outcome), in sorted order, so that no two transactions deadlock."""
        for metric, label, outcome in sorted(increments):
            more = increments[metric, label, outcome]
            if session.insert_or_ignore(cls, metric=metric, label=label, outcome=outcome, count=more) is None:
                row_key = (cls.metric == metric, cls.label == label, cls.outcome == outcome)
                session.execute(
                    update(cls)
                    .where(*row_key)
                    .values(count=cls.count + more)
                    .execution_options(synchronize_session=False)
                )
