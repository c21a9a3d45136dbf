"""Organizations with stores, people, words and remedies: few defaults, made-up names."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cache
from uuid import UUID

from sqlalchemy import select

from models.access import KeyScope, Role
from models.alerts.escalation_policy import EscalationPolicy, PolicyStep, RecipientGroup, policy_step
from models.db.base import Money
from models.db.session import ALL_TENANTS, Database
from models.operations.default_rules import default_rules
from models.organizations.organization import Organization, Region
from models.organizations.place import Place
from models.organizations.store import Store, StoreKind
from models.organizations.vocabulary import Category, Cause, Question
from models.policy_defaults import LONGEST_SHIFT
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials import password as password_module
from models.staff.credentials import staff_session
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffRegion, StaffStore
from tests.support.clock import NOON

PASSWORD = "correct-horse-battery"


@cache
def password_hash() -> str:
    return password_module.password_hasher.hash(PASSWORD)  # looked up late: the suite makes it cheap


# Most tests need no escalation: everybody is called at once, and the alert is unanswered after twenty minutes.
EVERYBODY_AT_ONCE = [policy_step(0, RecipientGroup.ON_SHIFT, RecipientGroup.MANAGERS)]


@dataclass
class Shop:
    """One organization with two stores, its people, and a token for each of them."""

    slug: str
    organization_id: UUID
    region_id: UUID
    store_id: UUID
    other_store_id: UUID  # of the same organization, in another region
    staff: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


PEOPLE = {  # login: role, belongs to the (first) store
    "floor": (Role.FLOOR, True),
    "colleague": (Role.FLOOR, True),
    "manager": (Role.MANAGER, True),
    "regional": (Role.REGIONAL, False),
    "hq": (Role.HEAD_OFFICE, False),
    "admin": (Role.ADMIN, False),
    "elsewhere": (Role.FLOOR, False),  # belongs to the other store
}


def make_shop(
    database: Database, slug: str = "acme", *, at: datetime = NOON, on_shift: Iterable[str] = ("floor",)
) -> Shop:
    """Make an organization with what most tests need (see Shop and PEOPLE); those `on_shift` are at the first store."""
    with database.writing(ALL_TENANTS) as session:
        organization_id = Organization.create(session, slug=slug, name=slug.title(), at=at).id
    with database.writing(organization_id) as session:
        session.add_all([*default_rules(), EscalationPolicy(slug="standard", name="Standard", steps=EVERYBODY_AT_ONCE)])
        here, there = Region(slug="here", name="Here"), Region(slug="there", name="There")
        session.add_all([here, there])
        session.flush()
        store, other = make_store("first", here.id), make_store("second", there.id)
        session.add_all([store, other])
        session.flush()
        session.add_all(Place(store_id=store.id, slug=f"table-{n}", name=f"table {n}", position=n) for n in (1, 12))
        food, allergy = Category(slug="food", name="Food"), Category(slug="allergy", name="Allergy", urgent=True)
        waiting = Category(slug="waiting-time", name="Waiting time")
        session.add_all([food, allergy, waiting, Question(slug="what-happened", text="What happened?")])
        session.flush()
        session.add_all(
            [
                Cause(category_id=food.id, slug="cold", name="Cold"),
                Cause(category_id=waiting.id, slug="kitchen", name="Kitchen"),
            ]
        )
        remedies = [
            Remedy(slug="apology", name="Apology", kind=RemedyKind.APOLOGY),
            Remedy(slug="remake", name="Made again", kind=RemedyKind.REMAKE, default_cost=Money(450, "EUR")),
            Remedy(slug="voucher", name="Voucher", kind=RemedyKind.VOUCHER, default_cost=Money(1000, "EUR")),
        ]
        for remedy in remedies:
            remedy.add_default_limits(["EUR"])
        session.add_all(remedies)
        shop = Shop(slug, organization_id, here.id, store.id, other.id)
        people = {
            login: Staff(login=login, name=f"{login.title()} of {slug}", role=role, password_hash=password_hash())
            for login, (role, _) in PEOPLE.items()
        }
        session.add_all(people.values())
        session.flush()
        organization = Organization.get(session, organization_id)
        for login, staff in people.items():
            if PEOPLE[login][1]:
                session.add(StaffStore(staff_id=staff.id, store_id=store.id))
            if login == "elsewhere":
                session.add(StaffStore(staff_id=staff.id, store_id=other.id))
            if staff.role is Role.REGIONAL:
                session.add(StaffRegion(staff_id=staff.id, region_id=here.id))
            if login in on_shift:
                session.add(Shift(staff_id=staff.id, store_id=store.id, started_at=at, ends_at=at + LONGEST_SHIFT))
            token = Token.new("s", organization_id)
            session.add(_sign_in(organization, staff, token, at))
            shop.staff[login], shop.tokens[login] = staff.id, token.text
        keys = {"key": [*KeyScope], "reports-key": [KeyScope.REPORTS_READ], "exports-key": [KeyScope.EXPORTS_READ]}
        for name, scopes in keys.items():
            key = _key(organization_id, name, scopes, at)
            session.add(key)
            shop.tokens[name] = str(key.secret)
    return shop


def _key(organization_id: UUID, name: str, scopes: Iterable[KeyScope], at: datetime) -> ApiKey:
    """Return the key that `ApiKey.create` would make, without counting those there are: most tests make three."""
    key = ApiKey(organization_id=organization_id, name=name, scopes=sorted(map(str, scopes)), created_at=at)
    key._set_new_secret()
    return key


def _sign_in(organization: Organization, staff: Staff, token: Token, at: datetime) -> StaffSession:
    """Return the sign-in that `StaffSession.open` would make, without its look-ups: most tests make seven of them."""
    expires_at = staff_session._ends_at(organization, staff.role, opened_at=at, seen_at=at)
    return StaffSession(staff_id=staff.id, digest=token.digest, created_at=at, seen_at=at, expires_at=expires_at)


def make_store(slug: str, region_id: UUID, *, zone: str = "Europe/Lisbon", day_starts_at: time = time(4)) -> Store:
    """Return a restaurant in Portugal, not yet added to a session."""
    return Store(
        region_id=region_id,
        slug=slug,
        name=slug.title(),
        kind=StoreKind.RESTAURANT,
        time_zone=zone,
        country="PT",
        currency="EUR",
        day_starts_at=day_starts_at,
    )


def set_escalation_steps(database: Database, shop: Shop, steps: list[PolicyStep], **times: int) -> None:
    """Set the steps of the organization's escalation policy, the times in seconds."""
    with database.writing(shop.organization_id) as session:
        session.scalars(select(EscalationPolicy)).one().edit(session, steps=steps, at=NOON, **times)
