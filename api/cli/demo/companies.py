"""Demo companies with their regions, stores and staff. All of them are invented."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select

from models.access import KEY_GRANTS, Actor, KeyScope, Role
from models.db.base import Money
from models.db.session import ScopedSession
from models.operations.change_store import add_store
from models.operations.create_organization import create_organization
from models.operations.people.phones import register_phone
from models.organizations.organization import Region
from models.organizations.store import Store, StoreKind
from models.organizations.store_group import GroupKind, StoreGroup
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.password import hash_password
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind, Device, Platform
from models.staff.shift import Shift
from models.staff.staff import Staff

Hashes = Mapping[str, Future[str]]  # of passwords, by login


@dataclass(frozen=True)
class Employee:
    """A member of staff to create. Pushes to their phones are printed in the worker's terminal."""

    login: str
    name: str
    role: Role
    at: tuple[str, ...] = ()  # stores, or regions for a regional manager
    on_shift: bool = False
    phone: bool = False
    has_password: bool = True  # without one: they were invited, and appear in the history only


@dataclass(frozen=True)
class DemoStore:
    """A store to create. `busy` is the number of concerns on an ordinary day."""

    slug: str
    name: str
    region: str
    kind: StoreKind
    time_zone: str
    country: str
    currency: str
    places: tuple[str, ...]
    busy: float
    hours: tuple[tuple[time, time], ...]


@dataclass(frozen=True)
class Company:
    """An organization to create, with so many days of history."""

    slug: str
    name: str
    days: int
    regions: dict[str, str]
    stores: tuple[DemoStore, ...]
    people: tuple[Employee, ...]
    groups: tuple[tuple[str, str, GroupKind, tuple[str, ...]], ...] = ()  # slug, name, kind, stores


@dataclass(frozen=True)
class Person:
    """A member of staff and their actor."""

    staff: Staff
    actor: Actor


@dataclass(frozen=True)
class StoreShift:
    """A created store with the staff who appear in its history."""

    store: Store
    template: DemoStore
    floor: Sequence[Person]
    manager: Person
    phone: Device | None  # of the manager
    till: Actor


LUNCH_AND_DINNER = ((time(12), time(15)), (time(19), time(22, 30)))
ALL_DAY = ((time(9, 30), time(20, 30)),)
TABLES = tuple(f"table {number}" for number in range(1, 19))
FLOOR, MANAGER = Role.FLOOR, Role.MANAGER

DEMO_COMPANY = Company(
    slug="demo",
    name="Demo Group",
    days=60,
    regions={"north": "North", "south": "South"},
    stores=(
        DemoStore(
            slug="harbour",
            name="Harbour",
            region="north",
            kind=StoreKind.RESTAURANT,
            time_zone="Europe/Lisbon",
            country="PT",
            currency="EUR",
            places=(*TABLES, "terrace", "bar", "counter"),
            busy=4.9,
            hours=LUNCH_AND_DINNER,
        ),
        DemoStore(
            slug="market",
            name="Market",
            region="north",
            kind=StoreKind.RETAIL,
            time_zone="Europe/Lisbon",
            country="PT",
            currency="EUR",
            places=(*(f"aisle {number}" for number in range(1, 10)), "checkout", "fitting room", "service desk"),
            busy=3.4,
            hours=ALL_DAY,
        ),
        DemoStore(
            slug="uptown",
            name="Uptown",
            region="south",
            kind=StoreKind.RESTAURANT,
            time_zone="America/New_York",
            country="US",
            currency="USD",
            places=(*TABLES[:12], "patio", "bar"),
            busy=3.4,
            hours=LUNCH_AND_DINNER,
        ),
    ),
    people=(
        Employee("floor", "Inês Caldas", FLOOR, ("harbour",), on_shift=True),
        Employee("rui", "Rui Tavorinha", FLOOR, ("harbour",), has_password=False),
        Employee("marta", "Marta Queirol", FLOOR, ("harbour",), has_password=False),
        Employee("manager", "Helena Brandes", MANAGER, ("harbour",), on_shift=True, phone=True),
        Employee("floor-market", "Nuno Salvaterra", FLOOR, ("market",), on_shift=True),
        Employee("paulo", "Paulo Arieiro", FLOOR, ("market",), has_password=False),
        Employee("manager-market", "Clara Monforte", MANAGER, ("market",), phone=True),
        Employee("floor-uptown", "Jamie Okonwell", FLOOR, ("uptown",)),
        Employee("dana", "Dana Prewitt", FLOOR, ("uptown",), has_password=False),
        Employee("manager-uptown", "Morgan Tessler", MANAGER, ("uptown",), phone=True),
        Employee("regional", "Vasco Lindoso", Role.REGIONAL, ("north",)),
        Employee("hq", "Alex Rennwick", Role.HEAD_OFFICE),
        Employee("admin", "Sam Whitlow", Role.ADMIN),
    ),
    groups=(
        ("lantern", "Lantern Restaurants", GroupKind.BRAND, ("harbour", "uptown")),
        ("waterfront", "Waterfront", GroupKind.DISTRICT, ("harbour",)),
    ),
)
OTHER_COMPANY = Company(
    slug="other",
    name="Other Company",
    days=3,
    regions={"town": "Town"},
    stores=(
        DemoStore(
            slug="corner",
            name="Corner",
            region="town",
            kind=StoreKind.RETAIL,
            time_zone="Europe/Lisbon",
            country="PT",
            currency="EUR",
            places=("aisle 1", "checkout"),
            busy=3.2,
            hours=ALL_DAY,
        ),
    ),
    people=(
        Employee("outsider", "Robin Ferrandel", FLOOR, ("corner",), on_shift=True),
        Employee("other-manager", "Kim Ostrander", MANAGER, ("corner",)),
        Employee("other-admin", "Toni Vallery", Role.ADMIN),
    ),
)


