"""Use case of the terminal: a one-time code for an administrator, where nobody can administer the organization."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Role
from models.alerts.notification import NotificationKind
from models.errors import Invalid, NotFound
from models.operations.people.invite_staff import make_code
from models.outbox.message import OutboxMessage
from models.staff.credentials.invitation import Invitation
from models.staff.credentials.second_factor import SecondFactor
from models.staff.staff import Staff


@dataclass(frozen=True)
class Rescue:
    """The administrator, their code, and what was done for it."""

    staff: Staff
    invitation: Invitation
    is_new: bool
    lost_second_factor: bool


def rescue_organization(session: Session, *, login: str | None, name: str | None, at: datetime) -> Rescue:
    """Make a code for an administrator, and tell all administrators of it on their phones and by mail.

    `login` says for whom, where several administrators work here. Where none does, `login` and `name` are of a new one.
    Their second factor is removed: whoever needs this has lost what they sign in with.

    Raises Invalid where a login or name is missing, NotFound for the login of somebody who is no administrator, and
    whatever `Staff.hire` and `Invitation.create` raise.
    """
    stmt = select(Staff).where(Staff.role == Role.ADMIN, Staff.works_at(at)).order_by(Staff.login)
    administrators = list(session.scalars(stmt.options(*Staff.eager_options())))
    is_new = not administrators
    if is_new:
        administrators = [_hire_administrator(session, login, name)]
    staff = _find(administrators, login)
    Staff.lock_staff(session, staff.id)
    lost_second_factor = SecondFactor.of(session, staff.id) is not None
    if lost_second_factor:
        SecondFactor.remove(session, staff=staff)
    invitation = make_code(session, staff, by=None, at=at)
    kind, others = NotificationKind.CODE_MADE, (each for each in administrators if each is not staff)
    session.add_all(
        OutboxMessage.information(kind, staff.organization_id, staff_id=other.id, at=at) for other in others
    )
    return Rescue(staff, invitation, is_new=is_new, lost_second_factor=lost_second_factor)


def _hire_administrator(session: Session, login: str | None, name: str | None) -> Staff:
    if login is None or name is None:
        raise Invalid("No administrator works there: give a --login and a --name for a new one.")
    return Staff.hire(session, login=login, name=name, role=Role.ADMIN)


def _find(administrators: list[Staff], login: str | None) -> Staff:
    logins = ", ".join(staff.login for staff in administrators)
    if login is None and len(administrators) > 1:
        raise Invalid(f"Several administrators work there: say with --login for whom: {logins}.")
    administrator = next((staff for staff in administrators if login is None or login.lower() == staff.login), None)
    if administrator is None:
        raise NotFound(f"{login!r} is not the login of an administrator who works there; these are: {logins}.")
    return administrator
