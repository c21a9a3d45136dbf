"""Catalogue items: naming a new one adds it, and it is found again however it is typed."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from models.db.slug import check_slug
from models.organizations.catalogue_item import CatalogueItem
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop, make_shop
from tests.support.threads import at_once


def find_or_create(app: App, shop: Shop, *references: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the slug and the name that each of these references has in the catalogue."""
    with app.database.writing(shop.organization_id) as session:
        items = CatalogueItem.find_or_create(session, references, at=NOON)
        return [(item.slug, item.name) for item in items if item is not None]


def count(app: App, shop: Shop) -> int:
    with app.database.reading(shop.organization_id) as session:
        return session.scalars(select(func.count()).select_from(CatalogueItem)).one()


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def test_a_new_item_is_added(app: App, shop: Shop) -> None:
    items = find_or_create(
        app, shop, {"name": "Crème Brûlée"}, {"slug": "soup"}, {"slug": "fish", "name": "Fish of the day"}
    )
    assert items == [("creme-brulee", "Crème Brûlée"), ("soup", "soup"), ("fish", "Fish of the day")]
    assert count(app, shop) == 3


@pytest.mark.parametrize(
    "again",
    [
        {"name": "CREME  brulee"},
        {"name": "crème-brûlée"},
        {"slug": "creme-brulee"},
        {"slug": "Creme-Brulee", "name": "Something else"},
    ],
)
def test_an_item_is_found_again_however_it_is_typed(app: App, shop: Shop, again: dict[str, Any]) -> None:
    first = find_or_create(app, shop, {"name": "Crème Brûlée"})
    assert find_or_create(app, shop, again) == first
    assert count(app, shop) == 1


def test_an_item_named_twice_in_one_request_is_added_once(app: App, shop: Shop) -> None:
    assert (
        len(set(find_or_create(app, shop, *named("Soup", "soup", "SOUP"), {"slug": "soup"}))) == count(app, shop) == 1
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("寿司", "刺身"), ("Ramen 拉麺", "Ramen 味噌"), ("a" * 70, "a" * 71), ("★", "☆"), ("Bread", "Butter")],
)
def test_names_that_no_slug_can_spell_get_different_slugs(app: App, shop: Shop, one: str, other: str) -> None:
    slugs = [slug for slug, _ in find_or_create(app, shop, *named(one, other, one))]
    assert slugs[0] == slugs[2] != slugs[1]
    assert [check_slug(slug) for slug in slugs] == slugs


def test_a_renamed_item_is_found_by_both_names(app: App, shop: Shop) -> None:
    find_or_create(app, shop, {"name": "Sope"})
    with app.database.writing(shop.organization_id) as session:
        session.scalars(select(CatalogueItem)).one().rename("Sopa do dia")
    assert find_or_create(app, shop, *named("sopa do DIA", "sope")) == [("sope", "Sopa do dia")] * 2


def test_the_catalogue_of_another_organization_is_another(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    assert find_or_create(app, shop, {"name": "Soup"}) == [("soup", "Soup")]
    assert find_or_create(app, other, {"slug": "soup"}) == [("soup", "soup")]
    assert (count(app, shop), count(app, other)) == (1, 1)


@only_on_postgresql
def test_two_phones_that_name_the_same_new_things_at_once_end_up_with_one_of_each(app: App, shop: Shop) -> None:
    for number in range(10):
        names = [f"Soup {number}", f"Bread {number}", f"Fish {number}"]
        results = at_once(
            [partial(find_or_create, app, shop, *named(*order)) for order in (names, names[::-1], names, names[::-1])]
        )
        assert all(sorted(items) == sorted(results[0]) for items in results)
        assert count(app, shop) == 3 * (number + 1)
