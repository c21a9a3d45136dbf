"""Use cases of shifts: they begin, are ended by others or by a time clock, and give back what the person had taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor, Permission
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.event import ConcernEvent
from models.concerns.unresolved import NOT_RESOLVED
from models.errors import Forbidden
from models.organizations.store import Store
from models.policy_defaults import LONGEST_SHIFT, SHIFT_IDLE, STILL_HERE_BEFORE
from models.staff.shift import EndReason, Shift
from models.staff.staff import Staff


def check_in(
    session: Session, *, store: Store, lead: bool, by: Actor, at: datetime
) -> tuple[Shift, Sequence[ConcernEvent]]:
    """Start a shift, as `Shift.check_in` does. Return it, and what is given back of one that ended before it."""
    lock_taken(session, [by.person])
    before = Shift.open_of(session, by.person)
    shift = Shift.check_in(session, staff_id=by.person, device_id=by.shared_phone_id, store=store, lead=lead, at=at)
    return shift, give_back(session, before, by=by, at=at) if before is not None and before is not shift else ()


def end_own_shift(session: Session, reason: EndReason, *, by: Actor, at: datetime) -> Sequence[ConcernEvent]:
    """End the shift of whoever makes the request. Return what is given back; nothing when there is no shift."""
    return () if by.staff_id is None else _end(session, by.staff_id, reason, by=by, at=at)


def end_shift(session: Session, shift: Shift, *, by: Actor, at: datetime) -> tuple[bool, Sequence[ConcernEvent]]:
    """End a colleague's shift. Return whether this request did it, and what is given back. One's own is a check-out.

    Nothing happens to a shift that is over. Forbidden for whoever neither leads the shift there nor manages the store.
    """
    if shift.staff_id == by.staff_id:
        return False, _end(session, shift.staff_id, EndReason.CHECKED_OUT, by=by, at=at, shift_id=shift.id)
    if not leads_or_manages(session, shift.store_id, by=by, at=at):
        raise Forbidden("Only who leads the shift here and the managers can end the shift of a colleague.")
    was_running = shift.is_running(at)
    events = _end(session, shift.staff_id, EndReason.BY_COLLEAGUE, by=by, at=at, shift_id=shift.id)
    return was_running and shift.end_reason is EndReason.BY_COLLEAGUE, events


def leads_or_manages(session: Session, store_id: UUID, *, by: Actor, at: datetime) -> bool:
    """Return whether somebody within reach of a store manages it, or leads the shift there."""
    return by.may(Permission.STAFF_CARE) or Shift.leads(session, store_id, by=by, at=at)


def lock_taken(session: Session, staff_ids: Sequence[UUID]) -> None:
    """Lock the concerns that these people have taken, in the order of their ids: concerns before people."""
    taken = select(Concern.id).where(NOT_RESOLVED, Concern.taken_by_id.in_(staff_ids)).order_by(Concern.id)
    session.execute(taken.with_for_update(key_share=True))


def give_back(session: Session, shift: Shift, *, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Release what the person of a shift that ended has taken in its store. The caller has locked it (`lock_taken`)."""
    stmt = (
        select(Concern)
        .where(NOT_RESOLVED, Concern.status == Status.TAKEN)
        .where(Concern.taken_by_id == shift.staff_id, Concern.store_id == shift.store_id)
        .options(joinedload(Concern.store), *Concern.eager_options())
        .order_by(Concern.id)
    )
    concerns = session.scalars(stmt.execution_options(populate_existing=True)).unique().all()
    return [concern.give_back(by=by, at=at) for concern in concerns]


@dataclass(frozen=True)
class NearEnd:
    """What became of a shift near its end: the person is to be asked, or it ended and its concerns were given back."""

    shift: Shift
    ask: bool = False
    given_back: Sequence[ConcernEvent] = ()


def settle_end(session: Session, shift_id: UUID, *, at: datetime) -> NearEnd | None:
    """Ask the person of a shift that is about to end, record its end, or let it go on for what they have taken.

    A concern that is taken keeps a shift going that is not over by the clock, for LONGEST_SHIFT at most. None when
    there is nothing to do any more.
    """
    shift = session.scalars(select(Shift).where(Shift.id == shift_id)).one()
    lock_taken(session, [shift.staff_id])
    Staff.lock_staff(session, shift.staff_id)
    session.refresh(shift, with_for_update={"key_share": True})
    if shift.ended_at is not None:
        return None
    if at < shift.ends_at and _has_taken(session, shift):
        shift.extend(to=min(at + SHIFT_IDLE, shift.started_at + LONGEST_SHIFT))
    if shift.ends_at <= at:
        shift.end(EndReason.RAN_OUT, at=at)
        session.flush()
        by = Actor.unauthenticated(shift.organization_id)
        return NearEnd(shift, given_back=give_back(session, shift, by=by, at=at))
    if shift.asked_at is None and shift.ends_at <= at + STILL_HERE_BEFORE:
        shift.ask(at=at)
        return NearEnd(shift, ask=True)
    return None


def _has_taken(session: Session, shift: Shift) -> bool:
    taken = (Concern.status == Status.TAKEN, Concern.taken_by_id == shift.staff_id, Concern.store_id == shift.store_id)
    return session.scalars(select(Concern.id).where(NOT_RESOLVED, *taken).limit(1)).first() is not None


def _end(
    session: Session, staff_id: UUID, reason: EndReason, *, by: Actor, at: datetime, shift_id: UUID | None = None
) -> Sequence[ConcernEvent]:
    """End a person's open shift, or only this one."""
    lock_taken(session, [staff_id])
    Staff.lock_staff(session, staff_id)
    shift = Shift.open_of(session, staff_id)
    if shift is None or shift_id not in (None, shift.id):
        return ()
    shift.end(reason, by_id=None if by.staff_id == staff_id else by.staff_id, at=at)
    session.flush()
    return give_back(session, shift, by=by, at=at)
