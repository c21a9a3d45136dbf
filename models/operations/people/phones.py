"""Phones that change hands: who is told, which sign-ins end, and which pushes are not sent any more."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor
from models.alerts.notification import Notification, NotificationKind, NotificationState
from models.errors import Conflict, InvalidState
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.enrolment import Enrolment
from models.staff.staff import Staff

DELIVERIES = (OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO)


def register_phone(
    session: Session, *, by: Actor, installation_id: str, address: str, at: datetime, **app: Any
) -> Device:
    """Make this installation a phone of the signed-in person. An address of another installation moves here.

    Whoever had the installation or the address is told. `app` is what `Device.record_app` takes. InvalidState for what
    belongs to a shared phone, so that nobody silences it, for a sign-in on one, and for too many phones of the person.
    """
    Staff.lock_staff(session, by.person)
    holders = Device.lock_holders(session, installation_id=installation_id, address=address)
    if by.is_on_shared_phone or any(holder.is_shared for holder in holders):
        detail = "This is a shared phone of a store: it has an address of its own, and nobody takes it over."
        raise InvalidState(detail, code="shared-phone")
    _take_from(session, holders, installation_id=installation_id, for_staff_id=by.person, at=at)
    return Device.assign(session, by=by, installation_id=installation_id, address=address, at=at, **app)


def redeem_enrolment(session: Session, code: Token, *, installation_id: str, at: datetime, **app: Any) -> Device:
    """Make this installation a shared phone of the store that the code is for; its secret is shown once.

    Whoever had the installation or the address is told, their sign-ins on it end, and what is queued for it is not
    sent. `app` is what `Device.record_app` takes. Invalid for a code that is not valid (any more).
    """
    enrolment = Enrolment.redeem(session, code, at=at)
    holders = Device.lock_holders(session, installation_id=installation_id, address=app.get("address"))
    _take_from(session, holders, installation_id=installation_id, at=at)
    device = Device.enrol(
        session,
        organization_id=enrolment.organization_id,
        store_id=enrolment.store_id,
        name=enrolment.name,
        enrolled_by_id=enrolment.created_by_id,
        installation_id=installation_id,
        at=at,
        **app,
    )
    session.flush()
    StaffSession.end(session, StaffSession.device_id == device.id, at=at)
    enrolment.device_id = device.id
    return device


def record_app_of_shared_phone(session: Session, device: Device, *, address: str, at: datetime, **app: Any) -> None:
    """Record what a shared phone says of itself. An address that a personal phone had moves here.

    Conflict for the address of another shared phone: only a new enrolment moves that.
    """
    holders = [holder for holder in Device.lock_holders(session, address=address) if holder is not device]
    if any(holder.is_shared for holder in holders):
        raise Conflict("Another shared phone has this address: enrol this phone again.", pointer="/address")
    _take_from(session, holders, at=at)
    device.record_app(address=address, **app, at=at)


def revoke_phone(session: Session, device: Device, *, at: datetime) -> None:
    """Sign a lost phone out: sign-ins and secret are refused from now on, and nothing is pushed to it any more."""
    if device.staff_id is not None:  # also where the sign-in has expired
        Staff.forget_phones(session, [device.staff_id], at=at)
    StaffSession.end(session, StaffSession.device_id == device.id, at=at)
    device.revoke(at=at)
    suppress_queued(session, [device.id], at=at)


def suppress_queued(session: Session, device_ids: Collection[UUID], *, at: datetime) -> None:
    """Withhold what is queued for these devices, and say so in its notifications.

    What a worker is recording at this moment is left alone: if it has to be sent again, there is no address for it.
    """
    stmt = (
        select(OutboxMessage)
        .join(OutboxMessage.notification)
        .where(
            Notification.device_id.in_(device_ids), OutboxMessage.kind.in_(DELIVERIES), OutboxMessage.done_at.is_(None)
        )
        .options(joinedload(OutboxMessage.notification))
        .order_by(OutboxMessage.id)
        .with_for_update(of=OutboxMessage, skip_locked=True)
    )
    for outbox_message in session.scalars(stmt):
        outbox_message.notification_or_raise.fail(NotificationState.SUPPRESSED, "phone-retired")
        outbox_message.finish(at=at)


def _take_from(
    session: Session,
    holders: Iterable[Device],
    *,
    installation_id: str | None = None,
    for_staff_id: UUID | None = None,
    at: datetime,
) -> None:
    """Take the address from its holders, and the installation from who had it.

    Tell the people that their phone is registered for somebody else now, and withhold what is queued for it.
    """
    for holder in holders:
        if holder.staff_id not in (None, for_staff_id):
            kind, person = NotificationKind.PHONE_TAKEN, holder.staff_id
            session.add(OutboxMessage.information(kind, holder.organization_id, staff_id=person, at=at))
        if holder.installation_id != installation_id:
            holder.retire(reason="moved", at=at)
    suppress_queued(session, [holder.id for holder in holders if holder.staff_id != for_staff_id], at=at)
    session.flush()  # an address is unique
