"""What a store tells of its business day: how many came, how many receipts there were, what they paid."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Aggregate, CountedByDay, Money, money, tenant_fk
from models.errors import Invalid
from models.organizations.store import Store


class StoreDay(CountedByDay, Aggregate):
    """One day of one store, as it or its till told last; null is what it does not count."""

    __tablename__ = "store_day"
    __table_args__ = (UniqueConstraint("organization_id", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    covers: Mapped[int | None] = mapped_column()
    transactions: Mapped[int | None] = mapped_column()
    sales_amount: Mapped[int | None] = mapped_column(BigInteger)
    sales_currency: Mapped[str | None] = mapped_column(String(3))
    sales: Mapped[Money | None] = money("sales")

    @classmethod
    def for_day(cls, session: Session, store: Store, business_date: date) -> "StoreDay":
        """The figures of a day; empty ones where none were told."""
        day = session.scalars(select(cls).where(cls.store_id == store.id, cls.business_date == business_date))
        return day.one_or_none() or cls(store_id=store.id, business_date=business_date)

    @classmethod
    def record(cls, session: Session, store: Store, business_date: date, **figures: Any) -> "StoreDay":
        """Take over `covers`, `transactions` and `sales` in the place of what was told before.

        Of the two who tell at once the store, which they hold, lets one go first. Invalid in another currency.
        """
        if figures["sales"] is not None and figures["sales"].currency != store.currency:
            raise Invalid(f"This store counts in {store.currency}.", pointer="/sales/currency")
        day = cls.for_day(session, store, business_date)
        new = day not in session
        for name, value in figures.items():
            setattr(day, name, value)
        if new:
            session.add(day)
        else:
            day.bump_version()
        return day
