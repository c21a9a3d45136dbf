"""Use cases of making and changing a store: what follows for limits, for its shifts and for the end of its day."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.event import ConcernEvent
from models.daily_log.day_end import DayEndSchedule
from models.operations.people.shifts import give_back, lock_taken
from models.organizations.organization import Region
from models.organizations.store import TERMS_FIELDS, Store
from models.recovery.remedy import Remedy
from models.staff.shift import Shift


def add_store(session: Session, *, region: Region, currency: str, **data: Any) -> Store:
    """Create a store (see `Store.create`). Where no other one has its currency, the remedies get limits in it."""
    currencies = Store.currencies(session)
    store = Store.create(session, region=region, currency=currency, **data)
    Remedy.add_limits_of_currencies(session, {currency} - currencies)
    return store


def edit_store(session: Session, store: Store, data: dict[str, Any], *, by: Actor, at: datetime) -> None:
    """Change a store (see `Store.edit`). Whoever looks after its region sees it from now on, and nobody else does.

    In a currency that no store had before, the remedies get their default limits.

    NotFound, with a pointer, for a region that does not exist.
    """
    if "region_id" in data:
        Region.get_visible(session, data["region_id"], actor=by, pointer="/region_id")
    currencies = Store.currencies(session) if "currency" in data else set()
    store.edit(at=at, **data)
    if "currency" in data:
        Remedy.add_limits_of_currencies(session, {data["currency"]} - currencies)
    if not data.keys().isdisjoint(TERMS_FIELDS):
        DayEndSchedule.follow_terms(session, [store])


def close_store(session: Session, store: Store, *, by: Actor, at: datetime) -> Sequence[ConcernEvent]:
    """Close a store and end its shifts. Return what is given back. InvalidState when it is closed already.

    Takes the lock on the store itself. The caller has none: to raise a weaker one could deadlock with a request that
    logs a concern and then locks the store.
    """
    # Concerns are locked before the store, as wherever both are.
    on_shift = select(Shift.staff_id).where(Shift.store_id == store.id, Shift.ended_at.is_(None))
    lock_taken(session, session.scalars(on_shift).all())
    # FOR UPDATE waits for check-ins that have inserted their shift, and lets later ones wait: see Shift.check_in.
    session.refresh(store, with_for_update=True)
    store.close(at=at)
    ended = Shift.end_all(session, store, at=at)
    session.flush()
    return [event for shift in ended for event in give_back(session, shift, by=by, at=at)]
