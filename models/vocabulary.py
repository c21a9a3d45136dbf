"""What an organization names itself to describe a concern: categories, their causes, open questions."""

from uuid import UUID

from sqlalchemy import Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, selectinload

from models.base import Aggregate, TenantOwned, link, many, one
from models.errors import Missing


class Category(Aggregate):
    """A kind of concern. An urgent one (safety, allergy) rings whatever the mood."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    urgent: Mapped[bool] = mapped_column(default=False)
    about_money: Mapped[bool] = mapped_column(default=False)  # the failure was the price; else words come first

    causes: Mapped[list["Cause"]] = many("Category", "Cause", "category_id", order_by="Cause.slug")

    @classmethod
    def listed(cls) -> Select["Category"]:
        return select(cls).options(selectinload(cls.causes))

    @classmethod
    def named(cls, session: Session, slug: str) -> "Category":
        found = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if found is None:
            raise Missing(f"This organization has no category {slug!r}.", pointer="/category")
        return found


class Cause(TenantOwned):
    """Why it happened, the second level under a category."""

    __tablename__ = "cause"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    category_id: Mapped[UUID] = link("category", index=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))

    category: Mapped[Category] = one("Cause", "category_id", "Category", viewonly=True)


class Question(TenantOwned):
    """An open question that helps people to tell their story."""

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(300))
