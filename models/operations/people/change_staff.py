"""Use cases of hiring and changing people: who may give what, and what ends when somebody changes stores."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from models.access import Actor, Permission, Role
from models.errors import Conflict, Forbidden, Invalid, InvalidState, VersionConflict
from models.operations.people.invite_staff import invite_new
from models.operations.people.open_work import OpenWork, hand_over_open_work, has_open_work, lock_open_work
from models.organizations.store import Store
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.management_rights import (
    find_reach,
    require_may_give,
    require_may_let_in,
    require_may_manage,
    require_other_administrator,
)
from models.staff.shift import EndReason, Shift
from models.staff.staff import MAX_EMPLOYEE_NUMBER_LENGTH, Staff


def hire_staff(
    session: Session,
    *,
    role: Role,
    store_ids: Sequence[UUID] | None = None,
    region_ids: Sequence[UUID] | None = None,
    by: Actor,
    at: datetime,
    **fields: Any,
) -> Staff:
    """Hire and invite somebody who belongs to these stores and looks after these regions. `fields` as in `Staff.hire`.

    Raises Forbidden for a role that `by` does not give, or gives only after a recent sign-in; Invalid for a store or
    region out of reach; and whatever `Staff.hire` raises.
    """
    require_may_give(by, role, at=at)
    stores, regions = find_reach(session, by, store_ids or (), region_ids or ())
    staff = Staff.hire(session, role=role, stores=stores, regions=regions, email_set_by_id=by.staff_id, **fields)
    invite_new(session, staff, by=by, at=at)
    return staff


def put_staff(
    session: Session, employee_number: str, fields: dict[str, Any], *, by: Actor, at: datetime
) -> tuple[Staff, bool, OpenWork]:
    """Hire or change the person with this employee number, or else with this login, who gets the number.

    `fields` as in `hire_staff`; what they leave out stays as it is. Return the person, whether they
    are new, and what others have now.

    Raises InvalidState for somebody who has left, Conflict when somebody out of reach or with another number has the
    login, and whatever `hire_staff` and `change_staff` raise.
    """
    if not employee_number.isprintable() or len(employee_number) > MAX_EMPLOYEE_NUMBER_LENGTH:
        raise Invalid("An employee number has at most 60 printable characters.", pointer="/employee_number")
    wanted = fields | {"employee_number": employee_number}
    staff = _find_by_number(session, employee_number, wanted["login"])
    if staff is not None:
        lock_open_work(session, [staff.id])
        staff = _find_by_number(session, employee_number, wanted["login"], lock=True)
    if staff is None:
        return hire_staff(session, by=by, at=at, **wanted), True, OpenWork()
    if session.scalars(select(Staff.id).where(Staff.id == staff.id, *Staff.visible_to(by))).one_or_none() is None:
        detail = "Somebody out of reach of this sign-in has this employee number or login."
        raise Conflict(detail, code="already-exists")
    if staff.has_left(at):
        raise InvalidState("This person has left: POST /v1/staff/{id}/return brings them back.", id=str(staff.id))
    for name in ("store_ids", "region_ids"):
        if wanted.get(name) is not None:
            wanted[name] = sorted(set(wanted[name]))
    changes = {name: value for name, value in wanted.items() if value is not None and getattr(staff, name) != value}
    work = _change(session, staff, changes, by=by, at=at) if changes else OpenWork()
    return staff, False, work


def change_staff(session: Session, staff: Staff, changes: dict[str, Any], *, by: Actor, at: datetime) -> OpenWork:
    """Change a person. `changes` are those of `Staff.edit`, stores and regions by id. Return what others have now.

    What they may do and see follows from their next request on. What they have in stores they do not belong to any
    more ends: see `end_out_of_reach`. The caller has not locked the person.

    Raises Forbidden for somebody whom `by` does not manage, for a role that `by` does not give, for a role or an e-mail
    address that `by` changes only after a recent sign-in, and for an own role, store or region; InvalidState for the
    last administrator, who would not be one any more; VersionConflict when somebody changed the person meanwhile;
    Invalid for a store or region out of reach; and whatever `Staff.edit` raises.
    """
    _lock(session, staff)
    return _change(session, staff, changes, by=by, at=at)


def _change(session: Session, staff: Staff, changes: dict[str, Any], *, by: Actor, at: datetime) -> OpenWork:
    """Change a person, who is locked with what they have open, as `change_staff` does."""
    require_may_manage(by, staff)
    reach = {name: changes.pop(name) for name in ("store_ids", "region_ids") if name in changes}
    role = changes.get("role", staff.role)
    if staff.id == by.staff_id and (
        role is not staff.role or any(sorted(ids) != getattr(staff, name) for name, ids in reach.items())
    ):
        raise Forbidden("Nobody changes their own role, stores or regions.")
    if role is not staff.role:
        require_may_give(by, role, staff.role, at=at)
    if changes.get("email", staff.email) != staff.email:
        require_may_let_in(by, staff, at=at)
        changes = changes | {"email_set_by_id": by.staff_id}
    stores, regions = find_reach(
        session, by, reach.get("store_ids", staff.store_ids), reach.get("region_ids", staff.region_ids)
    )
    if staff.role is Role.ADMIN and role is not Role.ADMIN:
        require_other_administrator(session, staff)
    staff.edit(session, stores=stores, regions=regions, **changes)
    session.flush()
    return end_out_of_reach(session, [staff], by=by, at=at) if reach or "role" in changes else OpenWork()


def _find_by_number(session: Session, employee_number: str, login: str, *, lock: bool = False) -> Staff | None:
    """Return the person with this number, or else the one with this login who has no number; `lock` locks them."""
    without_number = and_(Staff.login == login, Staff.employee_number.is_(None))
    stmt = (
        select(Staff)
        .where(or_(Staff.employee_number == employee_number, without_number))
        .order_by(Staff.employee_number.is_(None))
        .options(*Staff.eager_options())
    )
    if lock:
        stmt = stmt.with_for_update(key_share=True)
    return session.scalars(stmt.execution_options(populate_existing=True)).first()


def end_out_of_reach(session: Session, people: Sequence[Staff], *, by: Actor, at: datetime) -> OpenWork:
    """End what people have in stores that they do not reach any more. Return what others have now, to announce it.

    The caller has locked the people, and before them what they have open (`lock_open_work`).

    What ends is their shift, their sign-ins on shared phones there, their subscriptions to the logs of these stores,
    and what they have taken or promised there. It takes as many statements for many people as for one, but for those
    who have something open.
    """
    limited = [staff for staff in people if not staff.has_all_stores]
    region_ids = {region_id for staff in limited for region_id in staff.region_ids}
    of_regions = select(Store.id, Store.region_id).where(Store.region_id.in_(region_ids))
    region_of = {store.id: store.region_id for store in session.execute(of_regions)} if region_ids else {}
    by_id = {staff.id: staff for staff in limited}

    def reaches(staff_id: UUID, store_id: UUID | None) -> bool:
        staff = by_id[staff_id]
        return store_id in staff.store_ids or (store_id in region_of and region_of[store_id] in staff.region_ids)

    for shift in session.scalars(select(Shift).where(Shift.staff_id.in_(list(by_id)), Shift.ended_at.is_(None))):
        if not reaches(shift.staff_id, shift.store_id):
            shift.end(EndReason.LEFT, at=at)
    shared = (
        select(StaffSession.id, StaffSession.staff_id, Device.store_id)
        .join(
            Device,
            tuple_(Device.organization_id, Device.id) == tuple_(StaffSession.organization_id, StaffSession.device_id),
        )
        .where(StaffSession.staff_id.in_(list(by_id)), Device.store_id.is_not(None))
    )
    ended = [id_ for id_, staff_id, store_id in session.execute(shared) if not reaches(staff_id, store_id)]
    if ended:
        StaffSession.end(session, StaffSession.id.in_(ended), at=at)
    for staff in limited:
        staff.daily_log_links = [link for link in staff.daily_log_links if reaches(staff.id, link.store_id)]
    work = OpenWork()
    of_people = select(Staff).where(Staff.id.in_([staff.id for staff in people]), has_open_work()).order_by(Staff.id)
    for staff in session.scalars(of_people):
        work.add(hand_over_open_work(session, staff.id, by=by, at=at, except_in=_stores_to_act_in(session, staff)))
    return work


def _stores_to_act_in(session: Session, staff: Staff) -> Sequence[UUID]:
    """Return the stores where this person may take concerns and keep promises."""
    if Permission.CONCERN_TAKE not in staff.permissions:
        return ()
    of_regions = select(Store.id).where(Store.region_id.in_(staff.region_ids))
    return [*staff.store_ids, *(session.scalars(of_regions) if staff.region_links else ())]


def _lock(session: Session, staff: Staff) -> None:
    """Lock a person and what they have open. VersionConflict when somebody changed them since they were read."""
    version = staff.version
    lock_open_work(session, [staff.id])
    Staff.lock_staff(session, staff.id)
    session.refresh(staff)
    if staff.version != version:
        raise VersionConflict("Somebody changed this person at the same moment: read them again.")
