"""Vocabulary of an organization for its concerns: categories, their causes, open questions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.db.base import Aggregate, many_to_one, one_to_many, tenant_fk
from models.errors import Conflict, Invalid, InvalidState, NotFound
from models.organizations.slug_alias import SlugKind
from models.organizations.store import StoreKind
from models.organizations.vocabulary_word import VocabularyWord, of_store_kind
from models.policy_defaults import MAX_CATEGORIES, MAX_CAUSES, MAX_QUESTIONS


class Category(VocabularyWord, Aggregate):
    """Category of concerns. An urgent one (safety, allergy) rings whatever the mood.

    A merged one is retired and reads as the one it was merged into. What had been merged into it before is merged into
    that one as well, so that `merged_into` is never itself a merged category.
    """

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug_kind = SlugKind.CATEGORY
    max_words = MAX_CATEGORIES

    name: Mapped[str] = mapped_column(String(60))
    urgent: Mapped[bool] = mapped_column(default=False)
    about_money: Mapped[bool] = mapped_column(default=False)  # the failure was the price; otherwise words come first
    store_kind: Mapped[StoreKind | None]  # offered in stores of this kind only
    merged_into_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)

    causes: Mapped[list["Cause"]] = one_to_many(
        "Category", "Cause", "category_id", order_by="(Cause.position, Cause.slug)"
    )
    merged_into: Mapped["Category | None"] = many_to_one("Category", "merged_into_id", "Category")

    @property
    def survivor(self) -> "Category":
        """The category itself, or the one it was merged into."""
        return self if self.merged_into_id is None or self.merged_into is None else self.merged_into

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return joinedload(cls.merged_into), selectinload(cls.causes).joinedload(Cause.merged_into)

    @classmethod
    def select_visible(cls, *, store_kind: StoreKind | None = None) -> Select["Category"]:
        """Select the categories of all stores, or of this kind of store, with their causes, also the retired ones."""
        return select(cls).where(*of_store_kind(cls, store_kind)).options(*cls.eager_options())

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Category":
        """Return the category that this slug means. NotFound when there is none."""
        category = cls.find_by_slug(session, slug)
        if category is None:
            raise NotFound(f"This organization has no category {slug!r}.", pointer="/category")
        return category

    @classmethod
    def create(
        cls, session: Session, *, slug: str, at: datetime, causes: Iterable[Mapping[str, Any]] = (), **values: Any
    ) -> "Category":
        """Create a category with its causes. Conflict when a slug is taken."""
        category = cls(slug=slug, causes=[])
        category.describe_new(session, values, at=at)
        session.add(category)
        category._write_causes(session, causes, at=at)
        return category

    def edit(self, session: Session, *, at: datetime, causes: Iterable[Mapping[str, Any]] = (), **changes: Any) -> None:
        """Change the category. The causes that are named are created or changed, the others stay.

        A cause is named by its id, its slug or a slug that it had. InvalidState for a merged category or cause.
        """
        _refuse_merged(self, pointer=None)
        self.bump_version()
        self.describe(session, changes, at=at)
        self._write_causes(session, causes, at=at)

    def _write_causes(self, session: Session, items: Iterable[Mapping[str, Any]], *, at: datetime) -> None:
        written = set()
        for number, item in enumerate(items):
            cause = self._write_cause(session, dict(item), at=at, pointer=f"/causes/{number}")
            if cause.id in written:
                raise Invalid("This cause is named twice.", pointer=f"/causes/{number}")
            written.add(cause.id)
            session.flush()  # the next one has to find the slug of this one
        self.causes.sort(key=lambda cause: (cause.position, cause.slug))

    def _write_cause(self, session: Session, item: dict[str, Any], *, at: datetime, pointer: str) -> "Cause":
        cause = self._named_cause(session, item, pointer=pointer)
        if cause is not None:
            _refuse_merged(cause, pointer=pointer)
            if "id" not in item:
                item.pop("slug")  # it only says which cause is meant
            cause.describe(session, {name: item[name] for name in item if name != "id"}, at=at, pointer=pointer)
            return cause
        for name in ("slug", "name"):
            if name not in item:
                raise Invalid(f"A new cause needs a {name}.", pointer=f"{pointer}/{name}")
        cause = Cause(slug=item.pop("slug"))
        cause.describe_new(session, item, at=at, pointer=pointer, count=len(self.causes))
        self.causes.append(cause)
        return cause

    def _named_cause(self, session: Session, item: Mapping[str, Any], *, pointer: str) -> "Cause | None":
        """Return the cause of this category that an item means, or None. Conflict for one of another category."""
        by = "id" if "id" in item else "slug"
        if by not in item:
            raise Invalid("A cause needs its id or its slug.", pointer=f"{pointer}/slug")
        meant = Cause.id == item["id"] if by == "id" else Cause.id == Cause.id_of_slug(item["slug"])
        cause = session.scalars(select(Cause).where(meant)).one_or_none()
        if cause is not None and cause.category_id != self.id:
            detail = f"Another category has a cause with this {by}."
            raise Conflict(detail, code="already-exists", pointer=f"{pointer}/{by}")
        return cause


class Cause(VocabularyWord):
    """Cause of a concern: the second level, under a category. A merged one is in the category of the surviving one."""

    __tablename__ = "cause"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug_kind = SlugKind.CAUSE
    max_words = MAX_CAUSES

    category_id: Mapped[UUID] = tenant_fk("category", index=True)
    name: Mapped[str] = mapped_column(String(60))
    merged_into_id: Mapped[UUID | None] = tenant_fk("cause", nullable=True)

    category: Mapped[Category] = many_to_one("Cause", "category_id", "Category", viewonly=True)
    merged_into: Mapped["Cause | None"] = many_to_one("Cause", "merged_into_id", "Cause")

    @property
    def survivor(self) -> "Cause":
        """The cause itself, or the one it was merged into."""
        return self if self.merged_into_id is None or self.merged_into is None else self.merged_into


def _refuse_merged(word: Category | Cause, *, pointer: str | None) -> None:
    if word.merged_into is not None:
        into = word.merged_into.slug
        raise InvalidState(f"This was merged into {into!r}: change that one.", state="merged", pointer=pointer)


class Question(VocabularyWord, Aggregate):
    """Open question that helps people to tell their story, for all concerns or for those of one category.

    One that asks for the story `from_the_beginning` is not suggested to a customer who has told it before.
    """

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug_kind = SlugKind.QUESTION
    max_words = MAX_QUESTIONS

    text: Mapped[str] = mapped_column(String(300))
    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    store_kind: Mapped[StoreKind | None]  # asked in stores of this kind only
    from_the_beginning: Mapped[bool] = mapped_column(default=False)

    category: Mapped[Category | None] = many_to_one("Question", "category_id", "Category")

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.category),)

    @property
    def name(self) -> str:
        """What other words have as their name."""
        return self.text

    @classmethod
    def select_visible(cls, *, category: str | None = None, store_kind: StoreKind | None = None) -> Select["Question"]:
        """Select the questions of all stores, or of this kind of store, also the retired ones.

        With `category` (a slug), those that can be asked about it.
        """
        stmt = select(cls).where(*of_store_kind(cls, store_kind)).options(*cls.eager_options())
        if category is None:
            return stmt
        return stmt.where(or_(cls.category_id.is_(None), cls.category_id == Category.id_of_slug(category)))

    @classmethod
    def create(
        cls, session: Session, *, slug: str, at: datetime, category: str | None = None, **values: Any
    ) -> "Question":
        """Create a question. Conflict when the slug is taken, NotFound when there is no such category."""
        question = cls(slug=slug)
        question.describe_new(session, values, at=at)
        question._set_category(session, category)
        session.add(question)
        return question

    def edit(self, session: Session, *, at: datetime, **changes: Any) -> None:
        """Change the question. NotFound when there is no such category."""
        if "category" in changes:
            self._set_category(session, changes.pop("category"))
        self.describe(session, changes, at=at)
        self.bump_version()

    def _set_category(self, session: Session, category: str | None) -> None:
        self.category = Category.by_slug(session, category) if category else None
        self.category_id = self.category.id if self.category else None
