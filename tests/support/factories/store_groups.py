"""Groups of stores; a store may be in several of them."""

from collections.abc import Collection, Mapping
from random import Random
from uuid import UUID

from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.db.session import Database
from models.organizations.store_group import GroupKind, StoreGroup
from tests.support.factories.organizations import Shop


def make_store_groups(database: Database, shop: Shop, groups: Mapping[str, Collection[UUID]]) -> dict[str, UUID]:
    """Make groups with these slugs of these stores; return their ids."""
    with database.writing(shop.organization_id) as session:
        made = {
            slug: StoreGroup.create(
                session, by=_admin(shop), slug=slug, name=slug.title(), kind=GroupKind.OTHER, store_ids=[*store_ids]
            )
            for slug, store_ids in groups.items()
        }
    return {slug: group.id for slug, group in made.items()}


def shuffle_store_groups(database: Database, shop: Shop, stores: Collection[UUID], rng: Random) -> None:
    """Give each group other stores, drawn from these."""
    with database.writing(shop.organization_id) as session:
        for group in session.scalars(select(StoreGroup).order_by(StoreGroup.slug)).all():
            group.edit(session, by=_admin(shop), store_ids=rng.sample([*stores], rng.randint(0, len(stores))))


def _admin(shop: Shop) -> Actor:
    return Actor(shop.organization_id, GRANTS[Role.ADMIN], None, staff_id=shop.staff["admin"])
