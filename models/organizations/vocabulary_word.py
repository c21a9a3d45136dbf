"""Words of a vocabulary: what categories, causes, questions and remedies have in common."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import ColumnElement, String, func, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.db.base import TenantOwned
from models.db.bounds import too_many
from models.db.slug import MAX_SLUG_LENGTH, check_slug
from models.errors import Conflict
from models.organizations.names import merge_names
from models.organizations.slug_alias import SlugAlias, SlugKind
from models.organizations.store import StoreKind

MAX_ICON_LENGTH = 40


class VocabularyWord(TenantOwned):
    """Base class of the words that an organization chooses itself.

    `name` (of a question: `text`) is in the organization's first language, `names` has the others, by language tag.
    Lists are ordered by `position`, then by the name that the reader sees. A retired word is not offered any more;
    phones that were offline may still send it. They may also send a slug that the word had before: a slug means the
    same thing for ever.
    """

    __abstract__ = True

    slug_kind: ClassVar[SlugKind]
    max_words: ClassVar[int]  # of an organization; causes: of a category

    slug: Mapped[str] = mapped_column(String(MAX_SLUG_LENGTH))
    names: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    icon: Mapped[str | None] = mapped_column(String(MAX_ICON_LENGTH))  # the name of an icon that the app knows
    retired_at: Mapped[datetime | None]

    @property
    def retired(self) -> bool:
        return self.retired_at is not None

    @classmethod
    def id_of_slug(cls, slug: str | None) -> ColumnElement[Any]:
        """Return an expression for the id of the word that a slug means; null where it means none.

        That is the word which has the slug, had it before, or took over the word that had it. The alias comes first: a
        merged word keeps its slug, which has become an alias of the surviving word.
        """
        word = aliased(cls)
        current = select(word.id).where(word.slug == slug).scalar_subquery()
        return func.coalesce(SlugAlias.word_of_slug(cls.slug_kind, slug), current)

    @classmethod
    def find_by_slug(cls, session: Session, slug: str) -> Self | None:
        """Return the word that a slug means (see `id_of_slug`)."""
        return session.scalars(select(cls).where(cls.id == cls.id_of_slug(slug))).one_or_none()

    def describe_new(
        self,
        session: Session,
        values: Mapping[str, Any],
        *,
        at: datetime,
        pointer: str = "",
        count: int | None = None,
    ) -> None:
        """Describe a new word, as `describe` does. It has its slug already and is not in the session yet.

        Raises Conflict when another word has its slug, or had it, and InvalidState when there are too many words.
        `count` is how many there are, where that is known.
        """
        check_slug(self.slug, pointer=f"{pointer}/slug")
        self._refuse_taken(session, self.slug, pointer=f"{pointer}/slug")
        if count is None:
            count = session.scalars(select(func.count()).select_from(type(self))).one()
        if count >= self.max_words:
            of = f"words of the kind {self.slug_kind}"
            raise too_many(self.max_words, of, "change one that is retired")
        self.describe(session, values, at=at, pointer=pointer)

    def describe(self, session: Session, values: Mapping[str, Any], *, at: datetime, pointer: str = "") -> None:
        """Set columns of the word, its `slug`, its `names` (None removes a language), and whether it is `retired`.

        A slug that it loses stays an alias. Conflict when the new one is, or was, the slug of another word.
        """
        for name, value in values.items():
            match name:
                case "slug":
                    self._rename(session, value, pointer=f"{pointer}/slug")
                case "names":
                    self.names = merge_names(self.names or {}, value, pointer=f"{pointer}/names")
                case "retired":
                    self.retired_at = (self.retired_at or at) if value else None
                case _:
                    setattr(self, name, value)

    def _rename(self, session: Session, slug: str, *, pointer: str) -> None:
        if slug == self.slug:
            return
        check_slug(slug, pointer=pointer)
        self._refuse_taken(session, slug, by_others_than=self.id, pointer=pointer)
        SlugAlias.keep(session, self.slug_kind, self.slug, of=self)
        self.slug = slug

    @classmethod
    def _refuse_taken(cls, session: Session, slug: str, *, by_others_than: UUID | None = None, pointer: str) -> None:
        """Raise Conflict when the slug means another word. One statement: a concurrent renaming is seen or is not."""
        owner = cls.find_by_slug(session, slug)
        if owner is None or owner.id == by_others_than:
            return
        noun = cls.__name__.lower()
        detail = f"There is a {noun} {slug!r} already."
        if owner.slug != slug:
            detail = f"{slug!r} was the slug of the {noun} {owner.slug!r}, and goes on meaning that one."
        raise Conflict(detail, code="already-exists", pointer=pointer)


def of_store_kind(model: Any, store_kind: StoreKind | None) -> Sequence[ColumnElement[bool]]:
    """Return the criteria for words that are offered in this kind of store; without one in any."""
    return () if store_kind is None else (or_(model.store_kind.is_(None), model.store_kind == store_kind),)
