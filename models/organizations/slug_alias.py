"""Slug aliases: former slugs of renamed words and places, and the slugs of merged words.

A slug that was given out once means the same thing for ever, because phones that were offline still send it.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned
from models.db.slug import MAX_SLUG_LENGTH


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
