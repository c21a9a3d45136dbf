"""Use cases of hiring and changing people: who may give what, and what ends when somebody changes stores."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, or_, select, tuple_
from sqlalchemy.orm import Session

from models.access import Actor, Role
from models.errors import Conflict, Forbidden, Invalid, InvalidState
from models.operations.invite_staff import invite_new
from models.organizations.store import Store
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.management_rights import (
    find_reach,
    require_may_give,
    require_may_manage,
    require_other_administrator,
)
from models.staff.shift import Shift
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
    staff = Staff.hire(session, role=role, stores=stores, regions=regions, **fields)
    invite_new(session, staff, by=by, at=at)
    return staff


def put_staff(
    session: Session, employee_number: str, fields: dict[str, Any], *, by: Actor, at: datetime
) -> tuple[Staff, bool]:
    """Hire or change the person with this employee number, or else with this login, who gets the number.

    `fields` as in `hire_staff`; what they leave out stays as it is. Return the person, and whether they are new.

    Raises InvalidState for somebody who has left, Conflict when somebody out of reach or with another number has the
    login, and whatever `hire_staff` and `change_staff` raise.
    """
    if not employee_number.isprintable() or len(employee_number) > MAX_EMPLOYEE_NUMBER_LENGTH:
        raise Invalid("An employee number has at most 60 printable characters.", pointer="/employee_number")
    wanted = fields | {"employee_number": employee_number}
    staff = _find_by_number(session, employee_number, wanted["login"])
    if staff is None:
        return hire_staff(session, by=by, at=at, **wanted), True
    if session.scalars(select(Staff.id).where(Staff.id == staff.id, *Staff.visible_to(by))).one_or_none() is None:
        detail = "Somebody out of reach of this sign-in has this employee number or login."
        raise Conflict(detail, code="already-exists")
    if staff.has_left(at):
        raise InvalidState("This person has left: POST /v1/staff/{id}/return brings them back.", id=str(staff.id))
    for name in ("store_ids", "region_ids"):
        if wanted.get(name) is not None:
            wanted[name] = sorted(set(wanted[name]))
    changes = {name: value for name, value in wanted.items() if value is not None and getattr(staff, name) != value}
    if changes:
        change_staff(session, staff, changes, by=by, at=at)
    return staff, False


def change_staff(session: Session, staff: Staff, changes: dict[str, Any], *, by: Actor, at: datetime) -> None:
    """Change a person, who is locked. `changes` are those of `Staff.edit`, stores and regions by id.

    What they may do and see follows from their next request on. What they have in stores they do not belong to any
    more ends: see `end_out_of_reach`.

    Raises Forbidden for somebody whom `by` does not manage, for a role that `by` does not give, or changes only after a
    recent sign-in, and for an own role, store or region; InvalidState for the last administrator, who would not be one
    any more; Invalid for a store or region out of reach; and whatever `Staff.edit` raises.
    """
    require_may_manage(by, staff)
    reach = {name: changes.pop(name) for name in ("store_ids", "region_ids") if name in changes}
    role = changes.get("role", staff.role)
    if staff.id == by.staff_id and (
        role is not staff.role or any(sorted(ids) != getattr(staff, name) for name, ids in reach.items())
    ):
        raise Forbidden("Nobody changes their own role, stores or regions.")
    if role is not staff.role:
        require_may_give(by, role, staff.role, at=at)
    stores, regions = find_reach(
        session, by, reach.get("store_ids", staff.store_ids), reach.get("region_ids", staff.region_ids)
    )
    if staff.role is Role.ADMIN and role is not Role.ADMIN:
        require_other_administrator(session, staff)
    staff.edit(session, stores=stores, regions=regions, **changes)
    session.flush()
    if reach or "role" in changes:
        end_out_of_reach(session, [staff], at=at)


def _find_by_number(session: Session, employee_number: str, login: str) -> Staff | None:
    """Lock and return the person with this number, or else the one with this login who has no number."""
    without_number = and_(Staff.login == login, Staff.employee_number.is_(None))
    stmt = (
        select(Staff)
        .where(or_(Staff.employee_number == employee_number, without_number))
        .order_by(Staff.employee_number.is_(None))
        .with_for_update(key_share=True)
        .options(*Staff.eager_options())
    )
    return session.scalars(stmt.execution_options(populate_existing=True)).first()


def end_out_of_reach(session: Session, people: Sequence[Staff], *, at: datetime) -> None:
    """End what people have in stores that they do not reach any more.

    That is their shift, their sign-ins on shared phones there, and their subscriptions to the logs of these stores. It
    takes as many statements for many people as for one.
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
            shift.ended_at = at
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
        session.execute(
            delete(StaffSession).where(StaffSession.id.in_(ended)).execution_options(synchronize_session=False)
        )
    for staff in limited:
        staff.daily_log_links = [link for link in staff.daily_log_links if reaches(staff.id, link.store_id)]
