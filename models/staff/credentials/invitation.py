"""Invitations: one-time codes with which a person sets their password or PIN."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.secret import HasSecret


class Invitation(HasSecret, TenantOwned):
    """One-time code of a person who is new or has forgotten their password or PIN. Its `secret` is the code.

    `created_by_id` is None for a code that was asked for by the person themselves, came from a key, or was made at the
    terminal.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("organization_id", "digest"),
        Index("ix_invitation_staff_id", "organization_id", "staff_id", "created_at"),
    )

    staff_id: Mapped[UUID] = tenant_fk("staff")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
