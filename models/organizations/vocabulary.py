"""Vocabulary of an organization for its concerns: categories, their causes, open questions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.db.base import Aggregate, TenantOwned, many_to_one, one_to_many, tenant_fk
from models.db.slug import check_slug
from models.errors import Conflict, NotFound
from models.organizations.store import StoreKind
from models.organizations.vocabulary_word import VocabularyWord


class Category(VocabularyWord, Aggregate):
    """Category of concerns. An urgent one (safety, allergy) rings whatever the mood."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    urgent: Mapped[bool] = mapped_column(default=False)
    about_money: Mapped[bool] = mapped_column(default=False)  # the failure was the price; otherwise words come first
    store_kind: Mapped[StoreKind | None]  # offered in stores of this kind only
    merged_into_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)

    causes: Mapped[list["Cause"]] = one_to_many("Category", "Cause", "category_id", order_by="Cause.slug")

    @classmethod
    def select_visible(cls) -> Select["Category"]:
        return select(cls).options(selectinload(cls.causes))

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Category":
        """Return the category with this slug. NotFound when there is none."""
        category = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if category is None:
            raise NotFound(f"This organization has no category {slug!r}.", pointer="/category")
        return category


class Cause(VocabularyWord, TenantOwned):
    """Cause of a concern: the second level, under a category."""

    __tablename__ = "cause"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    category_id: Mapped[UUID] = tenant_fk("category", index=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    merged_into_id: Mapped[UUID | None] = tenant_fk("cause", nullable=True)

    category: Mapped[Category] = many_to_one("Cause", "category_id", "Category", viewonly=True)


class Question(VocabularyWord, Aggregate):
    """Open question that helps people to tell their story, for all concerns or for those of one category."""

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(300))
    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    store_kind: Mapped[StoreKind | None]  # asked in stores of this kind only

    category: Mapped[Category | None] = many_to_one("Question", "category_id", "Category")

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.category),)

    @classmethod
    def select_visible(cls, *, category: str | None = None) -> Select["Question"]:
        """Select the questions; with `category` (a slug), those that can be asked about it."""
        stmt = select(cls).options(*cls.eager_options())
        if category is None:
            return stmt
        return stmt.where(or_(cls.category_id.is_(None), cls.category.has(slug=category)))

    @classmethod
    def create(cls, session: Session, *, slug: str, category: str | None = None, **values: Any) -> "Question":
        """Create a question. Conflict when the slug is taken, NotFound when there is no such category."""
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a question {slug!r} already.", code="already-exists", pointer="/slug")
        question = cls(slug=check_slug(slug), **values)
        question._set_category(session, category)
        session.add(question)
        return question

    def edit(self, session: Session, **changes: Any) -> None:
        """Change the text or the category. NotFound when there is no such category."""
        if "category" in changes:
            self._set_category(session, changes.pop("category"))
        for name, value in changes.items():
            setattr(self, name, value)
        self.bump_version()

    def _set_category(self, session: Session, category: str | None) -> None:
        self.category = Category.by_slug(session, category) if category else None
        self.category_id = self.category.id if self.category else None
