"""Use case of inviting somebody: a code that is shown to a person who may make one, or comes by mail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor, Permission
from models.alerts.notification import NotificationKind
from models.errors import Forbidden
from models.outbox.message import OutboxMessage
from models.staff.credentials.invitation import Invitation
from models.staff.management_rights import require_may_let_in, require_may_manage
from models.staff.staff import Staff


def make_code(session: Session, staff: Staff, *, by: Actor | None, at: datetime, **fields: Any) -> Invitation:
    """Make a code for a person and tell them of it on all their phones and by mail. Errors as in `Invitation.create`.

    Raises Forbidden for somebody whom `by` does not manage, for oneself, and for somebody above floor without a recent
    sign-in. `by` None: at the terminal.
    """
    if by is not None:
        require_may_manage(by, staff)
        if staff.id == by.staff_id:
            raise Forbidden("Nobody makes a code for themselves: PUT /v1/me/password takes the present password.")
        require_may_let_in(by, staff, at=at)
    invitation = Invitation.create(session, staff, by=by, at=at, **fields)
    kind = NotificationKind.CODE_MADE
    session.add(OutboxMessage.information(kind, staff.organization_id, staff_id=staff.id, at=at))
    return invitation


def invite_new(session: Session, staff: Staff, *, by: Actor, at: datetime) -> None:
    """Invite somebody who was hired or came back: `staff.invitation` is the code, where it may be shown.

    An API key sees no code. For a key it goes to the person by mail, where there is an address.
    """
    if by.staff_id is not None and by.may(Permission.STAFF_INVITE):
        staff.show_invitation(make_code(session, staff, by=by, at=at))
    else:
        invite_by_mail(session, staff, at=at)


def invite_by_mail(session: Session, staff: Staff, *, at: datetime) -> None:
    """Send a code to a person by mail, where there is an address."""
    if staff.email is not None:
        _queue_mail(session, staff.organization_id, staff.id, at=at)


def send_reset_mail(session: Session, organization_id: UUID, login: str, *, at: datetime) -> None:
    """Send a code by mail to the person with this login, where they work here and have an address.

    It takes as long if not: one look-up of the same columns, and one row for the worker, about nobody.
    """
    stmt = select(Staff.id).where(Staff.login == login, Staff.works_at(at), Staff.email.is_not(None))
    _queue_mail(session, organization_id, session.scalars(stmt).one_or_none(), at=at)


def _queue_mail(session: Session, organization_id: UUID, staff_id: UUID | None, *, at: datetime) -> None:
    kind = NotificationKind.CODE_BY_MAIL
    session.add(OutboxMessage.information(kind, organization_id, staff_id=staff_id, at=at))
