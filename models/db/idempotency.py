"""Idempotency keys: which object a request has made, so that a repeat shows it instead of making another."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.db.base import TenantOwned
from models.db.session import ScopedSession
from models.errors import Conflict
from models.policy_defaults import IDEMPOTENCY_KEY_TTL


class IdempotencyKey(TenantOwned):
    """A request that had its effect. The row is written in the transaction of the effect, so neither exists alone.

    No answer is stored. A repeat shows the object as it is now, to the extent that the requester may see it now.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("organization_id", "requester_id", "method", "path", "key"),
        Index("ix_idempotency_key_at", "at"),
    )

    requester_id: Mapped[UUID]
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(300))
    key: Mapped[str] = mapped_column(String(260))
    body_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    object_id: Mapped[UUID | None]
    status: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]

    @classmethod
    def record_or_get(
        cls,
        session: ScopedSession,
        *,
        by: Actor,
        method: str,
        path: str,
        key: str,
        body: bytes,
        object_id: UUID | None,
        status: int,
        at: datetime,
    ) -> "IdempotencyKey | None":
        """Record a request. Return None the first time, or the earlier request that used the key, whatever its body.

        A concurrent request with the same key makes this one wait for its end. Conflict when its row cannot be read
        afterwards.
        """
        request = {"requester_id": by.staff_id or by.api_key_id, "method": method, "path": path, "key": key}
        digest = hashlib.sha256(body).digest()
        new = session.insert_or_ignore(cls, **request, body_digest=digest, object_id=object_id, status=status, at=at)
        if new is not None:
            return None
        criteria = [getattr(cls, name) == value for name, value in request.items()]
        earlier = session.scalars(select(cls).where(*criteria)).one_or_none()
        if earlier is None:
            raise Conflict("The same request is being answered right now; ask again.", code="request-in-progress")
        return earlier

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Delete the keys of requests that no phone repeats any more, after `IDEMPOTENCY_KEY_TTL`."""
        session.execute(
            delete(cls).where(cls.at < at - IDEMPOTENCY_KEY_TTL).execution_options(synchronize_session=False)
        )

    def has_same_body(self, body: bytes) -> bool:
        """Return whether the earlier request had the same body."""
        return self.body_digest == hashlib.sha256(body).digest()
