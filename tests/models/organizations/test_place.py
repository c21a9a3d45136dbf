"""Places of a store: what a slug means, whatever happens to the places, and what the bounds are."""

from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from models.db.session import ScopedSession
from models.db.text import fold
from models.errors import Conflict, Invalid, InvalidState
from models.organizations import place as place_module
from models.organizations.place import Place
from models.organizations.store import Store
from models.policy_defaults import MAX_PLACES
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop

NAMES = ("Bar", "bár", "Terrace", "Table 1", "table  1", "Table 2", "窓", "-", "Window", "Aisle 4")
SLUGS = (None, "bar", "terrace", "table-1", "table-2", "first", "second", "third")


def store_of(session: ScopedSession, shop: Shop) -> Store:
    return session.get_one(Store, (shop.organization_id, shop.store_id))


def meaning(session: ScopedSession, shop: Shop, slug: str) -> UUID | None:
    return session.scalars(select(Place.id).where(Place.id == Place.id_of_slug(shop.store_id, slug))).one_or_none()


def random_list(rng: Random) -> list[dict[str, Any]]:
    """Return a list in which no slug and no name is there twice."""
    names = {fold(name): name for name in rng.sample(NAMES, 5)}.values()
    slugs = rng.sample(SLUGS, len(SLUGS))
    return [{"name": name, "slug": rng.choice((None, slug))} for name, slug in zip(names, slugs, strict=False)]


def change_something(session: ScopedSession, store: Store, rng: Random) -> None:
    """Write a list, or change one place; a refusal changes nothing."""
    places = session.scalars(Place.select_of_store(store)).all()
    match rng.choice(("list", "create", "edit", "edit", "retire")):
        case "list":
            Place.replace_all(session, store, random_list(rng), at=NOON)  # type: ignore[arg-type]
        case "create":
            Place.create(session, store, id=uuid4(), name=rng.choice(NAMES), slug=rng.choice(SLUGS))
        case "edit":
            changes = {"name": rng.choice(NAMES), "slug": rng.choice(SLUGS), "retired": rng.choice((True, False))}
            chosen = {name: changes[name] for name in rng.sample(sorted(changes), 2)}
            rng.choice(places).edit(session, store, at=NOON, **chosen)  # type: ignore[arg-type]
        case _:
            rng.choice(places).retire(store, at=NOON)


@pytest.mark.parametrize("seed", range(3))
def test_a_slug_means_the_same_place_for_ever(app: App, shop: Shop, seed: int) -> None:
    rng, given_out, refusals = Random(seed), {}, 0
    with app.database.writing(shop.organization_id) as session:
        store = store_of(session, shop)
        for _ in range(30):
            try:
                with session.begin_nested():
                    change_something(session, store, rng)
            except (Conflict, Invalid):
                refusals += 1
            places = session.scalars(Place.select_of_store(store)).all()
            given_out = {place.slug: place.id for place in places} | given_out
            some = rng.sample(sorted(given_out), 2)
            assert [meaning(session, shop, slug) for slug in some] == [given_out[slug] for slug in some]
            in_use = [fold(place.name) for place in places if not place.retired]
            assert len(set(in_use)) == len(in_use)
        assert {slug: meaning(session, shop, slug) for slug in given_out} == given_out
    assert len(given_out) > len(places)  # some slugs are former ones
    assert 0 < refusals < 30


def test_a_slug_of_another_store_means_nothing_here(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        other = session.get_one(Store, (shop.organization_id, shop.other_store_id))
        terrace = Place.create(session, other, id=uuid4(), name="Terrace")
        terrace.edit(session, other, at=NOON, slug="garden")
        session.flush()
        for slug in ("terrace", "garden"):
            assert meaning(session, shop, slug) is None
            assert Place.by_slug(session, other, slug) is terrace


def test_a_store_has_as_many_places_as_it_may(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_module, "MAX_PLACES", 3)
    with app.database.writing(shop.organization_id) as session:
        store = store_of(session, shop)
        bar = Place.create(session, store, id=uuid4(), name="Bar")
        with pytest.raises(InvalidState, match="At most 3 places"), session.begin_nested():
            Place.create(session, store, id=uuid4(), name="Terrace")
        bar.retire(store, at=NOON)
        Place.create(session, store, id=uuid4(), name="Garden")
        with pytest.raises(InvalidState, match="At most 3 places"), session.begin_nested():
            bar.edit(session, store, at=NOON, retired=False)


def test_retired_places_and_former_slugs_are_bounded_too(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_module, "MAX_PLACES_EVER", 4)
    with app.database.writing(shop.organization_id) as session:
        store = store_of(session, shop)
        for name in ("one", "two"):
            Place.replace_all(session, store, [{"name": name}], at=NOON)
        (two,) = Place.replace_all(session, store, [{"name": "two"}], at=NOON)
        with pytest.raises(InvalidState, match="with the retired ones"), session.begin_nested():
            Place.replace_all(session, store, [{"name": "three"}], at=NOON)
        for number in range(4):
            two.edit(session, store, at=NOON, slug=f"slug-{number}")
        with pytest.raises(InvalidState, match="former slugs"), session.begin_nested():
            two.edit(session, store, at=NOON, slug="slug-4")


def test_the_longest_list_is_written_at_once(app: App, shop: Shop) -> None:
    items = [{"name": f"Table {number}"} for number in range(MAX_PLACES)]
    for expected in (MAX_PLACES - 2, 0):  # 'table 1' and 'table 12' were there before
        with app.database.writing(shop.organization_id) as session, app.counting() as statements:
            places = Place.replace_all(session, store_of(session, shop), items, at=NOON)  # type: ignore[arg-type]
            new = sum(place in session.new for place in places)
        assert new == expected
        assert [place.position for place in places] == list(range(1, MAX_PLACES + 1))
        assert len(statements) < 40
