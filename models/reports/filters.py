"""Does what a report is narrowed to exist? Of a name that nobody has there would be zeros, and zeros get published."""

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


def check_filters(session: Session, asked: Mapping[str, Any], *, actor: Actor) -> None:
    """Invalid, with its pointer, for a filter that names nothing within reach; one look-up for each that is named."""
    for name, look_up in FILTERS.items():
        if name in asked and session.scalars(look_up(actor, asked[name])).first() is None:
            thing = name.removesuffix("_id")
            raise Invalid(f"There is no {thing} {asked[name]} within reach of this sign-in.", pointer=f"/{name}")
