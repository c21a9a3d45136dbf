"""Staff who join an organization, and their phones."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.access import Role
from models.db.session import Database
from models.organizations.store import Store
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.credentials.token import Token
from models.staff.device import AddressKind, Device, Platform
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, password_hash


def hire(database: Database, shop: Shop, login: str, *, role: Role = Role.FLOOR, at: datetime) -> None:
    """Add a person to the first store, with a token."""
    with database.writing(shop.organization_id) as session:
        staff = Staff(login=login, name=login.title(), role=role, password_hash=password_hash())
        session.add(staff)
        session.flush()
        session.add(StaffStore(staff_id=staff.id, store_id=shop.store_id))
        _, token = StaffSession.open(session, staff=staff, at=at)
        shop.staff[login], shop.tokens[login] = staff.id, token.text


def check_in(database: Database, shop: Shop, *logins: str, lead: bool = False, at: datetime) -> None:
    """Let people check in at the first store."""
    with database.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        for login in logins:
            Shift.check_in(session, staff_id=shop.staff[login], store=store, lead=lead, at=at)


def sign_in_anew(database: Database, shop: Shop, login: str, *, at: datetime) -> None:
    """Sign a person in once more: their token is of another sign-in from now on, as on a second phone."""
    with database.writing(shop.organization_id) as session:
        staff = session.get_one(Staff, (shop.organization_id, shop.staff[login]))
        _, token = StaffSession.open(session, staff=staff, at=at)
        shop.tokens[login] = token.text


def give_phone(
    database: Database,
    shop: Shop,
    login: str,
    address: str,
    *,
    kind: AddressKind = AddressKind.LOG,
    at: datetime = NOON,
    signed_in_for: timedelta = timedelta(days=3650),
) -> UUID:
    """Register a phone for somebody who stays signed in on it and uses it for as long; return its id."""
    with database.writing(shop.organization_id) as session:
        device = Device(
            staff_id=shop.staff[login],
            installation_id=f"installation-{address}",
            platform=Platform.ANDROID,
            address=address,
            address_kind=kind,
            registered_at=at,
            seen_at=at + signed_in_for,
        )
        session.add(device)
        session.flush()
        add_sign_in(session, device, shop.staff[login], at=at, expires_at=at + signed_in_for)
    return device.id


def give_shared_phone(
    database: Database, shop: Shop, name: str, *, kind: AddressKind = AddressKind.LOG, at: datetime = NOON
) -> UUID:
    """Make a phone a shared phone of the first store, with its name for an address; return its id."""
    with database.writing(shop.organization_id) as session:
        device = Device(
            store_id=shop.store_id,
            name=name,
            secret_digest=sha256(f"secret of {name}".encode()).digest(),
            installation_id=f"installation-{name}",
            platform=Platform.ANDROID,
            address=name,
            address_kind=kind,
            registered_at=at,
            seen_at=at,
        )
        session.add(device)
    return device.id


def add_sign_in(session: Session, device: Device, staff_id: UUID, *, at: datetime, **fields: Any) -> StaffSession:
    """Sign a person in on a phone for ten years: on a shared one with a PIN."""
    if device.store_id is not None:
        fields = {"method": SignInMethod.PIN, "tapped_at": at, **fields}
    sign_in = StaffSession(
        **{
            "organization_id": device.organization_id,
            "staff_id": staff_id,
            "device_id": device.id,
            "digest": uuid4().bytes * 2,
            "created_at": at,
            "expires_at": at + timedelta(days=3650),
            "seen_at": at,
            **fields,
        }
    )
    session.add(sign_in)
    return sign_in


def sign_in_on(database: Database, shop: Shop, login: str, device_id: UUID, *, at: datetime) -> None:
    """Sign a person in on a shared phone: their token is of this sign-in from now on."""
    token = Token.new("s", shop.organization_id)
    with database.writing(shop.organization_id) as session:
        device = session.get_one(Device, (shop.organization_id, device_id))
        add_sign_in(session, device, shop.staff[login], at=at, digest=token.digest)
    shop.tokens[login] = token.text
