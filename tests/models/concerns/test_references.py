"""References of a concern: slugs become rows of the organization, and an edit records before and after."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.references import resolve_slugs
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import DomainError, Invalid, NotFound
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.place import Place
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.customers import recognise
from tests.support.factories.organizations import Shop

# What is said of a new concern, and what it comes to (slugs of rows).
FOUND = [
    ({}, {}),
    ({"category": "food"}, {"category": "food", "cause": None}),
    ({"category": "food", "cause": "cold"}, {"category": "food", "cause": "cold"}),
    ({"category": "food", "cause": None}, {"category": "food", "cause": None}),
    ({"category": None}, {"category": None}),
    ({"place": "table-12"}, {"place": "table-12"}),
    ({"place": None, "question": None}, {"place": None, "question": None}),
    ({"question": "what-happened"}, {"question": "what-happened"}),
    (
        {"category": "waiting-time", "cause": "kitchen", "place": "table-1", "question": "what-happened"},
        {"category": "waiting-time", "cause": "kitchen", "place": "table-1", "question": "what-happened"},
    ),
]
# The same for a concern that is about food already.
FOUND_LATER = [
    ({"cause": "cold"}, {"cause": "cold"}),
    ({"cause": None}, {"cause": None}),
    ({"category": "allergy"}, {"category": "allergy", "cause": None}),  # another category takes the cause away
    ({"category": "food"}, {"category": "food"}),  # the same one does not
    ({"category": None}, {"category": None, "cause": None}),
    ({"category": "waiting-time", "cause": "kitchen"}, {"category": "waiting-time", "cause": "kitchen"}),
]
REFUSED: list[tuple[dict[str, Any], type[DomainError], str]] = [
    ({"category": "nonsense"}, NotFound, "/category"),
    ({"category": ""}, NotFound, "/category"),
    ({"category": "nonsense", "cause": "cold"}, NotFound, "/category"),
    ({"category": "food", "cause": "nonsense"}, NotFound, "/cause"),
    ({"category": "food", "cause": "kitchen"}, NotFound, "/cause"),  # of another category
    ({"cause": "cold"}, Invalid, "/cause"),
    ({"category": None, "cause": "cold"}, Invalid, "/cause"),
    ({"place": "nonsense"}, NotFound, "/place"),
    ({"place": "terrace"}, NotFound, "/place"),  # of another store
    ({"question": "nonsense"}, NotFound, "/question"),
    ({"category": "food", "place": "nonsense", "question": "what-happened"}, NotFound, "/place"),
]


@pytest.fixture
def session(app: App, shop: Shop) -> Iterator[ScopedSession]:
    with app.database.writing(shop.organization_id) as session:
        session.add(Place(store_id=shop.other_store_id, slug="terrace", name="terrace"))
        session.flush()
        yield session


def slugs(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value.slug if value is not None else None for name, value in found.items()}


def category(session: ScopedSession, slug: str) -> Category:
    return session.scalars(Category.select_visible().where(Category.slug == slug)).one()


def test_slugs_become_rows(session: ScopedSession, shop: Shop) -> None:
    for said, found in FOUND:
        assert slugs(resolve_slugs(session, said, store_id=shop.store_id)) == found, said


def test_a_cause_is_looked_up_in_the_category_there_is(session: ScopedSession, shop: Shop) -> None:
    food = category(session, "food")
    for said, found in FOUND_LATER:
        assert slugs(resolve_slugs(session, said, store_id=shop.store_id, category=food)) == found, said


def test_words_nobody_has_are_refused_where_they_stand(session: ScopedSession, shop: Shop) -> None:
    for said, kind, pointer in REFUSED:
        with pytest.raises(kind) as refused:
            resolve_slugs(session, said, store_id=shop.store_id)
        assert refused.value.pointer == pointer, said


def test_words_the_organization_does_not_define_stay_as_sent(session: ScopedSession, shop: Shop) -> None:
    body = {"stake": "birthday", "items": [{"name": "Soup"}], "mood": 1}
    assert resolve_slugs(session, body, store_id=shop.store_id) == body


def test_words_of_another_organization_are_nobodys(app: App, session: ScopedSession, shop: Shop) -> None:
    with pytest.raises(NotFound):
        resolve_slugs(session, {"place": "table-12"}, store_id=shop.other_store_id)


def test_an_edit_keeps_before_and_after_and_only_what_changed(session: ScopedSession, shop: Shop) -> None:
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    store = session.get_one(Store, (shop.organization_id, shop.store_id))
    food = {"category": "food", "cause": "cold", "place": "table-12"}
    references = resolve_slugs(session, food, store_id=store.id)
    soup, fish = CatalogueItem.find_or_create(session, [{"slug": "soup"}, {"name": "Fish"}], at=NOON)
    items = [{"item": soup, "quantity": 2}]
    concern = Concern.log(by=by, store=store, mood=2, at=NOON, stake="birthday", items=items, **references).concern
    session.add(concern)
    session.flush()
    customer = recognise(session, store.id, phone="+351912345678")
    order = {"reference": "A7", "value": Money(1250, "EUR")}
    changes = resolve_slugs(
        session, {"category": "allergy", "place": "table-12"}, store_id=store.id, category=references["category"]
    )
    changes |= {"customer": customer, "stake": None, "mood": 2, "items": [{"item": fish}]}
    event = concern.edit(by=by, at=NOON, **changes, order=order, sensitive=True)
    assert event.details == {
        "category": {"before": "food", "after": "allergy"},
        "cause": {"before": "cold", "after": None},
        "customer": {"before": None, "after": str(customer.id)},
        "stake": {"before": "birthday", "after": None},
        "items": {
            "before": [{"slug": "soup", "name": "soup", "quantity": 2}],
            "after": [{"slug": "fish", "name": "Fish", "quantity": 1}],
        },
        "order": {"before": None, "after": {"reference": "A7", "value": {"amount": 1250, "currency": "EUR"}}},
        "sensitive": {"before": False, "after": True},
        "urgent": {"before": False, "after": True},
    }
    session.flush()
    session.expire_all()
    again = Concern.get_visible(session, concern.id, actor=by)
    assert (again.category_id, again.cause_id, again.customer_id) == (
        category(session, "allergy").id,
        None,
        customer.id,
    )
    assert ([item.name for item in again.items], again.order) == (["Fish"], order)
    nothing = again.edit(by=by, at=NOON, mood=2)
    assert (nothing.details, nothing.number) == ({}, 3)
    taken_away = again.edit(by=by, at=NOON, order=None, items=[], customer=None)
    assert set(taken_away.details) == {"order", "items", "customer"}
    assert (again.order, again.items, again.customer_id) == (None, [], None)
