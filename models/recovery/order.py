"""Orders, as tills tell them: what a customer has paid is the most that can be refunded."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from models.access import Actor
from models.db.base import Money, TenantOwned, many_to_one, money, tenant_fk
from models.db.session import ScopedSession
from models.db.text import BYTEWISE_NAME, fold
from models.errors import NotFound
from models.organizations.place import Place

MAX_SOURCE_LENGTH = 60
MAX_REFERENCE_LENGTH = 100  # as people may type it in a concern
TYPED = "staff"  # the source of what people type: no key's


class OrderSource(TenantOwned):
    """What tells orders, such as a till. It belongs to the API key that told one of it first."""

    __tablename__ = "order_source"
    __table_args__ = (UniqueConstraint("organization_id", "name_key"),)

    name: Mapped[str] = mapped_column(String(MAX_SOURCE_LENGTH))
    name_key: Mapped[str] = mapped_column(BYTEWISE_NAME)
    api_key_id: Mapped[UUID] = tenant_fk("api_key")

    @classmethod
    def of_key(cls, session: ScopedSession, name: str, *, by: Actor) -> "OrderSource":
        """Return the source of this name, which from now on is the key's. NotFound for that of another key."""
        stmt = select(cls).where(cls.name_key == fold(name))
        source = session.scalars(stmt).one_or_none()
        if source is None and fold(name) != TYPED:
            values = {"name": name, "name_key": fold(name), "api_key_id": by.api_key_id}
            source = session.insert_or_ignore(cls, **values) or session.scalars(stmt).one()
        if source is None or source.api_key_id != by.api_key_id:
            raise NotFound("There is no such source of orders within reach of this key.")
        return source


class Order(TenantOwned):
    """An order: its store, its source, the business day on which it was opened, and its reference, folded.

    Tills begin at one again every day. `value` is what was told last; a total that was told stays until another is.
    `cap_amount` is how much of it can be refunded where that is less: a key raises no cap of what it gave for itself.
    """

    __tablename__ = "customer_order"
    noun = "order"
    __table_args__ = (
        UniqueConstraint(
            "organization_id",
            "store_id",
            "business_date",
            "reference_key",
            "source_id",
            name="uq_customer_order_reference",
        ),
    )

    store_id: Mapped[UUID] = tenant_fk("store")
    source_id: Mapped[UUID] = tenant_fk("order_source")
    business_date: Mapped[date]
    reference: Mapped[str] = mapped_column(String(MAX_REFERENCE_LENGTH))
    reference_key: Mapped[str] = mapped_column(BYTEWISE_NAME)
    place_id: Mapped[UUID | None] = tenant_fk("place", nullable=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    value_amount: Mapped[int | None] = mapped_column(BigInteger)
    value_currency: Mapped[str | None] = mapped_column(String(3))
    value: Mapped[Money | None] = money("value")
    cap_amount: Mapped[int | None] = mapped_column(BigInteger)
    told_at: Mapped[datetime]

    source: Mapped[OrderSource] = many_to_one("Order", "source_id", "OrderSource")
    place: Mapped[Place | None] = many_to_one("Order", "place_id", "Place")
