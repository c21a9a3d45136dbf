"""Handing a concern over: one colleague is called personally, while the call for help goes on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.access import Actor, roles_that_ring
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.errors import Invalid
from models.staff.shift import Shift
from models.staff.staff import Staff


def hand_over(session: Session, concern: Concern, staff_id: UUID, *, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Ask this colleague to go; what was taken is given back first. The steps, in their order, for others to announce.

    Missing for somebody out of reach, Invalid for somebody who cannot be asked, Forbidden where another one has taken
    it and this person may not give it back, NotNow when it is resolved.
    """
    colleague = Staff.get_visible(session, staff_id, actor=by, pointer="/staff_id")
    why = _why_not_callable(session, concern, colleague, by=by)
    if why is not None:
        raise Invalid(why, pointer="/staff_id")
    given_back = [concern.release(by=by, at=at)] if concern.status is Status.TAKEN else []
    handed = concern.add_event(ConcernStep.HANDED_OVER, by=by, at=at, details={"to": str(colleague.id)})
    return [*given_back, handed]


def _why_not_callable(session: Session, concern: Concern, colleague: Staff, *, by: Actor) -> str | None:
    """The reason why this person cannot be called for this concern, if there is one."""
    if colleague.id == by.staff_id:
        return "Take it yourself instead of handing it over to yourself."
    if colleague.id == concern.reported_by_id:
        return f"{colleague.name} told of this, and is not rung for it."
    if colleague.role not in roles_that_ring(sensitive=concern.sensitive):
        return f"{colleague.name} is not somebody who may hear of this."
    shift = Shift.current(session, colleague.id)
    if colleague.left_at is not None or not works_there(concern, colleague, shift):
        return f"{colleague.name} does not work in this store."
    return None


def works_there(concern: Concern, colleague: Staff, shift: Shift | None) -> bool:
    """Whether they belong to the store of the concern, look after its region, or are on shift there."""
    if concern.store_id in colleague.store_ids or concern.store.region_id in colleague.region_ids:
        return True
    return shift is not None and shift.store_id == concern.store_id
