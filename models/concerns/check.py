"""Wellbeing checks: one tap for "asked, all well". Without them a store that stops asking would look perfect."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.access import Actor
from models.db.base import CountedByDay, TenantOwned, tenant_fk
from models.db.session import ScopedSession
from models.organizations.store import Store
from models.staff.default_store import get_default_store


class WellbeingCheck(CountedByDay, TenantOwned):
    """A number of tables or customers that were asked and were well. The day is taken from the server's clock."""

    __tablename__ = "wellbeing_check"
    __table_args__ = (Index("ix_wellbeing_check_store_day", "organization_id", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    checked_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    count: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime]
    business_date: Mapped[date]

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.store_id.in_(actor.store_ids),)

    @classmethod
    def record(
        cls, session: ScopedSession, *, by: Actor, at: datetime, store_id: UUID | None = None, **fields: Any
    ) -> "WellbeingCheck":
        """Record a check in the named store, or in the one that `find_default_store` finds. Invalid without any.

        `fields` are `count` and `id`.
        """
        if store_id is None:
            store, _ = get_default_store(session, by=by, at=at)
        else:
            store = Store.get_visible(session, store_id, actor=by, pointer="/store_id")
        check = cls(
            **fields,
            store_id=store.id,
            checked_by_id=by.staff_id,
            at=at,
            business_date=store.business_date(at),
        )
        session.add(check)
        return check
