"""Handover of a concern: one colleague on shift is called personally, while the alert goes on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.errors import Invalid
from models.organizations.store import Store
from models.staff.shift import Shift
from models.staff.staff import Staff


def hand_over(session: Session, concern: Concern, staff_id: UUID, *, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Call this colleague for the concern, and release it first if somebody has taken it.

    Returns the recorded events in order, for the caller to announce.

    Raises NotFound when `by` may not see the colleague, Invalid when the colleague cannot be called for this concern,
    Forbidden when somebody else has taken it and `by` may not release it, and InvalidState when it is resolved.
    """
    colleague = Staff.get_visible(session, staff_id, actor=by, pointer="/staff_id")
    if colleague.id == by.staff_id:
        refusal: str | None = "Take it yourself instead of handing it over to yourself."
    else:
        refusal = why_not_callable(session, concern, colleague, at=at)
    if refusal is not None:
        raise Invalid(refusal, pointer="/staff_id")
    released = [concern.release(by=by, at=at)] if concern.status is Status.TAKEN else []
    handed_over = concern.add_event(ConcernStep.HANDED_OVER, by=by, at=at, details={"to": str(colleague.id)})
    return [*released, handed_over]


def why_not_callable(session: Session, concern: Concern, colleague: Staff, *, at: datetime) -> str | None:
    """Return the reason why this person cannot be called for this concern, if there is one."""
    if colleague.id == concern.reported_by_id:
        return f"{colleague.name} told of this, and is not rung for it."
    if colleague.role not in concern.ringable_roles:
        return f"{colleague.name} is not somebody who may hear of this."
    shift = Shift.current(session, colleague.id, at=at)
    if colleague.has_left(at) or not works_in_store_of(concern, colleague, shift):
        return f"{colleague.name} does not work in this store."
    if shift is None or shift.store_id != concern.store_id:
        return f"{colleague.name} is not on shift in this store."
    return None


def works_in_store_of(concern: Concern, colleague: Staff, shift: Shift | None) -> bool:
    """Return whether a colleague belongs to the store of a concern, looks after its region, or is on `shift` there.

    `is_in_store_of` is the same rule in SQL.
    """
    if concern.store_id in colleague.store_ids or concern.store.region_id in colleague.region_ids:
        return True
    return shift is not None and shift.store_id == concern.store_id


def is_in_store_of(colleague: Staff, shift: Shift | None) -> ColumnElement[bool]:
    """Return the criterion that keeps the concerns of the stores a colleague works in: `works_in_store_of` in SQL."""
    store_ids = {*colleague.store_ids, *([shift.store_id] if shift else [])}
    return Concern.store_id.in_(store_ids) | Concern.store.has(Store.region_id.in_(colleague.region_ids))
