"""API keys of machines: scopes, and the stores they are limited to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import KEY_GRANTS, Actor, KeyScope
from models.db.base import TenantOwned, one_to_many, tenant_fk
from models.policy_defaults import LAST_SEEN_RESOLUTION
from models.staff.credentials import Token


class ApiKey(TenantOwned):
    """Key of a machine, such as the till or head office's reports. Created on the command line."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("organization_id", "digest"),
        UniqueConstraint("organization_id", "previous_digest"),
    )

    name: Mapped[str] = mapped_column(String(200))
    scopes: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # None: on the command line
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    # The secret before the last rotation, which is accepted until `previous_until`.
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    previous_until: Mapped[datetime | None]

    store_links: Mapped[list["ApiKeyStore"]] = one_to_many(
        "ApiKey", "ApiKeyStore", "api_key_id", order_by="ApiKeyStore.store_id", cascade="all, delete-orphan"
    )

    @classmethod
    def create(
        cls, session: Session, *, organization_id: UUID, name: str, scopes: Iterable[KeyScope], at: datetime
    ) -> tuple["ApiKey", Token]:
        """Create a key. The token is returned once and never stored."""
        token = Token.new("k", organization_id)
        key = cls(
            organization_id=organization_id,
            name=name,
            scopes=sorted(str(scope) for scope in scopes),
            digest=token.digest,
            created_at=at,
        )
        session.add(key)
        return key, token

    @classmethod
    def actor(cls, session: Session, token: Token, at: datetime) -> tuple[Actor, bool] | None:
        """Return the machine of this token and whether to record that it was seen; None if the token is not valid."""
        row = session.execute(
            select(cls.id, cls.name, cls.scopes, cls.seen_at).where(
                cls.digest == token.digest, cls.revoked_at.is_(None)
            )
        ).one_or_none()
        if row is None:
            return None
        key_id, name, scopes, seen_at = row
        actor = Actor(
            organization_id=token.organization_id,
            permissions=frozenset().union(*(KEY_GRANTS[KeyScope(scope)] for scope in scopes)),
            store_ids=None,
            api_key_id=key_id,
            name=name,
        )
        return actor, seen_at is None or at - seen_at > LAST_SEEN_RESOLUTION


class ApiKeyStore(TenantOwned):
    """Store that an API key is limited to. A key without any reaches all stores."""

    __tablename__ = "api_key_store"
    __table_args__ = (UniqueConstraint("organization_id", "api_key_id", "store_id"),)

    api_key_id: Mapped[UUID] = tenant_fk("api_key")
    store_id: Mapped[UUID] = tenant_fk("store")
