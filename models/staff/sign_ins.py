"""Ending the sign-ins of a person, and with them their own phones."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device


def end_sign_ins(session: Session, staff_id: UUID, *, reason: str, at: datetime, keep: Actor | None = None) -> None:
    """Sign a person out on all phones, but for the sign-in of `keep`; their own phones get no more pushes.

    `reason` is recorded on the phones.
    """
    sign_ins = delete(StaffSession).where(StaffSession.staff_id == staff_id)
    phones = select(Device).where(Device.staff_id == staff_id, Device.address.is_not(None))
    if keep is not None:
        sign_ins = sign_ins.where(StaffSession.id.is_distinct_from(keep.session_id))
        phones = phones.where(Device.id.is_distinct_from(keep.device_id))
    session.execute(sign_ins.execution_options(synchronize_session=False))
    for phone in session.scalars(phones):
        phone.retire(reason=reason, at=at)
