"""What is set up in a way that will hurt is found, store by store."""

from datetime import timedelta

from sqlalchemy import select

from models.access import Role
from models.db.base import Money
from models.operations.inspect_setup import inspect_setup
from models.organizations.opening_hours import ALWAYS_OPEN
from models.organizations.store import Place, Store
from models.recovery.remedy import Remedy
from models.staff.staff import Staff, StaffRegion, StaffStore
from tests.support.app import App
from tests.support.factories.organizations import Shop, password_hash
from tests.support.factories.staff import give_phone, give_shared_phone


def findings(app: App, shop: Shop) -> dict[str | None, set[str]]:
    """Return the codes of the findings by store."""
    with app.back_office.reading(shop.organization_id) as session:
        by_store: dict[str | None, set[str]] = {}
        for finding in inspect_setup(session, at=app.clock()):
            by_store.setdefault(finding.store, set()).add(finding.code)
    return by_store


def complete_the_second_store(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        second = session.get_one(Store, (shop.organization_id, shop.other_store_id))
        session.add(Place(store_id=second.id, slug="till", name="till"))
        session.add(StaffStore(staff_id=shop.staff["manager"], store_id=second.id))
        session.add(StaffRegion(staff_id=shop.staff["regional"], region_id=second.region_id))


def test_a_store_lacks_hours_places_managers_and_phones(app: App, shop: Shop):
    give_phone(app.back_office, shop, "floor", "phone of the floor")
    by_store = findings(app, shop)
    assert by_store["first"] == {"no-hours", "nobody-may-approve"}  # none of those who may has a phone
    lacks = {"no-hours", "no-places", "no-manager", "no-regional-manager", "no-phone", "nobody-may-approve"}
    assert by_store["second"] == lacks
    assert by_store[None] == {"one-administrator"}


def test_a_store_to_which_nobody_belongs_has_nobody_to_ring(app: App, shop: Shop):
    with app.back_office.writing(shop.organization_id) as session:
        session.scalars(select(Staff).where(Staff.login == "elsewhere")).one().left_at = app.clock()
    assert "nobody-to-ring" in findings(app, shop)["second"]


def test_nobody_approves_what_the_only_one_who_may_asks_for(app: App, shop: Shop):
    give_phone(app.back_office, shop, "manager", "phone of the manager")
    assert "nobody-may-approve" not in findings(app, shop)["first"]
    with app.back_office.writing(shop.organization_id) as session:
        for login in ("regional", "admin"):
            session.scalars(select(Staff).where(Staff.login == login)).one().left_at = app.clock()
    assert "nobody-may-approve" in findings(app, shop)["first"]


def test_a_shared_phone_of_the_store_is_a_phone(app: App, shop: Shop):
    assert "no-phone" in findings(app, shop)["first"]
    give_shared_phone(app.back_office, shop, "bar")
    assert "no-phone" not in findings(app, shop)["first"]


def test_a_phone_on_which_nobody_is_signed_in_is_none(app: App, shop: Shop):
    give_phone(app.back_office, shop, "floor", "phone of the floor", signed_in_for=timedelta(days=1))
    app.clock.move(days=2)
    assert "no-phone" in findings(app, shop)["first"]


def test_nothing_is_found_where_all_is_set_up(app: App, shop: Shop):
    give_phone(app.back_office, shop, "manager", "phone of the manager")
    complete_the_second_store(app, shop)
    with app.back_office.writing(shop.organization_id) as session:
        for store in session.scalars(select(Store)):
            store.hours = ALWAYS_OPEN
        for remedy in session.scalars(Remedy.select_visible()):
            remedy.edit(session, at=app.clock(), limits=[{"role": Role.FLOOR, "per_customer": Money(1000, "EUR")}])
        session.add(Staff(login="second-admin", name="Second", role=Role.ADMIN, password_hash=password_hash()))
    assert findings(app, shop) == {}


def test_a_limit_in_another_currency_is_none(app: App, shop: Shop):
    with app.back_office.writing(shop.organization_id) as session:
        for remedy in session.scalars(Remedy.select_visible()):
            remedy.edit(session, at=app.clock(), limits=[{"role": Role.FLOOR, "per_customer": Money(1000, "USD")}])
        second = session.get_one(Store, (shop.organization_id, shop.other_store_id))
        second.edit(at=app.clock(), currency="CHF")
    by_store = findings(app, shop)
    assert {"no-limit", "unused-limit"} <= by_store[None]
    assert "no-limit" in by_store["second"]
    assert not {"no-limit", "unused-limit"} & by_store["first"]
    with app.back_office.writing(shop.organization_id) as session:
        first = session.get_one(Store, (shop.organization_id, shop.store_id))
        amounts = {name: Money(100, "USD") for name in ("per_action", "per_day", "after_hours")}
        first.edit(at=app.clock(), limits=[amounts])
    assert "unused-limit" in findings(app, shop)["first"]


def test_retired_places_and_remedies_and_closed_stores_do_not_count(app: App, shop: Shop):
    with app.back_office.writing(shop.organization_id) as session:
        for place in session.scalars(select(Place)):
            place.retired_at = app.clock()
        for remedy in session.scalars(select(Remedy)):
            remedy.retired_at = app.clock()
        session.get_one(Store, (shop.organization_id, shop.other_store_id)).closed_at = app.clock()
    by_store = findings(app, shop)
    assert "no-places" in by_store["first"]
    assert "second" not in by_store
    assert by_store[None] == {"one-administrator"}
