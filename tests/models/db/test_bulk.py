"""Many rows at once: looked up by many values, and written with few statements."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError
from uuid_utils.compat import uuid7

from models.customers.customer import Customer
from models.customers.external_id import ExternalId
from models.db.change_feed import Change
from models.db.many_values import is_any_of
from models.organizations.place import Place
from models.organizations.store import Store
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop

COUNT = 1_000
ODD = ["plain", "{a,b}", 'say "hi"', "back\\slash", "NULL", "", "it's", "ação", "42", "null", "[1]", "a\nb", "😀"]


def add_customers(app: App, shop: Shop, names: list[str]) -> list[UUID]:
    with app.database.writing(shop.organization_id) as session:
        customers = [Customer(name=name, created_at=NOON) for name in names]
        session.add_all(customers)
    return [customer.id for customer in customers]


def test_rows_are_selected_by_any_values(app: App, shop: Shop) -> None:
    ids = add_customers(app, shop, ODD)
    with app.database.writing(shop.organization_id) as session:
        pairs = list(zip(ODD, reversed(ODD), strict=True))
        session.add_all(
            ExternalId(customer_id=id_, source=source, reference=reference)
            for id_, (source, reference) in zip(ids, pairs, strict=True)
        )

    def selected(column: Any, *criteria: Any) -> list[Any]:
        with app.database.reading(shop.organization_id) as session:
            return list(session.scalars(select(column).where(is_any_of(session, *criteria))))

    assert sorted(selected(Customer.name, (Customer.name,), [(name,) for name in ODD])) == sorted(ODD)
    assert selected(Customer.name, (Customer.name,), [("PLAIN",), ("4",)]) == []
    assert selected(Customer.name, (Customer.name,), []) == []
    assert set(selected(Customer.id, (Customer.id,), [(ids[3],), (ids[5],), (uuid7(),)])) == {ids[3], ids[5]}
    columns = (ExternalId.source, ExternalId.reference)
    assert sorted(selected(ExternalId.source, columns, pairs)) == sorted(ODD)
    assert selected(ExternalId.source, columns, [(source, source + "x") for source in ODD]) == []


def test_many_values_find_no_row_of_another_organization(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    with app.database.reading(shop.organization_id) as session:
        stores = session.scalars(select(Store).where(is_any_of(session, (Store.slug,), [("first",), ("second",)])))
        assert {store.id for store in stores} == {shop.store_id, shop.other_store_id}
        theirs = is_any_of(session, (Store.id,), [(other.store_id,)])
        assert session.scalars(select(Store).where(theirs)).all() == []


def test_many_rows_are_changed_with_few_statements(app: App, shop: Shop) -> None:
    ids = add_customers(app, shop, [f"Customer {number}" for number in range(COUNT)])
    with app.database.writing(shop.organization_id) as session:
        customers = session.scalars(select(Customer)).all()
        for customer in customers:
            customer.set_fields({"name": "Ana", "tags": ["regular"]})
        with app.counting() as statements:
            session.bulk_update(customers)
            session.flush()
        assert len(statements) == 1
    with app.database.reading(shop.organization_id) as session:
        rows = session.execute(select(Customer.name, Customer.name_key, Customer.tags, Customer.version)).all()
        assert rows == [("Ana", "ana", ["regular"], 2)] * COUNT
        changes = session.execute(select(Change.object_id).where(Change.version == 2)).scalars().all()
        assert sorted(changes) == sorted(ids)


def test_rows_without_a_version_are_changed_too(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        places = session.scalars(select(Place)).all()
        for place in places:
            place.position += 100
        session.bulk_update(places)
    with app.database.reading(shop.organization_id) as session:
        assert sorted(session.scalars(select(Place.position))) == [101, 112]


def test_a_row_that_somebody_else_changed_is_not_overwritten(app: App, shop: Shop) -> None:
    add_customers(app, shop, ["Ana", "Rui"])
    with pytest.raises(StaleDataError, match="a customer is another version by now"):
        change_late(app, shop)


def change_late(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        customers = session.scalars(select(Customer).order_by(Customer.name)).all()
        session.execute(Customer.__table__.update().where(Customer.name == "Rui").values(version=7))
        for customer in customers:
            customer.set_fields({"preferred_name": "Eva"})
        session.bulk_update(customers)
