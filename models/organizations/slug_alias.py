"""Slug aliases: former slugs of renamed words and places, and the slugs of merged words.

A slug that was given out once means the same thing for ever, because phones that were offline still send it.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ScalarSelect, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.db.base import TenantOwned
from models.db.bounds import too_many
from models.db.many_values import is_any_of
from models.db.slug import MAX_SLUG_LENGTH
from models.policy_defaults import MAX_SLUG_ALIASES


class SlugKind(StrEnum):
    """What a slug names. Slugs of one kind are unique within their scope."""

    CATEGORY = "category"
    CAUSE = "cause"
    QUESTION = "question"
    REMEDY = "remedy"
    PLACE = "place"


class SlugAlias(TenantOwned):
    """A former slug of one thing. `scope_id` is the store of a place, and else the organization."""

    __tablename__ = "slug_alias"
    __table_args__ = (UniqueConstraint("organization_id", "kind", "scope_id", "slug"),)

    kind: Mapped[SlugKind]
    scope_id: Mapped[UUID]
    slug: Mapped[str] = mapped_column(String(MAX_SLUG_LENGTH))
    object_id: Mapped[UUID]

    @classmethod
    def ids_by_slug(cls, session: Session, kind: SlugKind, *, scope_id: UUID) -> dict[str, UUID]:
        """Return the ids of the objects of a scope by each slug that they had before."""
        stmt = select(cls.slug, cls.object_id).where(cls.kind == kind, cls.scope_id == scope_id)
        return dict(session.execute(stmt).all())

    @classmethod
    def ids_by_scope(
        cls, session: Session, kind: SlugKind, *, scope_ids: Sequence[UUID]
    ) -> dict[UUID, dict[str, UUID]]:
        """Return what `ids_by_slug` does, for many scopes, by scope."""
        is_within = is_any_of(session, (cls.scope_id,), [(scope_id,) for scope_id in scope_ids])
        stmt = select(cls.scope_id, cls.slug, cls.object_id).where(cls.kind == kind, is_within)
        ids: dict[UUID, dict[str, UUID]] = defaultdict(dict)
        for scope_id, slug, object_id in session.execute(stmt):
            ids[scope_id][slug] = object_id
        return ids

    @classmethod
    def place_of_slug(cls, slug: str | None, *, store_id: UUID | None) -> ScalarSelect[UUID]:
        """Return the id of the place of a store that had this slug, as a subquery; null where none had it."""
        alias = aliased(cls)
        had_it = (alias.kind == SlugKind.PLACE, alias.scope_id == store_id, alias.slug == slug)
        return select(alias.object_id).where(*had_it).scalar_subquery()

    @classmethod
    def word_of_slug(cls, kind: SlugKind, slug: str | None) -> ScalarSelect[UUID]:
        """Return the id of the organization's word that had this slug, as a subquery; null where none had it.

        It selects from an alias of the table, so that it can stand in any statement.
        """
        alias = aliased(cls)
        return select(alias.object_id).where(alias.kind == kind, alias.slug == slug).scalar_subquery()

    @classmethod
    def keep(cls, session: Session, kind: SlugKind, slug: str, *, of: TenantOwned) -> None:
        """Keep a slug that something of the organization is about to lose. InvalidState when it had too many."""
        former = session.scalars(select(cls.slug).where(cls.kind == kind, cls.object_id == of.id)).all()
        if slug in former:
            return
        if len(former) >= MAX_SLUG_ALIASES:
            raise too_many(MAX_SLUG_ALIASES, "former slugs of one word", "it keeps its slug")
        session.add(cls(kind=kind, scope_id=of.organization_id, slug=slug, object_id=of.id))

    @classmethod
    def move(cls, session: Session, kind: SlugKind, slug: str, *, from_id: UUID, into: TenantOwned) -> None:
        """Make this slug, and all that had become aliases of `from_id`, aliases of `into`."""
        session.execute(
            update(cls)
            .where(cls.kind == kind, cls.object_id == from_id)
            .values(object_id=into.id)
            .execution_options(synchronize_session=False)
        )
        known = session.scalars(select(cls.id).where(cls.kind == kind, cls.slug == slug, cls.object_id == into.id))
        if known.first() is None:
            session.add(cls(kind=kind, scope_id=into.organization_id, slug=slug, object_id=into.id))
