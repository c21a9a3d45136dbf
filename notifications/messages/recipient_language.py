"""Language of a message: the one its reader chose, else that of their phone."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alerts.notification import Notification
from models.staff.device import Device
from models.staff.staff import Staff


def locale_of(session: Session, notification: Notification) -> str | None:
    """Return the locale in which a notification is read, such as pt-PT; None where none is known."""
    staff, device = notification.staff, notification.device
    if staff is not None and staff.language:
        return staff.language
    if device is not None:
        return device.locale
    return _locale_of_last_phone(session, staff) if staff else None


def _locale_of_last_phone(session: Session, staff: Staff) -> str | None:
    """Return the language of the phone that this person used last, if one is known."""
    stmt = select(Device.locale).where(Device.staff_id == staff.id, Device.locale.is_not(None))
    return session.scalars(stmt.order_by(Device.seen_at.desc()).limit(1)).first()
