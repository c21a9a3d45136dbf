"""Wellbeing checks: one tap for "asked, all well". Without them a store that stops asking would look perfect."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.db.base import CountedByDay, TenantOwned, tenant_fk
from models.db.bounds import too_many
from models.db.session import ScopedSession
from models.organizations.place import Place
from models.organizations.store import Store
from models.policy_defaults import MAX_CHECKS_PER_PLACE, MIN_PLACES_FOR_CHECKS, ODD_CHECK
from models.staff.default_store import get_default_store

HOUR = timedelta(hours=1)


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
        cls._check_bound(session, store, more=fields.get("count", 1), at=at)
        check = cls(
            **fields,
            store_id=store.id,
            checked_by_id=by.staff_id,
            at=at,
            business_date=store.business_date(at),
        )
        session.add(check)
        return check

    @classmethod
    def odd_of_day(cls, session: Session, store: Store, business_date: date) -> Sequence["WellbeingCheck"]:
        """Return the checks of a day for so many at once that nobody can have asked them one after the other."""
        of_day = (cls.store_id == store.id, cls.business_date == business_date, cls.count >= ODD_CHECK)
        return session.scalars(select(cls).where(*of_day).order_by(cls.at, cls.id)).all()

    @classmethod
    def _check_bound(cls, session: ScopedSession, store: Store, *, more: int, at: datetime) -> None:
        """Raise TooMany for more than a store of this size can ask within an hour: they would make any rate look good.

        They are summed under a lock, so that a hundred taps at once count as a hundred.
        """
        session.execute(select(Store.id).where(Store.id == store.id).with_for_update(key_share=True))
        today = cls.business_date.in_((store.business_date(at), store.business_date(at - HOUR)))
        of_hour = (cls.store_id == store.id, today, cls.at > at - HOUR, cls.at <= at)
        places = session.scalars(
            select(func.count()).select_from(Place).where(Place.store_id == store.id, Place.retired_at.is_(None))
        ).one()
        most = MAX_CHECKS_PER_PLACE * max(places, MIN_PLACES_FOR_CHECKS)
        if session.scalars(select(func.coalesce(func.sum(cls.count), 0)).where(*of_hour)).one() + more > most:
            raise too_many(most, "checks of this store within an hour")
