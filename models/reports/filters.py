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
    "region_id": lambda actor, id_: Store.select_visible_regions(actor).where(Region.id == id_),
    "group_id": lambda actor, id_: select(StoreGroup.id).where(StoreGroup.id == id_, *StoreGroup.visible_to(actor)),
    "store_id": lambda actor, id_: select(Store.id).where(Store.id == id_, *Store.visible_to(actor)),
    "category": lambda _, slug: select(Category.id).where(Category.slug == slug),
}


def check_filters(session: Session, query: Mapping[str, Any], *, actor: Actor) -> None:
    """Check that each filter of a query names something the actor can see; one statement for each filter.

    Raises Invalid with the pointer of the filter.
    """
    for name, select_named in FILTERS.items():
        if name in query and session.scalars(select_named(actor, query[name])).first() is None:
            kind = name.removesuffix("_id")
            raise Invalid(f"There is no {kind} {query[name]} within reach of this sign-in.", pointer=f"/{name}")
