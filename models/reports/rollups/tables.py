"""Rollup tables. How they are kept up to date and read: see models.reports.rollups."""

from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, LargeBinary, String, UniqueConstraint, update
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.session import ScopedSession


class Rollup(TenantOwned):
    """Figures of the concerns of one store in one period; models.reports.figures defines each of them.

    `cost` is in minor units of `currency`, that of the store on the first day of the period. What was spent in another
    one, around the day on which the store changed its currency, stands in a row of its own, with those of `recovered`
    that belong to it; its other figures are 0.
    The seconds are packed DDSketches (models.reports.stats.ddsketch), empty where nothing was measured.
    """

    __abstract__ = True

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]  # the day, or the first day of the month
    concerns: Mapped[int]
    unhappy: Mapped[int]
    taken: Mapped[int]
    taken_in_time: Mapped[int]
    taken_after_unanswered: Mapped[int]
    resolved: Mapped[int]
    recovered: Mapped[int]
    lost: Mapped[int]
    lost_without_offer: Mapped[int]
    open: Mapped[int]
    on_the_spot: Mapped[int]
    late: Mapped[int]
    reopened: Mapped[int]
    repeated: Mapped[int]  # of those with_customer
    with_customer: Mapped[int]
    unanswered_alerts: Mapped[int]
    mood_after_known: Mapped[int]
    mood_change: Mapped[int]
    praise: Mapped[int]
    feedback_asked: Mapped[int] = mapped_column(default=0)
    feedback_suspect: Mapped[int] = mapped_column(default=0)
    rated_1: Mapped[int] = mapped_column(default=0)
    rated_2: Mapped[int] = mapped_column(default=0)
    rated_3: Mapped[int] = mapped_column(default=0)
    rated_4: Mapped[int] = mapped_column(default=0)
    rated_5: Mapped[int] = mapped_column(default=0)
    promoters: Mapped[int] = mapped_column(default=0)
    passives: Mapped[int] = mapped_column(default=0)
    detractors: Mapped[int] = mapped_column(default=0)
    recommend_total: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    cost: Mapped[int] = mapped_column(BigInteger)
    seconds_to_take: Mapped[bytes] = mapped_column(LargeBinary)
    seconds_to_resolve: Mapped[bytes] = mapped_column(LargeBinary)


class StoreRollup(Rollup):
    """Rollup of a whole store, with the figures that belong to no single concern: checks, store days, follow-ups."""

    __abstract__ = True

    checks: Mapped[int]
    covers: Mapped[int]
    transactions: Mapped[int]
    ask_denominator: Mapped[int]  # receipts of the days that report them, else covers
    ask_numerator: Mapped[int]  # checks and concerns of those days
    concerns_on_receipt_days: Mapped[int]  # concerns of the days that report receipts
    follow_ups_due: Mapped[int]
    follow_ups_kept: Mapped[int]
    voided: Mapped[int] = mapped_column(default=0)
    reclassified: Mapped[int] = mapped_column(default=0)
    days_with_concerns: Mapped[int] = mapped_column(default=0)
    unsigned_days: Mapped[int] = mapped_column(default=0)
    logged_unhappy: Mapped[int]  # with an unhappy mood as logged, whatever became of them; the next three are of these
    quick_own: Mapped[int]
    corrected_up: Mapped[int]
    taken_back: Mapped[int]


class RollupDay(StoreRollup):
    """Rollup of one store and business day."""

    __tablename__ = "rollup_day"
    __table_args__ = (
        UniqueConstraint("organization_id", "store_id", "business_date", "currency"),
        Index("ix_rollup_day_date", "organization_id", "business_date"),
    )


class RollupMonth(StoreRollup):
    """Rollup of one store and month."""

    __tablename__ = "rollup_month"
    __table_args__ = (
        UniqueConstraint("organization_id", "store_id", "business_date", "currency"),
        Index("ix_rollup_month_date", "organization_id", "business_date"),
    )


class RollupCause(Rollup):
    """Rollup of one store, month, category and cause. Category and cause are None for concerns without one."""

    __tablename__ = "rollup_cause"
    __table_args__ = (
        Index("ix_rollup_cause_store_date", "organization_id", "store_id", "business_date"),
        Index("ix_rollup_cause_date", "organization_id", "business_date"),
    )

    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    cause_id: Mapped[UUID | None] = tenant_fk("cause", nullable=True)


class RollupVersion(TenantOwned):
    """Version of all rollups of one month, replaced whenever some of them were recomputed.

    A month without a version has never had a rollup.
    """

    __tablename__ = "rollup_version"
    __table_args__ = (UniqueConstraint("organization_id", "month"),)

    month: Mapped[date]  # its first day
    version_id: Mapped[UUID]

    @classmethod
    def replace(cls, session: ScopedSession, month: date) -> None:
        """Give the month a new version.

        Call it at the end of the transaction that changes the rollups: another such transaction waits here until
        this one ends.
        """
        version_id = uuid4()
        if session.insert_or_ignore(cls, month=month, version_id=version_id) is None:
            session.execute(update(cls).where(cls.month == month).values(version_id=version_id))
