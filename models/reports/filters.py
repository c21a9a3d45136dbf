"""Report filters: refuses one that names nothing, because its report would be all zeros, and zeros get published."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.errors import Invalid
from models.organizations.organization import Region
from models.organizations.store import Store
from models.organizations.store_group import StoreGroup
from models.organizations.vocabulary import Category

FILTERS: Mapping[str, Callable[[Actor, Any], Select[Any]]] = {
    "region_id": lambda actor, id_: (
        Store.select_visible_regions(actor).where(Region.id == id_).with_only_columns(Region.id)
    ),
    "group_id": lambda actor, id_: select(StoreGroup.id).where(StoreGroup.id == id_, *StoreGroup.visible_to(actor)),
    "store_id": lambda actor, id_: select(Store.id).where(Store.id == id_, *Store.visible_to(actor)),
    "category": lambda _, slug: select(Category.id).where(Category.id == Category.id_of_slug(slug)),
}


def resolve_filters(session: Session, query: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Return the query with the id of each filter: the slug `category` becomes `category_id`.

    Checks that each filter names something the actor can see, with one statement for each. Raises Invalid with the
    pointer of the filter.
    """
    resolved = dict(query)
    for name, select_id in FILTERS.items():
        if name in query:
            kind, id_ = name.removesuffix("_id"), session.scalars(select_id(actor, resolved.pop(name))).first()
            if id_ is None:
                raise Invalid(f"There is no {kind} {query[name]} within reach of this sign-in.", pointer=f"/{name}")
            resolved[f"{kind}_id"] = id_
    return resolved
