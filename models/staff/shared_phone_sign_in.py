"""Signing in on a shared phone: by PIN, or by password where the PIN is forgotten or too many were wrong."""

from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import and_, or_, select

from models.access import ROLES_OF_ALL_STORES, Actor, Permission, roles_with
from models.db.session import ScopedSession
from models.staff.credentials.pin import pin_matches
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.staff import Staff


class PinResult(Enum):
    """What became of a PIN."""

    RIGHT = auto()
    WRONG = auto()  # or the person is unknown, has left, has no PIN, or may not use this phone
    NEEDS_MANAGER = auto()  # no PIN is accepted on this phone
    UNKNOWN_PHONE = auto()


def try_pin(
    session: ScopedSession, secret: Token, *, staff_id: UUID, pin: str, key: bytes, at: datetime
) -> tuple[PinResult, Device | None]:
    """Check the PIN of a person on the shared phone of this secret, and count it there if it is wrong.

    Whatever is wrong with the person, the same statements run: the time tells nobody which it was. `key` is that of
    `hash_pin`. The phone stays locked until the transaction ends, so that of many PINs at once each one is counted.
    """
    phone = Device.lock_by_secret(session, secret)
    if phone is None or phone.store_id is None:
        return PinResult.UNKNOWN_PHONE, None
    if phone.needs_manager:
        return PinResult.NEEDS_MANAGER, phone
    # Locked, so that whoever changes the PIN at this moment comes before or ends the new sign-in.
    stmt = select(Staff.pin_digest).where(Staff.id == staff_id, Staff.uses_shared_phones_of(phone.store_id, at))
    digest = session.scalars(stmt.with_for_update(read=True)).one_or_none()
    if not pin_matches(digest, pin, key=key, staff_id=staff_id):
        phone.count_failed_pin(at=at)
        return PinResult.WRONG, phone
    return PinResult.RIGHT, phone


def find_by_pin(
    session: ScopedSession, phone_id: UUID, *, staff_id: UUID, pin: str, key: bytes, at: datetime
) -> tuple[PinResult, Actor | None]:
    """Return who gives their PIN on a shared phone without signing in there. Counts nothing: see `count_wrong_pin`.

    The phone stays locked until the transaction ends, as in `try_pin`.
    """
    phone = session.scalars(select(Device).where(Device.id == phone_id).with_for_update(of=Device)).one_or_none()
    if phone is None or phone.store_id is None:
        return PinResult.UNKNOWN_PHONE, None
    if phone.needs_manager:
        return PinResult.NEEDS_MANAGER, None
    uses_phone = (Staff.id == staff_id, Staff.uses_shared_phones_of(phone.store_id, at))
    staff = session.scalars(select(Staff).where(*uses_phone)).one_or_none()
    if not pin_matches(staff.pin_digest if staff else None, pin, key=key, staff_id=staff_id) or staff is None:
        return PinResult.WRONG, None
    actor = Actor(
        organization_id=staff.organization_id,
        permissions=staff.permissions,
        store_ids=frozenset([phone.store_id]),
        staff_id=staff.id,
        device_id=phone.id,
        role=staff.role,
        is_on_shared_phone=True,
        name=staff.name,
    )
    return PinResult.RIGHT, actor


def count_wrong_pin(session: ScopedSession, phone_id: UUID, *, at: datetime) -> None:
    """Count a PIN that was wrong on a shared phone."""
    phone = session.scalars(select(Device).where(Device.id == phone_id).with_for_update(of=Device)).one_or_none()
    if phone is not None:
        phone.count_failed_pin(at=at)


def may_use_with_password(session: ScopedSession, phone: Device, staff: Staff, *, at: datetime) -> bool:
    """Return whether this person may sign in here with a password: its users, and administrators."""
    if phone.store_id is None:
        return False
    manages_all = Staff.role.in_(roles_with(Permission.DEVICE_MANAGE) & ROLES_OF_ALL_STORES)
    may = or_(Staff.uses_shared_phones_of(phone.store_id, at), and_(manages_all, Staff.works_at(at)))
    return session.scalars(select(Staff.id).where(Staff.id == staff.id, may)).one_or_none() is not None


def open_on_shared_phone(
    session: ScopedSession, phone: Device, staff: Staff, *, method: SignInMethod, at: datetime
) -> tuple[StaffSession, Token]:
    """Sign a person in on a shared phone, which the caller has locked and they may use.

    Their former sign-in there ends. Those of the others lock: they stay signed in, and wait for their PINs. The
    password of a manager ends the count of wrong PINs.
    """
    if method is SignInMethod.PASSWORD and Permission.DEVICE_MANAGE in staff.permissions:
        phone.forget_failed_pins()
    former = (StaffSession.device_id == phone.id, StaffSession.staff_id == staff.id)
    StaffSession.end(session, *former, from_elsewhere=False, at=at)
    StaffSession.lock_on_device(session, phone.id, at=at)
    return StaffSession.open(session, staff=staff, method=method, shared_phone_id=phone.id, at=at)
