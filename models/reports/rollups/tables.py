"""Sums that are kept: of each store's day, and of its month, whole and by cause. Worked out anew, never added to.

A change of anything that is counted leaves a mark of its store and day in its own transaction. Whoever refreshes takes
the marks away and works those days out again from the rows; a report takes what is marked from the rows itself, so
that it is exact at any moment, whenever that is done. A mark is a row of its own, never a flag that is there already:
one that is set while the day is being worked out has to outlive that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.session import ScopedSession
from models.organizations.store import Store
from models.reports.grouping import Grouping, Key
from models.reports.rollups.aggregates import DURATIONS, Totals


class Rollup(TenantOwned):
    """What became of the concerns of one store in one period, as models.reports.figures explains it.

    `cost` is in minor units of the store's currency, the only one it counts in. The seconds are packed histograms
    (models.reports.stats.ddsketch), empty where nothing was measured.
    """

    __abstract__ = True

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]  # the day, or the first one of the month
    concerns: Mapped[int]
    unhappy: Mapped[int]
    taken: Mapped[int]
    resolved: Mapped[int]
    recovered: Mapped[int]
    lost: Mapped[int]
    lost_without_offer: Mapped[int]
    open: Mapped[int]
    on_the_spot: Mapped[int]
    late: Mapped[int]
    reopened: Mapped[int]
    repeated: Mapped[int]
    unanswered_alerts: Mapped[int]
    mood_after_known: Mapped[int]
    mood_change: Mapped[int]
    praise: Mapped[int]
    cost: Mapped[int] = mapped_column(BigInteger)
    seconds_to_take: Mapped[bytes] = mapped_column(LargeBinary)
    seconds_to_resolve: Mapped[bytes] = mapped_column(LargeBinary)


class StoreRollup(Rollup):
    """Of a whole store it is also known who was asked, who came, and what was promised."""

    __abstract__ = True

    checks: Mapped[int]
    covers: Mapped[int]
    transactions: Mapped[int]
    ask_denominator: Mapped[int]  # the receipts of the days that count them, the covers of the others
    ask_numerator: Mapped[int]  # the checks and concerns of those days
    concerns_on_receipt_days: Mapped[int]  # the concerns of the days that count receipts
    follow_ups_due: Mapped[int]
    follow_ups_kept: Mapped[int]


class RollupDay(StoreRollup):
    """One store's business day."""

    __tablename__ = "rollup_day"
    __table_args__ = (
        UniqueConstraint("organization_id", "store_id", "business_date"),
        Index("ix_rollup_day_date", "organization_id", "business_date"),
    )


class RollupMonth(StoreRollup):
    """One store's month, known by its first day."""

    __tablename__ = "rollup_month"
    __table_args__ = (
        UniqueConstraint("organization_id", "store_id", "business_date"),
        Index("ix_rollup_month_date", "organization_id", "business_date"),
    )


class RollupCause(Rollup):
    """One store's month, of one category and cause, or of none."""

    __tablename__ = "rollup_cause"
    __table_args__ = (
        Index("ix_rollup_cause_store_date", "organization_id", "store_id", "business_date"),
        Index("ix_rollup_cause_date", "organization_id", "business_date"),
    )

    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    cause_id: Mapped[UUID | None] = tenant_fk("cause", nullable=True)


class RollupVersion(TenantOwned):
    """Which sums of one month are kept: another edition each time some of them have been worked out anew.

    A month without one is a month of which nothing was ever kept.
    """

    __tablename__ = "rollup_version"
    __table_args__ = (UniqueConstraint("organization_id", "month"),)

    month: Mapped[date]  # its first day
    version_id: Mapped[UUID]

    @classmethod
    def replace(cls, session: ScopedSession, month: date) -> None:
        """Another one, at the end of a transaction that changed what is kept: others who do wait until it is over."""
        edition = uuid4()
        if session.insert_or_ignore(cls, month=month, version_id=edition) is None:
            session.execute(update(cls).where(cls.month == month).values(version_id=edition))


@cache
def figure_columns(kept: type[Rollup]) -> Sequence[str]:
    """The names of what is counted, the cost among it."""
    return [name for name, column in inspect(kept).columns.items() if column.type.python_type is int]


def sum_rollups(
    session: Session, kept: type[Rollup], *criteria: ColumnElement[bool], grouping: Grouping
) -> Iterator[tuple[Key, Totals]]:
    """The totals of each group of what is kept, in one statement; `criteria` are on it and on Store."""
    figures = figure_columns(kept)
    sums = [func.sum(getattr(kept, name)) for name in figures]
    nothing = literal(b"", LargeBinary)
    histograms = [func.string_agg(getattr(kept, name), nothing, type_=LargeBinary) for name in DURATIONS]
    keys = (*grouping.keys, Store.currency)
    rows = select(kept.id).select_from(kept).join(Store, Store.id == kept.store_id).where(*criteria)
    stmt = grouping.join(rows).with_only_columns(*keys, *sums, *histograms)
    for key, (currency, *rest) in grouping.told(session, stmt, Store.currency):
        counted: Counter[str] = Counter({name: int(value) for name, value in zip(figures, rest, strict=False)})
        packed = zip(DURATIONS, rest[len(figures) :], strict=True)
        seconds = defaultdict(list, {name: [histograms] for name, histograms in packed})
        yield key, Totals(counted, Counter({currency: counted.pop("cost")}), seconds)
