"""Enrolments: one-time codes that make a phone a shared phone of a store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.secret import HasSecret


class Enrolment(HasSecret, TenantOwned):
    """One-time code that makes one phone a shared phone of a store. Its `secret` is the code."""

    __tablename__ = "enrolment"
    __table_args__ = (UniqueConstraint("organization_id", "digest"),)

    store_id: Mapped[UUID] = tenant_fk("store", index=True)
    name: Mapped[str] = mapped_column(String(60))  # how people call the phone: 'bar', 'terrace 2'
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID] = tenant_fk("staff")
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)
