"""Use cases of changing a store: what follows for its shifts and for the end of its day."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.access import Actor
from models.daily_log.day_end import DayEndSchedule
from models.organizations.organization import Region
from models.organizations.store import TERMS_FIELDS, Store
from models.staff.shift import Shift


def edit_store(session: Session, store: Store, data: dict[str, Any], *, by: Actor, at: datetime) -> None:
    """Change a store (see `Store.edit`). Whoever looks after its region sees it from now on, and nobody else does.

    NotFound, with a pointer, for a region that does not exist.
    """
    if "region_id" in data:
        Region.get_visible(session, data["region_id"], actor=by, pointer="/region_id")
    store.edit(at=at, **data)
    if not data.keys().isdisjoint(TERMS_FIELDS):
        DayEndSchedule.follow_terms(session, [store])


def close_store(session: Session, store: Store, *, at: datetime) -> None:
    """Close a store and end its shifts. InvalidState when it is closed already.

    Takes the lock on the store itself. The caller has none: to raise a weaker one could deadlock with a request that
    logs a concern and then locks the store.
    """
    # FOR UPDATE waits for check-ins that have inserted their shift, and lets later ones wait: see Shift.check_in.
    session.refresh(store, with_for_update=True)
    store.close(at=at)
    Shift.end_all(session, store, at=at)
