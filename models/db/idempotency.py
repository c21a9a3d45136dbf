"""Requests that were answered already: which object they made, so that a repeat shows it instead of making another."""

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
    """One request that had its effect, named by its key. Written in the transaction of the effect, so neither is alone.

    No answer is stored: the object is shown again, as it is now and as the asker may see it.
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
        """None the first time; the earlier request when this key was used before, with the same body or another.

        A request under the same key that is still running makes this one wait for its end.
        """
        name = {"requester_id": by.staff_id or by.api_key_id, "method": method, "path": path, "key": key}
        digest = hashlib.sha256(body).digest()
        new = session.insert_or_ignore(cls, **name, body_digest=digest, object_id=object_id, status=status, at=at)
        if new is not None:
            return None
        criteria = [getattr(cls, field) == value for field, value in name.items()]
        earlier = session.scalars(select(cls).where(*criteria)).one_or_none()
        if earlier is None:
            raise Conflict("The same request is being answered right now; ask again.", code="request-in-progress")
        return earlier

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Let go of what nobody will repeat any more: phones stay in drawers, but not for ever."""
        session.execute(
            delete(cls).where(cls.at < at - IDEMPOTENCY_KEY_TTL).execution_options(synchronize_session=False)
        )

    def has_same_body(self, body: bytes) -> bool:
        """Whether the earlier request carried the same body."""
        return self.body_digest == hashlib.sha256(body).digest()
