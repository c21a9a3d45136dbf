"""Figures of a store's business day: guests, receipts and sales, as the store or its till reports them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Aggregate, CountedByDay, Money, money, tenant_fk
from models.errors import Invalid
from models.organizations.store import Store


class StoreDay(CountedByDay, Aggregate):
    """Latest reported figures of one business day of one store. Null where the store does not count it."""

    __tablename__ = "store_day"
    __table_args__ = (UniqueConstraint("organization_id", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    covers: Mapped[int | None] = mapped_column()  # guests
    transactions: Mapped[int | None] = mapped_column()  # receipts
    sales_amount: Mapped[int | None] = mapped_column(BigInteger)
    sales_currency: Mapped[str | None] = mapped_column(String(3))
    sales: Mapped[Money | None] = money("sales")

    @classmethod
    def for_day(cls, session: Session, store: Store, business_date: date) -> "StoreDay":
        """Return the figures of a day, or empty ones, not yet in the session, when none were reported."""
        stmt = select(cls).where(cls.store_id == store.id, cls.business_date == business_date)
        return session.scalars(stmt).one_or_none() or cls(store_id=store.id, business_date=business_date)

    @classmethod
    def record(cls, session: Session, store: Store, business_date: date, *, at: datetime, **figures: Any) -> "StoreDay":
        """Replace `covers`, `transactions` and `sales` of a day.

        Invalid in another currency than that of the day, and for a day that is too far away.

        The caller holds a lock on the store, so that two reports of one day at once follow each other.
        """
        store.check_recordable(business_date, at)
        currency = store.currency_on(business_date)
        if figures["sales"] is not None and figures["sales"].currency != currency:
            raise Invalid(f"On this day the store counts in {currency}.", pointer="/sales/currency")
        day = cls.for_day(session, store, business_date)
        is_new = day not in session
        for name, value in figures.items():
            setattr(day, name, value)
        if is_new:
            session.add(day)
        else:
            day.bump_version()
        return day
