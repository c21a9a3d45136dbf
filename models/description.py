"""How a concern is described: the customer's words apart from ours, what it is about, and what is still missing."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import SmallInteger, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.base import Base, Money, TenantOwned, link, many, money, one
from models.customer import Customer
from models.item import Item
from models.staff import Staff
from models.store import Place
from models.vocabulary import Category, Cause, Question

if TYPE_CHECKING:
    from models.concern import Concern

UNHAPPY = 2  # a mood of this or less

# What is worth asking for while the customer is still there.
WORTH_KNOWING = ("their_words", "wanted", "category", "cause", "place", "customer")
BY_SLUG = {"category": Category, "cause": Cause, "place": Place, "question": Question}
LINKED = frozenset({*BY_SLUG, "customer", "praised", "linked"})


class Description(Base):
    """The part of a concern that staff tell, complete and correct; `rating` is what the customer said of its end."""

    __abstract__ = True

    mood: Mapped[int] = mapped_column(SmallInteger)
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    their_words: Mapped[str | None] = mapped_column(Text)
    our_reading: Mapped[str | None] = mapped_column(Text)
    stake: Mapped[str | None] = mapped_column(Text)
    wanted: Mapped[str | None] = mapped_column(Text)
    read_back: Mapped[bool] = mapped_column(default=False)
    times_told: Mapped[int | None] = mapped_column(SmallInteger)
    sensitive: Mapped[bool] = mapped_column(default=False)
    order_reference: Mapped[str | None] = mapped_column(String(100))
    category_id: Mapped[UUID | None] = link("category", nullable=True)
    cause_id: Mapped[UUID | None] = link("cause", nullable=True)
    place_id: Mapped[UUID | None] = link("place", nullable=True)
    question_id: Mapped[UUID | None] = link("question", nullable=True)
    customer_id: Mapped[UUID | None] = link("customer", nullable=True)
    praised_id: Mapped[UUID | None] = link("staff", nullable=True)  # the colleague whom praise is for
    linked_id: Mapped[UUID | None] = link("concern", nullable=True)  # another one of the same story

    @declared_attr
    def order_value(cls) -> Mapped[Money | None]:  # noqa: N805 declared_attr hands over the class
        return money("order_value")

    @declared_attr
    def category(cls) -> Mapped[Category | None]:  # noqa: N805
        return one("Concern", "category_id", "Category")

    @declared_attr
    def cause(cls) -> Mapped[Cause | None]:  # noqa: N805
        return one("Concern", "cause_id", "Cause")

    @declared_attr
    def place(cls) -> Mapped[Place | None]:  # noqa: N805
        return one("Concern", "place_id", "Place")

    @declared_attr
    def question(cls) -> Mapped[Question | None]:  # noqa: N805
        return one("Concern", "question_id", "Question")

    @declared_attr
    def customer(cls) -> Mapped[Customer | None]:  # noqa: N805
        return one("Concern", "customer_id", "Customer")

    @declared_attr
    def praised(cls) -> Mapped[Staff | None]:  # noqa: N805
        return one("Concern", "praised_id", "Staff")

    @declared_attr
    def linked(cls) -> Mapped["Concern | None"]:  # noqa: N805
        return one("Concern", "linked_id", "Concern")

    @declared_attr
    def items(cls) -> Mapped[list["ConcernItem"]]:  # noqa: N805
        return many(
            "Concern", "ConcernItem", "concern_id", order_by="ConcernItem.position", cascade="all, delete-orphan"
        )

    @property
    def unhappy(self) -> bool:
        return self.mood <= UNHAPPY

    @property
    def unhappy_after_all(self) -> bool:
        """Whether the customer said so themselves, when it was thought to be over."""
        return self.rating is not None and self.rating <= UNHAPPY

    @property
    def urgent(self) -> bool:
        return self.category is not None and self.category.urgent

    @property
    def order(self) -> dict[str, Any] | None:
        if self.order_reference is None and self.order_value is None:
            return None
        return {"reference": self.order_reference, "value": self.order_value}

    @property
    def missing(self) -> list[str]:
        """What would be worth asking while there is time; never a reason to refuse anything."""
        return [name for name in WORTH_KNOWING if not getattr(self, f"{name}_id" if name in LINKED else name)]

    def describe(self, said: dict[str, Any]) -> None:
        """Take over what was told: plain values, rows for what is LINKED and for each item, `order` as it came in."""
        for name, value in said.items():
            if name in LINKED:
                setattr(self, f"{name}_id", value.id if value else None)
                setattr(self, name, value)
            elif name == "order":
                self.order_reference = value.get("reference") if value else None
                self.order_value = value.get("value") if value else None
            elif name == "items":
                self.items = [ConcernItem.at(place, **one) for place, one in enumerate(value or [])]
            else:
                setattr(self, name, value)

    def described(self, names: dict[str, Any]) -> dict[str, Any]:
        """The present values of these names as plain JSON, for the timeline's before and after."""
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    match value:
        case Category() | Cause() | Place() | Question():
            return value.slug
        case TenantOwned():
            return str(value.id)
        case Money():
            return {"amount": value.amount, "currency": value.currency}
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [{"slug": one.slug, "name": one.name, "quantity": one.quantity} for one in value]
    return value


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