def demo_id(company: Company, kind: str, name: str) -> UUID:
    """Return the id of a region, store or person: the same in every demo, so that examples of the API can name it."""
    return uuid5(NAMESPACE_URL, f"{company.slug}/{kind}/{name}")


def password_of(login: str) -> str:
    """Return the documented password of a demo sign-in."""
    return f"demo-{login}-2468"


def hash_passwords(pool: Executor) -> Hashes:
    """Begin to hash every password, and return the hashes by login. argon2 is slow: the history is written meanwhile.

    Those of the administrators come first, for no organization is created without one.
    """
    people = (employee for employee in (*DEMO_COMPANY.people, *OTHER_COMPANY.people) if employee.has_password)
    logins = [employee.login for employee in sorted(people, key=lambda employee: employee.role is not Role.ADMIN)]
    return {login: pool.submit(hash_password, password_of(login)) for login in logins}


def create_company(session: ScopedSession, company: Company, hashes: Hashes, *, at: datetime) -> list[StoreShift]:
    """Create the organization with its stores, staff, phones and till, as they were before its history began."""
    begun_at = at - timedelta(days=company.days + 2)
    admin = next(employee for employee in company.people if employee.role is Role.ADMIN)
    _, administrator = create_organization(
        session,
        slug=company.slug,
        name=company.name,
        admin_login=admin.login,
        admin_name=admin.name,
        password_hash=hashes[admin.login].result(),
        at=begun_at,
    )
    regions = {
        slug: Region.create(session, id=demo_id(company, "region", slug), slug=slug, name=name)
        for slug, name in company.regions.items()
    }
    session.flush()
    stores = {
        slug: _create_store(session, template, regions[template.region], id_=demo_id(company, "store", slug))
        for slug, template in ((template.slug, template) for template in company.stores)
    }
    for slug, name, kind, members in company.groups:
        store_ids = [stores[member].id for member in members]
        StoreGroup.create(session, by=_actor(administrator), slug=slug, name=name, kind=kind, store_ids=store_ids)
    _set_remedy_limits(session, currencies=sorted({store.currency for store in stores.values()}), at=at)
    people = [
        (employee, _add_staff(session, employee, stores, regions, id_=demo_id(company, "staff", employee.login)))
        for employee in company.people
        if employee is not admin
    ]
    till = _create_till(session, administrator, at=begun_at)
    phones = {
        person.staff.id: _register_phone(session, employee.login, person, at=begun_at)
        for employee, person in people
        if employee.phone
    }
    shifts = []
    for template in company.stores:
        of_store = [(employee.role, person) for employee, person in people if template.slug in employee.at]
        floor = [person for role, person in of_store if role is FLOOR]
        manager = next(person for role, person in of_store if role is MANAGER)
        phone = phones.get(manager.staff.id)
        shifts.append(StoreShift(stores[template.slug], template, floor, manager, phone, till))
    return shifts


def _create_store(session: ScopedSession, template: DemoStore, region: Region, *, id_: UUID) -> Store:
    return add_store(
        session,
        id=id_,
        region=region,
        slug=template.slug,
        name=template.name,
        kind=template.kind,
        time_zone=template.time_zone,
        country=template.country,
        currency=template.currency,
        places=template.places,
    )


