"""Slug aliases: former slugs of renamed words and places, and the slugs of merged words.

A slug that was given out once means the same thing for ever, because phones that were offline still send it.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ScalarSelect, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.db.base import TenantOwned
from models.db.slug import MAX_SLUG_LENGTH
from models.errors import InvalidState
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
    def object_of_slug(cls, kind: SlugKind, slug: str | None) -> ScalarSelect[UUID]:
        """Return the id of what had this slug within the organization, as a subquery; null where nothing had it.

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
            raise InvalidState(f"This had {MAX_SLUG_ALIASES} slugs before, and no more are kept: it keeps its slug.")
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
