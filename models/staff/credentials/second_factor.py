"""Second factors: time-based one-time codes (TOTP, RFC 6238) and recovery codes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.secret import HasSecret


class SecondFactor(HasSecret, TenantOwned):
    """Authenticator app of a person. It counts once a code of it was confirmed; then `Staff.second_factor_at` is set.

    The shared secret is encrypted with a key that is not in the database.
    """

    __tablename__ = "second_factor"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    encrypted_secret: Mapped[bytes] = mapped_column(LargeBinary(200))
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_time_step: Mapped[int | None] = mapped_column(BigInteger)  # of the last code, which is accepted only once
    recovery_digests: Mapped[list[Any]]  # hexadecimal SHA-256 of the recovery codes that were not used yet
