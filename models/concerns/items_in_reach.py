"""Which items of the catalogue somebody may change: those that concerns of their stores name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.concern_item import ConcernItem
from models.organizations.catalogue_item import CatalogueItem


def require_in_reach(session: Session, item: CatalogueItem, *, by: Actor) -> None:
    """Raise NotFound unless a concern that the actor may read names the item.

    Names are read everywhere, for completion; but who changes one answers for it. What nobody names any more was typed
    in a store that nobody knows, and is left to those who reach every store.
    """
    if by.store_ids is None:
        return
    named_by = select(Concern.id).join(ConcernItem, ConcernItem.concern_id == Concern.id)
    in_reach = named_by.where(ConcernItem.item_id == item.id, *Concern.visible_to(by)).limit(1)
    if session.scalars(in_reach).first() is None:
        raise CatalogueItem.not_visible_error(item.id, pointer=None)
