"""Push addresses that moved to another organization: the phone is told once, and is not rung here any more.

The web sees one organization only, so that whoever registers an address cannot take it from another one. The worker
sees all. An address belongs to the phone that registered it last: two organizations would ring one phone otherwise, and
a message to one of them would be shown under the sign-in of the other.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.alerts.notification import FAILED_STATES, Notification, NotificationKind
from models.outbox.message import OutboxMessage
from models.policy_defaults import PUSH_TTL
from models.staff.device import AddressKind, Device

MOVED_BATCH = 50


def find_moved(session: Session) -> list[tuple[UUID, tuple[UUID, datetime]]]:
    """Return organization and device whose address was registered in another organization since, and when that was.

    However long ago: no worker may have run then. A phone whose last notification is still to be sent is left out.
    """
    newer = aliased(Device)
    addressed_at = func.coalesce(Device.addressed_at, Device.registered_at)
    is_shared = and_(Device.staff_id.is_(None), Notification.staff_id.is_(None))
    being_told = select(Notification.id).where(
        Notification.organization_id == Device.organization_id,
        or_(Notification.staff_id == Device.staff_id, is_shared),
        Notification.device_id == Device.id,
        Notification.kind == NotificationKind.PHONE_ELSEWHERE,
        Notification.queued_at >= newer.addressed_at,
        Notification.state.not_in(FAILED_STATES),
    )
    stmt = (
        select(Device.organization_id, Device.id, newer.addressed_at)
        .join(newer, newer.address == Device.address)
        .where(
            newer.address.is_not(None),
            newer.organization_id != Device.organization_id,
            newer.addressed_at > addressed_at,
            Device.address_kind != AddressKind.LOG,  # printed, not sent
            ~being_told.exists(),
        )
        .order_by(newer.addressed_at)
        .limit(MOVED_BATCH)
    )
    rows = session.execute(stmt)
    return [(tenant, (device_id, moved_at)) for tenant, device_id, moved_at in rows if moved_at is not None]


def tell_or_retire(session: Session, device_id: UUID, moved_at: datetime, *, at: datetime) -> bool:
    """Queue the last notification to a phone whose address moved. Retire it if that could not be sent.

    When it is sent, the result retires the phone (delivery.record_result). Returns whether anything was done.
    """
    device = session.scalars(select(Device).where(Device.id == device_id).with_for_update(of=Device)).one()
    stmt = select(Notification).where(
        Notification.staff_id == device.staff_id,
        Notification.device_id == device.id,
        Notification.kind == NotificationKind.PHONE_ELSEWHERE,
        Notification.queued_at >= moved_at,
    )
    notification = session.scalars(stmt.order_by(Notification.queued_at.desc()).limit(1)).first()
    if notification is not None:
        if notification.has_failed and device.address is not None:
            device.retire(reason="elsewhere", at=at)
            return True
        return False
    information = OutboxMessage.information(
        NotificationKind.PHONE_ELSEWHERE, device.organization_id, staff_id=device.staff_id, at=at
    )
    notification = Notification.to_phone(
        device, (), kind=NotificationKind.PHONE_ELSEWHERE, queued_at=at, expires_at=at + PUSH_TTL
    )
    session.add_all([notification, information.delivery_to(notification, at=at)])
    return True
