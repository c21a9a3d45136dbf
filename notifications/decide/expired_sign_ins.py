"""Sign-ins that expire: the personal phone is told once, because nothing else rings or informs it any more."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxMessage
from models.policy_defaults import PUSH_TTL
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.staff import Staff


def end_expired_sign_ins(session: Session, *, at: datetime) -> None:
    """Delete the sign-ins that have expired, of all organizations, and queue a notification to their phones."""
    for device in session.scalars(_select_silent_phones(at)):
        _queue_notification(session, device, at=at)
    session.flush()
    StaffSession.delete_expired(session, at=at)


def _select_silent_phones(at: datetime) -> Select[Device]:
    """Select the personal phones whose only sign-in has expired since the last time. Whoever left is told nothing."""
    expired = select(StaffSession.id).where(
        StaffSession.organization_id == Device.organization_id,
        StaffSession.device_id == Device.id,
        StaffSession.staff_id == Device.staff_id,
        StaffSession.expires_at <= at,
    )
    works_here = select(Staff.id).where(
        Staff.organization_id == Device.organization_id, Staff.id == Device.staff_id, Staff.works_at(at)
    )
    return select(Device).where(
        Device.address.is_not(None), expired.exists(), ~Device.is_signed_in(at), works_here.exists()
    )


def _queue_notification(session: Session, device: Device, *, at: datetime) -> None:
    information = OutboxMessage.information(
        NotificationKind.SIGN_IN_EXPIRED, device.organization_id, staff_id=device.staff_id, at=at
    )
    notification = Notification.to_phone(
        device,
        (),
        organization_id=device.organization_id,
        kind=NotificationKind.SIGN_IN_EXPIRED,
        queued_at=at,
        expires_at=at + PUSH_TTL,
    )
    session.add_all([notification, information.delivery_to(notification, at=at)])
