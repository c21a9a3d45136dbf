"""Sessions of people and API keys of machines: opaque bearer tokens, of which only the digest is stored."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import LargeBinary, Select, String, UniqueConstraint, bindparam, delete, select, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import GRANTS, KEY_GRANTS, ROLES_OF_ALL_STORES, Actor, KeyScope
from models.db.base import TenantOwned, many_to_one, one_to_many, tenant_fk
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.staff.staff import Staff, StaffRegion, StaffStore

LAST_SEEN_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """Bearer token: `amd_s_<organization>_<secret>` for people, `amd_k_<organization>_<secret>` for API keys.

    It contains its organization, so that the tenant is known before anything is looked up.
    """

    kind: Literal["s", "k"]
    organization_id: UUID
    text: str

    @classmethod
    def new(cls, kind: Literal["s", "k"], organization_id: UUID) -> "Token":
        return cls(kind, organization_id, f"amd_{kind}_{organization_id.hex}_{secrets.token_urlsafe(32)}")

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """Return the token in this text, or None when the text has another format."""
        match text.split("_", 3):
            case ["amd", ("s" | "k") as kind, organization, secret] if len(organization) == 32 and secret:
                try:
                    return cls(kind, UUID(hex=organization), text)
                except ValueError:
                    return None
        return None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token. The secret has 256 random bits, so a slow hash would add nothing."""
        return hashlib.sha256(self.text.encode()).digest()


class StaffSession(TenantOwned):
    """One sign-in of one person. It is bound to a device once that device has registered."""

    __tablename__ = "staff_session"
    __table_args__ = (UniqueConstraint("organization_id", "digest"),)

    staff_id: Mapped[UUID] = tenant_fk("staff", index=True)
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    staff: Mapped[Staff] = many_to_one("StaffSession", "staff_id", "Staff")

    @classmethod
    def open(cls, session: Session, *, staff: Staff, at: datetime) -> tuple["StaffSession", Token]:
        """Sign a person in, for as long as the organization lets a sign-in last.

        The token is returned once and never stored.
        """
        token = Token.new("s", staff.organization_id)
        organization = Organization.get(session, staff.organization_id)
        expires_at = organization.sign_in_ends_at(opened_at=at, seen_at=at)
        sign_in = cls(staff_id=staff.id, digest=token.digest, created_at=at, expires_at=expires_at, seen_at=at)
        session.add(sign_in)
        return sign_in, token

    def record_seen(self, session: Session, *, at: datetime) -> None:
        """Record that the sign-in was used, and when it ends by the present settings of the organization."""
        organization = Organization.get(session, self.organization_id)
        self.seen_at = at
        self.expires_at = organization.sign_in_ends_at(opened_at=self.created_at, seen_at=at)

    @classmethod
    def close(cls, session: Session, actor: Actor) -> None:
        """Sign this actor out."""
        session.execute(delete(cls).where(cls.id == actor.session_id))

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Delete the sign-ins that have expired."""
        session.execute(delete(cls).where(cls.expires_at <= at).execution_options(synchronize_session=False))

    @classmethod
    def actor(cls, session: Session, token: Token, at: datetime) -> tuple[Actor, bool] | None:
        """Return the person of this token, with stores and permissions, in one statement; None if it is not valid.

        The second value is true when `seen_at` is older than `LAST_SEEN_RESOLUTION`.
        """
        rows = session.execute(_session_statement(), {"digest": token.digest, "at": at}).all()
        if not rows:
            return None
        session_id, device_id, seen_at, staff_id, role, name, _ = rows[0]
        store_ids = frozenset(row[-1] for row in rows if row[-1] is not None)
        actor = Actor(
            organization_id=token.organization_id,
            permissions=GRANTS[role],
            store_ids=None if role in ROLES_OF_ALL_STORES else store_ids,
            staff_id=staff_id,
            session_id=session_id,
            device_id=device_id,
            role=role,
            name=name,
        )
        return actor, at - seen_at > LAST_SEEN_RESOLUTION


@cache
def _session_statement() -> Select[Any]:
    """Select the sign-in with a digest, its person, and one row for each store within reach.

    Cached because every request executes it.
    """
    by_region = select(StaffRegion.staff_id, Store.id).join(Store, Store.region_id == StaffRegion.region_id)
    reach = union_all(select(StaffStore.staff_id, StaffStore.store_id), by_region).subquery()
    is_valid = (StaffSession.digest == bindparam("digest"), StaffSession.expires_at > bindparam("at"))
    # An outer join, so that a person without any store has one row, with an empty store id.
    return (
        select(StaffSession.id, StaffSession.device_id, StaffSession.seen_at, Staff.id, Staff.role, Staff.name)
        .add_columns(reach.c.store_id)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .outerjoin(reach, reach.c.staff_id == Staff.id)
        .where(*is_valid, Staff.left_at.is_(None))
    )


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


def find_actor(session: Session, token: Token, at: datetime) -> tuple[Actor, bool] | None:
    """Return the actor of this token and whether to record that they were seen; None if the token is not valid."""
    return (StaffSession if token.kind == "s" else ApiKey).actor(session, token, at)


def record_last_seen(session: Session, actor: Actor, at: datetime) -> None:
    """Record that a sign-in or API key was used."""
    sign_in = session.get(StaffSession, (actor.organization_id, actor.session_id)) if actor.session_id else None
    key = session.get(ApiKey, (actor.organization_id, actor.api_key_id)) if actor.api_key_id else None
    if sign_in is not None:
        sign_in.record_seen(session, at=at)
    if key is not None:
        key.seen_at = at