def _set_remedy_limits(session: ScopedSession, *, currencies: list[str], at: datetime) -> None:
    """Set limits of refunds and vouchers for floor staff and higher ones for managers. The others have the defaults."""
    limits = [
        {"role": role, "per_customer": Money(per_customer, currency), "per_staff": Money(per_staff, currency)}
        for currency in currencies
        for role, per_customer, per_staff in (
            (FLOOR, 1500, 20_000),
            (MANAGER, 20_000, 100_000),
            (Role.REGIONAL, 20_000, 100_000),
        )
    ]
    for remedy in session.scalars(select(Remedy).where(Remedy.kind.in_((RemedyKind.REFUND, RemedyKind.VOUCHER)))):
        remedy.edit(session, at=at, limits=limits)
    session.flush()


def _add_staff(
    session: ScopedSession,
    employee: Employee,
    stores: dict[str, Store],
    regions: dict[str, Region],
    *,
    id_: UUID,
) -> Person:
    staff = Staff.hire(
        session,
        id=id_,
        login=employee.login,
        name=employee.name,
        role=employee.role,
        stores=[stores[slug] for slug in employee.at if slug in stores],
        regions=[regions[slug] for slug in employee.at if slug in regions],
    )
    return Person(staff, _actor(staff))


def _create_till(session: ScopedSession, administrator: Staff, *, at: datetime) -> Actor:
    """Create the key of the tills, which tell orders and pay, and return their actor. Nobody keeps its secret."""
    scopes = (KeyScope.ORDERS_WRITE, KeyScope.SETTLEMENTS_WRITE)
    organization_id = administrator.organization_id
    key = ApiKey.create(
        session, organization_id=organization_id, name="Tills", scopes=scopes, by=_actor(administrator), at=at
    )
    session.flush()
    permissions = frozenset().union(*(KEY_GRANTS[scope] for scope in scopes))
    return Actor(organization_id=organization_id, permissions=permissions, store_ids=None, api_key_id=key.id)


def _register_phone(session: ScopedSession, login: str, person: Person, *, at: datetime) -> Device:
    """Sign somebody in on their phone, which prints what it shows."""
    sign_in, _ = StaffSession.open(session, staff=person.staff, at=at)
    session.flush()
    return register_phone(
        session,
        by=replace(person.actor, session_id=sign_in.id),
        installation_id=f"demo-{login}",
        platform=Platform.ANDROID,
        address=f"phone of {login}",
        address_kind=AddressKind.LOG,
        at=at,
    )


def sign_in_on_phones(session: ScopedSession, company: Company, *, at: datetime) -> None:
    """Sign everybody in on their phone who has one in the demo, so that it rings."""
    for employee in (person for person in company.people if person.phone):
        staff = session.scalars(select(Staff).where(Staff.login == employee.login)).one()
        _register_phone(session, employee.login, Person(staff, _actor(staff)), at=at)


def set_passwords(session: ScopedSession, company: Company, hashes: Hashes) -> None:
    """Give everybody their password, once it is hashed."""
    logins = [employee.login for employee in company.people if employee.has_password]
    for staff in session.scalars(select(Staff).where(Staff.login.in_(logins))):
        staff.password_hash = hashes[staff.login].result()


def check_in_staff(session: ScopedSession, company: Company, *, at: datetime) -> None:
    """Let everybody check in who is on shift in the demo and still works in the store, if that is in business."""
    for employee in (person for person in company.people if person.on_shift):
        staff = session.scalars(select(Staff).where(Staff.login == employee.login, Staff.works_at(at))).one_or_none()
        store = session.scalars(select(Store).where(Store.slug == employee.at[0])).one_or_none()
        if staff is not None and store is not None and store.closed_at is None and store.id in staff.store_ids:
            _check_in(session, employee, staff, store, at=at)


def _check_in(session: ScopedSession, employee: Employee, staff: Staff, store: Store, *, at: datetime) -> None:
    Shift.check_in(session, staff_id=staff.id, store=store, lead=employee.role is MANAGER, at=at)


def _actor(staff: Staff) -> Actor:
    return Actor(
        organization_id=staff.organization_id,
        permissions=staff.permissions,
        store_ids=None if staff.has_all_stores else frozenset(staff.store_ids),
        staff_id=staff.id,
        role=staff.role,
        name=staff.name,
    )
