"""Use cases of leaving and coming back: sign-ins end, what is open gets somebody else who works there."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from models.access import Actor, Role
from models.errors import Invalid, InvalidState
from models.operations.people.invite_staff import invite_new
from models.operations.people.open_work import OpenWork, hand_over_open_work, has_open_work, lock_open_work
from models.policy_defaults import LEAVE_SETTLES_AFTER, MAX_LEAVE_AHEAD
from models.staff.credentials.invitation import Invitation
from models.staff.credentials.second_factor import SecondFactor
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.management_rights import require_may_manage, require_other_administrator
from models.staff.shift import EndReason, Shift
from models.staff.staff import Staff

LEFT = "left"  # the reason why the phones of a leaver are retired


@dataclass
class Leave:
    """A leave that was recorded: the person, and what they had open and others have now.

    `is_repeat`: nothing was handed over by this request, for it repeats an earlier one.
    """

    staff: Staff
    work: OpenWork = field(default_factory=OpenWork)
    is_repeat: bool = False

    @property
    def concerns(self) -> list[UUID] | None:
        return None if self.is_repeat else self.work.concerns

    @property
    def follow_ups(self) -> list[UUID] | None:
        return None if self.is_repeat else self.work.follow_ups


def leave(
    session: Session,
    staff: Staff,
    *,
    by: Actor,
    at: datetime,
    leaves_at: datetime | None = None,
    hand_over_to: UUID | None = None,
) -> Leave:
    """Let somebody go, at once or at a time in the coming year; a leave that is planned already is replaced.

    What they have open goes to `hand_over_to` where that colleague may have it. The caller has not locked the person.

    Raises Forbidden for somebody whom `by` does not manage, InvalidState for the last administrator and for somebody
    who works here no more, Invalid for a time too far ahead and for a colleague who is not within reach.
    """
    require_may_manage(by, staff)
    heir = _find_heir(session, staff, hand_over_to, by=by, at=at)
    if leaves_at is None or leaves_at <= at:
        return _leave_at_once(session, staff, heir, by=by, at=at, left_at=at)
    if leaves_at - at > MAX_LEAVE_AHEAD:
        raise Invalid("A leave is planned within the coming year.", pointer="/at")
    _lock_working(session, staff)
    if staff.role is Role.ADMIN:
        require_other_administrator(session, staff)
    staff.leaves_at, staff.leave_recorded_by_id, staff.leave_hand_over_to_id = leaves_at, by.staff_id, hand_over_to
    staff.bump_version()
    return Leave(staff)


def carry_out_planned(session: Session, staff_id: UUID, *, at: datetime) -> Leave | None:
    """Carry out a planned leave whose time has come; None when it was changed or carried out meanwhile."""
    stmt = select(Staff).where(Staff.id == staff_id, Staff.left_at.is_(None), Staff.leaves_at <= at)
    staff = session.scalars(stmt.options(*Staff.eager_options())).one_or_none()
    if staff is None or staff.leaves_at is None:
        return None
    heir = _working(session, staff.leave_hand_over_to_id, at=at)
    by = Actor.unauthenticated(staff.organization_id)
    return _leave_at_once(session, staff, heir, by=by, at=at, left_at=staff.leaves_at)


def hand_over_leftovers(session: Session, staff_id: UUID, *, at: datetime) -> Leave | None:
    """Hand over what somebody who left lately still has: a request that began before was still given to them."""
    staff = session.scalars(select(Staff).where(Staff.id == staff_id, Staff.left_at.is_not(None))).one_or_none()
    if staff is None:
        return None
    lock_open_work(session, [staff.id])
    return _hand_over(session, staff, None, by=Actor.unauthenticated(staff.organization_id), at=at)


def come_back(session: Session, staff: Staff, *, by: Actor, at: datetime) -> None:
    """Cancel a planned leave, or bring somebody back who left: they are invited, for they have no password any more.

    Errors as in `bring_back`.
    """
    if bring_back(session, staff, by=by):
        invite_new(session, staff, by=by, at=at)


def bring_back(session: Session, staff: Staff, *, by: Actor) -> bool:
    """Cancel a leave, planned or carried out; return whether it was carried out, so that the person has no password.

    The person is locked. Raises Forbidden for somebody whom `by` does not manage, and InvalidState for somebody who
    neither left nor is about to, and when too many people work here.
    """
    require_may_manage(by, staff)
    if staff.left_at is None and staff.leaves_at is None:
        raise InvalidState(f"{staff.name} works here, and no leave is planned.")
    was_gone = staff.left_at is not None
    if was_gone:
        Staff.require_room(session)
    staff.left_at = staff.leaves_at = staff.leave_recorded_by_id = staff.leave_hand_over_to_id = None
    staff.bump_version()
    return was_gone


def has_due_leave(at: datetime) -> ColumnElement[bool]:
    """Match people whose planned leave is due."""
    return and_(Staff.left_at.is_(None), Staff.leaves_at <= at)


def left_something(at: datetime) -> ColumnElement[bool]:
    """Match people who left lately and still have something open: a request that began before gave it to them."""
    return and_(Staff.left_at > at - LEAVE_SETTLES_AFTER, has_open_work())


def _leave_at_once(
    session: Session, staff: Staff, heir: Staff | None, *, by: Actor, at: datetime, left_at: datetime
) -> Leave:
    lock_open_work(session, [staff.id])
    recorder_id = by.staff_id or staff.leave_recorded_by_id
    _lock_working(session, staff)
    if staff.role is Role.ADMIN and by.staff_id is not None:
        require_other_administrator(session, staff)
    staff.left_at, staff.leave_recorded_by_id = left_at, recorder_id
    staff.leaves_at = staff.leave_hand_over_to_id = None
    staff.password_hash = staff.pin_digest = None
    staff.daily_log_links = []
    if SecondFactor.of(session, staff.id) is not None:
        SecondFactor.remove(session, staff=staff)
    staff.bump_version()
    session.flush()
    Invitation.withdraw(session, staff.id, at=at)
    StaffSession.end(session, StaffSession.staff_id == staff.id, reason=LEFT, at=at)
    for phone in Device.live_phones(session, staff.id):  # on which nobody was signed in
        phone.retire(reason=LEFT, at=at)
    Shift.check_out(session, staff_id=staff.id, reason=EndReason.LEFT, at=at)
    session.flush()
    return _hand_over(session, staff, heir, by=by, at=at)


def _hand_over(session: Session, staff: Staff, heir: Staff | None, *, by: Actor, at: datetime) -> Leave:
    recorder = _working(session, staff.leave_recorded_by_id, at=at)
    return Leave(staff, hand_over_open_work(session, staff.id, by=by, at=at, heir=heir, recorder=recorder))


def _lock_working(session: Session, staff: Staff) -> None:
    """Lock a person and read them again. InvalidState when their leave was carried out."""
    Staff.lock_staff(session, staff.id)
    session.refresh(staff)
    if staff.left_at is not None:
        raise InvalidState(f"{staff.name} works here no more.")


def _find_heir(session: Session, staff: Staff, hand_over_to: UUID | None, *, by: Actor, at: datetime) -> Staff | None:
    if hand_over_to is None:
        return None
    stmt = Staff.select_visible(by, at=at).where(Staff.id == hand_over_to, Staff.id != staff.id)
    heir = session.scalars(stmt).one_or_none()
    if heir is None:
        detail = f"There is no colleague '{hand_over_to}' within reach of this sign-in who could take over."
        raise Invalid(detail, pointer="/hand_over_to")
    return heir


def _working(session: Session, staff_id: UUID | None, *, at: datetime) -> Staff | None:
    stmt = select(Staff).where(Staff.id == staff_id, Staff.works_at(at)).options(*Staff.eager_options())
    return session.scalars(stmt).one_or_none() if staff_id is not None else None
