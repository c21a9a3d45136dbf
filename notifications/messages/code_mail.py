"""Mail with a one-time code, as a link. The code is made while the mail is composed, and stands nowhere else."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.alerts.notification import Notification
from models.organizations.organization import Organization
from models.policy_defaults import INVITATION_TTL
from models.staff.credentials.invitation import Invitation
from models.staff.staff import Staff
from notifications.channels.base import Message, one_line
from notifications.messages.translations import translations_for


def compose_code_mail(
    session: Session, notification: Notification, message: Message, *, locale: str | None, at: datetime
) -> Message:
    """Return the message with a fresh code for its reader, in their language, else in that of the organization."""
    key = (notification.organization_id, notification.staff_id)
    reader = session.get_one(Staff, key)
    organization = Organization.get(session, notification.organization_id)
    invitation = Invitation.create_for_mail(session, reader, id_=notification.id, at=at)
    _ = translations_for(locale or organization.languages[0]).gettext
    title = _("Your sign-in at {organization}").format(organization=one_line(organization.name))
    hours = int(INVITATION_TTL.total_seconds()) // 3600
    lines = (
        title,
        "",
        _("You sign in as {login} at {organization}.").format(login=reader.login, organization=organization.slug),
        _("Set your password with this link. It works once, for {hours} hours.").format(hours=hours),
        _("If you did not expect it, tell your manager, and do not pass it on."),
    )
    return replace(message, title=title, text="\n".join(lines), path=f"/i/{invitation.secret}")
