"""Merges of categories and causes: 'A is now B'. The worker re-files the concerns of A in slices."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from models.db.base import TenantOwned, tenant_fk
from models.organizations.slug_alias import SlugKind


class VocabularyMerge(TenantOwned):
    """One merge of a category or cause (`from_id`) into another one (`into_id`).

    Until `done_at` the worker goes through the concerns by id and re-files those of `from_id`; `refiled_to_id` is the
    last one it has looked at.
    """

    __tablename__ = "vocabulary_merge"
    __table_args__ = (
        Index(
            "ix_vocabulary_merge_pending",
            "organization_id",
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
    )

    kind: Mapped[SlugKind]
    from_id: Mapped[UUID]
    into_id: Mapped[UUID]
    at: Mapped[datetime]
    by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    refiled_to_id: Mapped[UUID | None]
    done_at: Mapped[datetime | None]
