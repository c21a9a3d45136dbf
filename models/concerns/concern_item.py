"""Link between a concern and a catalogue item it is about."""

from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.organizations.catalogue_item import CatalogueItem


class ConcernItem(TenantOwned):
    """A catalogue item that a concern is about, and how many of it. It is shown by the present name of the item."""

    __tablename__ = "concern_item"

    concern_id: Mapped[UUID] = tenant_fk("concern", index=True)
    item_id: Mapped[UUID] = tenant_fk("catalogue_item", index=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    quantity: Mapped[int] = mapped_column(default=1)

    item: Mapped[CatalogueItem] = many_to_one("ConcernItem", "item_id", "CatalogueItem", lazy="joined", innerjoin=True)

    @classmethod
    def at(cls, position: int, *, item: CatalogueItem, quantity: int = 1) -> "ConcernItem":
        return cls(position=position, item=item, quantity=quantity)

    @property
    def slug(self) -> str:
        return self.item.slug

    @property
    def name(self) -> str:
        return self.item.name
