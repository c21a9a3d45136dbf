"""The scene of the money model: stores of three currencies, people, tills, and a limit of every kind."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, KeyScope, Role
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.organizations.store import AboveLimit, Store
from models.recovery.action import RecoveryAction, Settlement
from models.recovery.remedy import Remedy, RemedyKind
from models.staff.credentials.api_key import ApiKey
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_store, password_hash
from tests.support.oracle.money_ledger import OWED, MoneyLedger, Paid, State
from tests.support.oracle.money_rules import Limit, MoneyRules, Person, StoreRules

STORES = {
    "first": StoreRules("EUR", "here", per_action=28, per_day=75, after_hours=20),
    "second": StoreRules("USD", "there", per_action=28, per_day=60, after_hours=20, acts_first=True),
    "third": StoreRules("GBP", "here", per_action=28, per_day=None, after_hours=20, is_closed=True),
    "fourth": StoreRules("EUR", "here", per_action=12, per_day=50, after_hours=20),
}
PEOPLE = [
    Person("floor", "floor", frozenset({"first", "fourth"})),
    Person("colleague", "floor", frozenset({"first", "second", "third"})),
    Person("manager", "manager", frozenset({"first", "second"})),
    Person("deputy", "manager", frozenset({"first", "third"})),
    Person("regional", "regional", frozenset({"first", "third", "fourth"})),
    Person("admin", "admin", None),
    Person("key", None, None),
    Person("till", None, None),
]
OF_REMEDY = {  # by role, for one customer and for all of one person
    "refund": {"floor": Limit(10, 25), "manager": Limit(30, 60), "regional": Limit(30, 60)},
    "voucher": {"floor": Limit(12, 20), "manager": Limit(30, 50), "regional": Limit(30, 50)},
    "discount": {"floor": Limit(8, 15), "manager": Limit(25, 40), "regional": Limit(25, 40)},
    "gift": {"floor": Limit(10, 25), "manager": Limit(20, 40), "regional": Limit(20, 40)},
    "remake": {"floor": Limit(9, 12), "manager": Limit(15, 30), "regional": Limit(15, 30)},
}
LIMITS = {
    (remedy, role, rules.currency): limit
    for remedy, roles in OF_REMEDY.items()
    for role, limit in roles.items()
    for rules in STORES.values()
    if (remedy, rules.currency) != ("gift", "GBP")  # nobody has set one: it asks first
}
TILL_PER_DAY, TILL_PER_ORDER = 18, 9
ON_SHIFT, SHIFT_LASTS = {"deputy": "first", "regional": "fourth"}, timedelta(hours=10)
KEY_MAKERS = {"key": "deputy"}  # nobody who works there made the other one
LISBON, DAY_STARTS = ZoneInfo("Europe/Lisbon"), timedelta(hours=4)
ALREADY_THERE = {("floor", "first"), ("colleague", "first"), ("manager", "first")}


class MoneyScene(NamedTuple):
    """The organization, and what of it has an id."""

    app: App
    shop: Shop
    organization_id: UUID
    stores: dict[str, UUID]
    staff: dict[str, UUID]
    keys: dict[str, UUID]
    profiles: list[UUID]


def make_scene(app: App, shop: Shop) -> MoneyScene:
    """Make an organization into the model: more stores, limits everywhere, and tokens for all who act."""
    with app.back_office.writing(shop.organization_id) as session:
        session.add_all([make_store("third", shop.region_id), make_store("fourth", shop.region_id)])
        deputy = Staff(login="deputy", name="Deputy", role=Role.MANAGER, password_hash=password_hash())
        session.add(deputy)
        session.flush()
        ids = {store.slug: store.id for store in session.scalars(select(Store))}
        staff = {**shop.staff, "deputy": deputy.id}
        for slug, rules in STORES.items():
            set_store(session.get_one(Store, (shop.organization_id, ids[slug])), rules)
        make_remedies(session)
        keys = {name: make_key(session, shop, name, staff.get(KEY_MAKERS.get(name, ""))) for name in ("key", "till")}
        for person in PEOPLE:
            if person.role in {"floor", "manager"}:
                places = [name for name in person.stores or () if (person.name, name) not in ALREADY_THERE]
                session.add_all(StaffStore(staff_id=staff[person.name], store_id=ids[name]) for name in places)
        for name, store in ON_SHIFT.items():
            shift = {"started_at": NOON, "ends_at": NOON + SHIFT_LASTS}
            session.add(Shift(staff_id=staff[name], store_id=ids[store], **shift))
        by = Actor(shop.organization_id, GRANTS[Role.MANAGER], None, staff_id=staff["manager"], role=Role.MANAGER)
        profiles = [
            Customer.create(session, id_=uuid7(), by=by, at=NOON, country="PT", store_id=shop.store_id, name=name)
            for name in ("Ana", "Rui", "Eva", "Gil")
        ]
    shop.staff["deputy"] = staff["deputy"]
    return MoneyScene(app, shop, shop.organization_id, ids, staff, keys, [profile.id for profile in profiles])


def set_store(store: Store, rules: StoreRules) -> None:
    store.currency = rules.currency
    store.above_limit = AboveLimit.ACT_FIRST if rules.acts_first else AboveLimit.ASK_FIRST
    if rules.is_closed:
        store.hours = {"weekly": [], "exceptions": []}
    of_day = None if rules.per_day is None else Money(rules.per_day, rules.currency)
    store._set_limits(
        [
            {
                "per_action": Money(rules.per_action, rules.currency),
                "per_day": of_day,
                "after_hours": Money(rules.after_hours, rules.currency),
            }
        ]
    )


def make_remedies(session: ScopedSession) -> None:
    for slug in OF_REMEDY:
        limits = [
            {"role": Role(role), "per_customer": Money(most.per_customer, currency)}
            | {"per_staff": Money(most.per_staff, currency)}
            for (remedy, role, currency), most in LIMITS.items()
            if remedy == slug
        ]
        if slug in {"voucher", "remake"}:
            Remedy.by_slug(session, slug).edit(session, at=NOON, limits=limits)
        else:
            Remedy.create(session, slug=slug, name=slug, kind=RemedyKind(slug), at=NOON, limits=limits)


def make_key(session: ScopedSession, shop: Shop, name: str, maker: UUID | None) -> UUID:
    budgets = [
        {"per_day": Money(TILL_PER_DAY, currency), "per_order": Money(TILL_PER_ORDER, currency)}
        for currency in ("EUR", "USD", "GBP")
    ]
    by = Actor(shop.organization_id, frozenset(), None, staff_id=maker) if maker else None
    made = {"organization_id": shop.organization_id, "scopes": [*KeyScope], "at": NOON, "budgets": budgets, "by": by}
    key = ApiKey.create(session, name=f"{name} of the scene", **made)
    session.flush()
    shop.tokens[name] = str(key.secret)
    return key.id


def money_rules() -> MoneyRules:
    """Return the rules of the model, with an empty ledger."""
    people = {person.name: person for person in PEOPLE}
    shifts = [(name, store, NOON + SHIFT_LASTS) for name, store in ON_SHIFT.items()]
    return MoneyRules(MoneyLedger(), STORES, people, LIMITS, TILL_PER_DAY, TILL_PER_ORDER, shifts, KEY_MAKERS)


def day_of(at: datetime) -> date:
    """The business day in Lisbon: until four in the morning it is still the day before."""
    return (at.astimezone(LISBON) - DAY_STARTS).date()


def fold(reference: str | None) -> str | None:
    return reference.strip().casefold() if reference else None


def action_rows(session: ScopedSession, *criteria: Any) -> Sequence[Any]:
    """Return all actions, with the lists that they stand in."""
    columns = (RecoveryAction.__table__.c[name] for name in COLUMNS)
    lists = (
        RecoveryAction.is_unpaid().label("is_unpaid"),
        RecoveryAction.is_not_back().label("is_not_back"),
        RecoveryAction.waits_for_review().label("is_to_review"),
    )
    of_scene = RecoveryAction.organization_id == session.tenant
    return session.execute(select(*columns, *lists).where(of_scene, *criteria)).all()


COLUMNS = ("id", "customer_id", "cost_amount", "settlement", "status", "reverses_id")


def assert_accounted_for(actions: Sequence[Any], ledger: MoneyLedger) -> None:
    """Compare what the database has of all that was given, as `action_rows` reads it, with the ledger."""
    rows, gifts = {row.id: row for row in actions}, ledger.gifts
    entries = {gift.reversal_id: gift for gift in gifts.values() if gift.reversal_id}
    assert rows.keys() == gifts.keys() | entries.keys()
    # What was given stays with whom it was given to, and so does what takes it back.
    whose = {id_: ledger.survivor(gift.whose) for id_, gift in (gifts | entries).items()}
    assert {id_: row.customer_id for id_, row in rows.items()} == whose
    # The cost is what was given and not taken back; what the till paid stands in it until the money is back.
    costs = {id_: rows[id_].cost_amount or 0 for id_ in rows}
    for id_, gift in gifts.items():
        back = costs[gift.reversal_id] if gift.reversal_id else 0
        assert costs[id_] + back == (gift.amount if gift.is_given else 0)
    paid = {id_ for id_, gift in gifts.items() if gift.paid is Paid.SETTLED and gift.money_back is not Paid.SETTLED}
    assert all(costs[id_] == gifts[id_].amount for id_ in paid)
    # Recorded is what is unpaid and what is settled: what failed is owed still.
    refunds = {id_ for id_, gift in gifts.items() if gift.is_given and gift.remedy == "refund"}
    assert {id_ for id_ in rows if rows[id_].is_unpaid} == {id_ for id_ in refunds if gifts[id_].paid in OWED}
    not_back = {it.reversal_id for it in gifts.values() if it.waits_for_money_back}
    assert {id_ for id_ in rows if rows[id_].is_not_back} == not_back
    settled = {id_ for id_ in refunds if rows[id_].settlement is Settlement.SETTLED}
    assert settled == {id_ for id_ in refunds if gifts[id_].paid is Paid.SETTLED}
    # Whatever is beyond a limit is in the list until somebody else has looked at it.
    assert {id_ for id_ in rows if rows[id_].is_to_review} == {it.id for it in gifts.values() if it.is_to_review}
    waiting = {gift.id for gift in gifts.values() if gift.state is State.WAITING}
    assert {id_ for id_ in rows if rows[id_].status == "pending"} == waiting
