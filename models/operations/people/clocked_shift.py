"""Use case of a time clock: shifts begin and end by it, told apart by the clock's own reference."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.event import ConcernEvent
from models.errors import Conflict, Invalid
from models.operations.path_names import check_path_name
from models.operations.people.shifts import give_back, lock_taken
from models.organizations.store import Store
from models.policy_defaults import MAX_CLOCK_AHEAD, MAX_CONCERN_AGE
from models.staff.shift import MAX_REFERENCE_LENGTH, MAX_SOURCE_LENGTH, EndReason, Shift
from models.staff.shift_end import shift_ends_at
from models.staff.staff import Staff


def put_shift(
    session: Session, source: str, reference: str, data: dict[str, Any], *, by: Actor, at: datetime
) -> tuple[Shift, bool, Sequence[ConcernEvent]]:
    """Begin or end the shift with this reference. Return it, whether it is new, and what is given back.

    `data` has `store_id`, `staff_id` or `employee_number`, `started_at`, `lead`, and `ended_at` unless it goes on.

    Raises NotFound for a store out of reach, Invalid for somebody who does not work there and for times that cannot be,
    Conflict for the reference of another person or store, and InvalidState in a store that is out of business.
    """
    check_path_name(source, MAX_SOURCE_LENGTH, "/source")
    check_path_name(reference, MAX_REFERENCE_LENGTH, "/reference")
    started_at, ended_at = _check_times(data["started_at"], data.get("ended_at"), at=at)
    store = Store.get_visible(session, data["store_id"], actor=by, pointer="/store_id")
    staff = _find_staff(session, data, store, at=at)
    lock_taken(session, [staff.id])
    Staff.lock_staff(session, staff.id)
    shift = Shift.by_reference(session, source, reference)
    if shift is not None and (shift.staff_id, shift.store_id) != (staff.id, store.id):
        raise Conflict("This reference is that of a shift of another person or store.", code="already-exists")
    is_new, given_back = shift is None, list[ConcernEvent]()
    if shift is None:
        shift, given_back = _begin(session, staff, store, started_at, ended_at, lead=data["lead"], by=by, at=at)
        shift.source, shift.reference = source, reference
    elif shift.is_running(at):
        shift.lead = data["lead"]
        shift.bump_version()
    if ended_at is not None and shift.ended_at is None:
        shift.end(EndReason.BY_CLOCK, at=ended_at)
        session.flush()
        given_back += give_back(session, shift, by=by, at=at)
    return shift, is_new, given_back


def _begin(
    session: Session,
    staff: Staff,
    store: Store,
    started_at: datetime,
    ended_at: datetime | None,
    *,
    lead: bool,
    by: Actor,
    at: datetime,
) -> tuple[Shift, list[ConcernEvent]]:
    """Return the shift that a new reference stands for, and what is given back of one that ended by it.

    That is the shift the person has begun with the app meanwhile. One that is over touches no other; one that goes on
    ends the one before.
    """
    before = Shift.open_of(session, staff.id)
    ends_at = shift_ends_at(store, started_at)
    stays = before is not None and before.store_id == store.id and before.is_running(at)
    if before is not None and stays and before.source is None and before.started_at < (ended_at or ends_at):
        before.lead, before.started_at = lead, min(before.started_at, started_at)
        before.bump_version()
        return before, []
    if ended_at is not None or ends_at <= at:
        shift = Shift(staff_id=staff.id, store_id=store.id, lead=lead, started_at=started_at, ends_at=ends_at)
        shift.end(EndReason.BY_CLOCK, at=ended_at or at)
        session.add(shift)
        return shift, []
    if before is not None and stays:
        before.end(EndReason.BY_CLOCK, at=at)
        session.flush()
    shift = Shift.check_in(session, staff_id=staff.id, store=store, lead=lead, at=at)
    shift.started_at, shift.ends_at = started_at, ends_at
    return shift, give_back(session, before, by=by, at=at) if before is not None else []


def _check_times(started_at: datetime, ended_at: datetime | None, *, at: datetime) -> tuple[datetime, datetime | None]:
    """Return both times, at the latest now, as clocks differ a little. Invalid where they cannot be."""
    if not at - MAX_CONCERN_AGE <= started_at <= at + MAX_CLOCK_AHEAD:
        raise Invalid("A shift began within the last 30 days.", pointer="/started_at")
    if ended_at is not None and not started_at <= ended_at <= at + MAX_CLOCK_AHEAD:
        raise Invalid("A shift ended after it began, and not later than now.", pointer="/ended_at")
    return min(started_at, at), None if ended_at is None else min(ended_at, at)


def _find_staff(session: Session, data: dict[str, Any], store: Store, *, at: datetime) -> Staff:
    """Return the person, who works in this store. Invalid, with a pointer, where there is none."""
    names = [name for name in ("staff_id", "employee_number") if name in data]
    if len(names) != 1:
        raise Invalid("Say whose shift it is: either staff_id or employee_number.", pointer="/staff_id")
    (name,) = names
    column = Staff.id if name == "staff_id" else Staff.employee_number
    stmt = select(Staff).where(column == data[name], Staff.works_at(at), Staff.is_of_stores([store.id]))
    staff = session.scalars(stmt).one_or_none()
    if staff is None:
        raise Invalid("Nobody with this number works in that store.", pointer=f"/{name}")
    return staff
