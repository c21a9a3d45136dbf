"""Who is on shift in a store, as far as a colleague may know it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor
from models.operations.people.shifts import leads_or_manages
from models.organizations.store import Store
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift


@dataclass(frozen=True)
class OnShift:
    """A shift that runs, with the number of phones that reach its person; `paused_until` where the reader may know."""

    shift: Shift
    phones: int
    paused_until: datetime | None


def on_shift(session: Session, store: Store, *, by: Actor, at: datetime) -> Sequence[OnShift]:
    """Return who is on shift in a store, whoever leads first, then by the beginning of the shift."""
    stmt = select(Shift).where(Shift.store_id == store.id, Shift.runs_at(at)).options(joinedload(Shift.staff))
    shifts = session.scalars(stmt.order_by(Shift.lead.desc(), Shift.started_at, Shift.id)).all()
    reach = phones_in_reach([shift.staff_id for shift in shifts], at=at)
    phones = Counter(session.scalars(select(reach.c.staff_id)))
    sees_pauses = leads_or_manages(session, store.id, by=by, at=at)
    return [
        OnShift(shift, phones[shift.staff_id], shift.paused_until if sees_pauses and shift.is_paused(at) else None)
        for shift in shifts
    ]
