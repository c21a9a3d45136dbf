"""API keys of machines: scopes, the stores they are limited to, rotation and revocation."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, LargeBinary, Select, String, UniqueConstraint, and_, bindparam, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import KEY_GRANTS, Actor, KeyScope
from models.db.base import TenantOwned, UtcDateTime, many_to_one, one_to_many, tenant_fk
from models.db.bounds import check_bound
from models.db.secret import HasSecret
from models.errors import Invalid, InvalidState
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.policy_defaults import MAX_API_KEYS, MAX_API_KEYS_EVER
from models.staff.credentials.key_budget import KeyBudget
from models.staff.credentials.last_use import LastUse
from models.staff.credentials.token import Token
from models.staff.staff import Staff


class ApiKey(HasSecret, TenantOwned):
    """Key of a machine, such as the till or head office's reports. Its `secret` is the token.

    A rotation replaces the secret and may leave the former one accepted for a while, so that the machine can be told
    the new one meanwhile. Keys are revoked and never deleted: the timelines of concerns name them.
    """

    __tablename__ = "api_key"
    noun = "API key"
    __table_args__ = (
        UniqueConstraint("organization_id", "digest"),
        UniqueConstraint("organization_id", "previous_digest"),
    )

    name: Mapped[str] = mapped_column(String(200))
    scopes: Mapped[list[Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # None: on the command line
    # The ids of those who rotated it. They have read a secret of it, as whoever created it has.
    rotated_by: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    # The secret before the last rotation, which is accepted until `previous_until`.
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    previous_until: Mapped[datetime | None]
    # Those that were chosen when the key was made, in the form of `KeyBudget.to_json`; None: the default ones.
    own_budgets: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))

    created_by: Mapped[Staff | None] = many_to_one("ApiKey", "created_by_id", "Staff")
    store_links: Mapped[list["ApiKeyStore"]] = one_to_many(
        "ApiKey", "ApiKeyStore", "api_key_id", order_by="ApiKeyStore.store_id", cascade="all, delete-orphan"
    )

    @classmethod
    def create(
        cls,
        session: Session,
        *,
        organization_id: UUID,
        name: str,
        scopes: Collection[KeyScope],
        at: datetime,
        by: Actor | None = None,
        store_ids: Sequence[UUID] | None = None,
        expires_at: datetime | None = None,
        budgets: Sequence[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> "ApiKey":
        """Create a key. Whoever may create one may give it every scope: a till does what no administrator does.

        Args:
            session: The session of the organization.
            organization_id: The organization, which the token names.
            name: Its purpose or owner.
            scopes: What it may do.
            at: The time of creation.
            by: Whoever creates it; None on the command line.
            store_ids: The stores it is limited to; None for all stores, also later ones.
            expires_at: When it stops being accepted; None for never.
            budgets: What it may give, as `KeyBudget.check` takes it; None for the default ones.
            fields: The `id`, if the client chose it.

        Raises Invalid for a time of expiry that has passed, for budgets that contradict each other and for an export
        limited to stores, NotFound for a store out of reach, and InvalidState when the organization has too many keys.
        """
        if expires_at is not None and expires_at <= at:
            raise Invalid("A key cannot expire before it is made.", pointer="/expires_at")
        if store_ids is not None:
            _check_stores(session, store_ids, scopes, by=by)
        _check_count(session)
        key = cls(
            **fields,
            organization_id=organization_id,
            name=name,
            scopes=sorted({str(scope) for scope in scopes}),
            created_at=at,
            created_by_id=by.staff_id if by else None,
            expires_at=expires_at,
            own_budgets=None if budgets is None else KeyBudget.to_json(KeyBudget.check(budgets)),
        )
        key.store_links = [ApiKeyStore(store_id=store_id) for store_id in sorted(set(store_ids or ()))]
        key._set_new_secret()
        session.add(key)
        return key

    @classmethod
    def makers_of(cls, session: Session, *key_ids: UUID) -> frozenset[UUID]:
        """Return who made one of these keys or gave it a new secret: they have read it, and could act as the key."""
        if not key_ids:
            return frozenset()
        rows = session.execute(select(cls.created_by_id, cls.rotated_by).where(cls.id.in_(key_ids))).all()
        created = {created_by_id for created_by_id, _ in rows if created_by_id is not None}
        return frozenset(created | {UUID(rotator) for _, rotated_by in rows for rotator in rotated_by or ()})

    def rotate(self, *, overlap: timedelta, at: datetime, by: Actor | None = None) -> None:
        """Replace the secret. The former one is accepted until `overlap` has passed; the one before it ends now.

        `by` reads the new one: see `makers_of`. None: on the command line.
        InvalidState for a key that is revoked or has expired.
        """
        if self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= at):
            raise InvalidState("This key is revoked or has expired: make a new one.")
        self.previous_digest, self.previous_until = (self.digest, at + overlap) if overlap else (None, None)
        self._set_new_secret()
        if by is not None and by.staff_id is not None:
            self.rotated_by = sorted({*(self.rotated_by or ()), str(by.staff_id)})

    def revoke(self, *, at: datetime) -> None:
        """Refuse this key, also under its former secret, from the next request on. Does nothing when it is revoked."""
        if self.revoked_at is None:
            self.revoked_at = at
            self.previous_digest = self.previous_until = None

    @property
    def budgets(self) -> list[KeyBudget]:
        """What it may give without approval, by currency; in any other one it asks first."""
        return KeyBudget.defaults() if self.own_budgets is None else [KeyBudget(**own) for own in self.own_budgets]

    @property
    def store_ids(self) -> list[UUID] | None:
        """The stores it is limited to; None for all."""
        return [link.store_id for link in self.store_links] or None

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return joinedload(cls.created_by), selectinload(cls.store_links)

    @classmethod
    def select_visible(cls) -> Select["ApiKey"]:
        """Select all keys, revoked and expired ones too."""
        return select(cls).options(*cls.eager_options())

    @classmethod
    def actor(cls, session: Session, token: Token, at: datetime) -> tuple[Actor, LastUse] | None:
        """Return the machine of this token and its last use, in one statement.

        None if the token is not valid: unknown, expired, revoked, or rotated out.
        """
        rows = session.execute(_key_statement(), {"digest": token.digest, "at": at}).all()
        if not rows:
            return None
        key_id, name, scopes, seen_at, languages, _ = rows[0]
        store_ids = frozenset(row[-1] for row in rows if row[-1] is not None)
        actor = Actor(
            organization_id=token.organization_id,
            permissions=frozenset().union(*(KEY_GRANTS[KeyScope(scope)] for scope in scopes)),
            store_ids=store_ids or None,
            api_key_id=key_id,
            name=name,
            organization_language=languages[0],
        )
        return actor, LastUse(seen_at)

    def _set_new_secret(self) -> None:
        token = Token.new("k", self.organization_id)
        self.digest = token.digest
        self.show_secret(token.text)


class ApiKeyStore(TenantOwned):
    """Store that an API key is limited to. A key without any reaches all stores."""

    __tablename__ = "api_key_store"
    __table_args__ = (UniqueConstraint("organization_id", "api_key_id", "store_id"),)

    api_key_id: Mapped[UUID] = tenant_fk("api_key")
    store_id: Mapped[UUID] = tenant_fk("store")


@cache
def _key_statement() -> Select[Any]:
    """Select the key with a secret that is accepted, and one row for each store it is limited to.

    Cached because every request of a machine executes it.
    """
    digest, at = bindparam("digest", type_=LargeBinary(32)), bindparam("at", type_=UtcDateTime())
    has_secret = or_(
        ApiKey.digest == digest,
        and_(ApiKey.previous_digest == digest, ApiKey.previous_until > at),
    )
    has_not_expired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at)
    # An outer join, so that a key of all stores has one row, with an empty store id.
    return (
        select(ApiKey.id, ApiKey.name, ApiKey.scopes, ApiKey.seen_at, Organization.languages, ApiKeyStore.store_id)
        .join(Organization, Organization.id == ApiKey.organization_id)
        .outerjoin(ApiKeyStore, ApiKeyStore.api_key_id == ApiKey.id)
        .where(has_secret, ApiKey.revoked_at.is_(None), has_not_expired)
    )


def _check_stores(
    session: Session, store_ids: Sequence[UUID], scopes: Collection[KeyScope], *, by: Actor | None
) -> None:
    if not store_ids:
        raise Invalid("Name the stores, or leave them out for all stores.", pointer="/store_ids")
    if KeyScope.EXPORTS_READ in scopes:
        detail = "A key with exports:read cannot be limited to stores: the export is of the whole organization."
        raise Invalid(detail, pointer="/store_ids")
    if by is not None:
        Store.require_visible(session, store_ids, actor=by, pointer="/store_ids")


def _check_count(session: Session) -> None:
    valid = select(ApiKey.id).where(ApiKey.revoked_at.is_(None))
    check_bound(session, valid, most=MAX_API_KEYS, of="keys that are not revoked", advice="revoke one first")
    check_bound(session, select(ApiKey.id), most=MAX_API_KEYS_EVER, of="keys, with those that are revoked")
