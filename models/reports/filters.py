"""Report filters: refuses one that names nothing, because its report would be all zeros, and zeros get published."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.errors import Invalid
from models.organizations.organization import Region
from models.organizations.store import Store
from models.organizations.store_group import StoreGroup
from models.organizations.vocabulary import Category

# What each filter selects: the id and the name of the one thing it names.
FILTERS: Mapping[str, Callable[[Actor, Any], Select[UUID, str]]] = {
    "region_id": lambda actor, id_: (
        Store.select_visible_regions(actor).where(Region.id == id_).with_only_columns(Region.id, Region.name)
    ),
    "group_id": lambda actor, id_: select(StoreGroup.id, StoreGroup.name).where(
        StoreGroup.id == id_, *StoreGroup.visible_to(actor)
    ),
    "store_id": lambda actor, id_: select(Store.id, Store.name).where(Store.id == id_, *Store.visible_to(actor)),
    "category": lambda _, slug: select(Category.id, Category.name).where(Category.id == Category.id_of_slug(slug)),
}


def resolve_filters(
    session: Session, query: Mapping[str, Any], *, actor: Actor
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the query with the id of each filter, and their names by kind: `category` becomes `category_id`.

    Checks that each filter names something the actor can see, with one statement for each. Raises Invalid with the
    pointer of the filter.
    """
    resolved, names = dict(query), {}
    for filter_, select_named in FILTERS.items():
        if filter_ in query:
            kind = filter_.removesuffix("_id")
            row = session.execute(select_named(actor, resolved.pop(filter_))).first()
            if row is None:
                detail = f"There is no {kind} '{query[filter_]}' within reach of this sign-in."
                raise Invalid(detail, pointer=f"/{filter_}")
            resolved[f"{kind}_id"], names[kind] = row
    return resolved, names
