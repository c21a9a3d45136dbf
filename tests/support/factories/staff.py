"""Staff who join an organization, and their phones."""

from datetime import datetime
from uuid import UUID

from models.access import Role
from models.db.session import Database
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind, Device, Platform
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


def give_phone(
    database: Database,
    shop: Shop,
    login: str,
    address: str,
    *,
    kind: AddressKind = AddressKind.LOG,
    at: datetime = NOON,
) -> UUID:
    """Register a phone for somebody; return its id."""
    with database.writing(shop.organization_id) as session:
        device = Device(
            staff_id=shop.staff[login],
            installation_id=f"installation-{address}",
            platform=Platform.ANDROID,
            address=address,
            address_kind=kind,
            registered_at=at,
            seen_at=at,
        )
        session.add(device)
    return device.id
