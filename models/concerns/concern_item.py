"""A catalogue item that a concern is about."""

from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, link, one
from models.organizations.catalogue_item import Item


class ConcernItem(TenantOwned):
    """That a concern is about so many of an item; shown by the name it has now."""

    __tablename__ = "concern_item"

    concern_id: Mapped[UUID] = link("concern", index=True)
    item_id: Mapped[UUID] = link("item")
    position: Mapped[int] = mapped_column(SmallInteger)
    quantity: Mapped[int] = mapped_column(default=1)

    item: Mapped[Item] = one("ConcernItem", "item_id", "Item", lazy="joined", innerjoin=True)

    @classmethod
    def at(cls, position: int, *, item: Item, quantity: int = 1) -> "ConcernItem":
        return cls(position=position, item=item, item_id=item.id, quantity=quantity)

    @property
    def slug(self) -> str:
        return self.item.slug

    @property
    def name(self) -> str:
        return self.item.name
