"""Devices: installations of the app, and the addresses that pushes are sent to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import SHARED_PHONE_GRANTS, Actor, Permission
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.bounds import too_many
from models.db.secret import HasSecret
from models.errors import NotFound
from models.organizations.store import Store
from models.policy_defaults import (
    FAILED_PINS_WINDOW,
    MAX_FAILED_PINS,
    MAX_INSTALLATIONS,
    MAX_PERSONAL_PHONES,
    PHONE_RETIRES_AFTER,
)
from models.staff.credentials.last_use import LastUse
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.staff import Staff, StaffStore

_HAS_ADDRESS: Final = text("address IS NOT NULL")
REVOKED: Final = "revoked"  # the reason why a lost phone is retired


class Platform(StrEnum):
    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


class AddressKind(StrEnum):
    FCM_TOKEN = "fcm_token"  # noqa: S105 the name of a kind, not a secret
    FID = "fid"
    LOG = "log"


class PhoneUser(NamedTuple):
    """Somebody who may sign in on a shared phone, and whether they are signed in there now, locked or not."""

    id: UUID
    name: str
    signed_in: bool


class Device(HasSecret, TenantOwned):
    """One installation of the app. A personal phone belongs to a person, a shared phone to a store.

    A person may have several. A shared phone proves with its `secret` which one it is. It keeps the secret when its
    address is gone (`retired_at`), and registers a new address with it.
    """

    __tablename__ = "device"
    MAX_INSTALLATION_ID_LENGTH: ClassVar[int] = 200
    MAX_ADDRESS_LENGTH: ClassVar[int] = 1024  # a token has about 200; the unique index takes at most 2,700 bytes
    __table_args__ = (
        UniqueConstraint("organization_id", "installation_id"),
        UniqueConstraint("organization_id", "secret_digest"),
        Index(
            "uq_device_address",
            "organization_id",
            "address",
            unique=True,
            postgresql_where=_HAS_ADDRESS,
            sqlite_where=_HAS_ADDRESS,
        ),
        # By the worker, over all organizations.
        Index("ix_device_address", "address", postgresql_where=_HAS_ADDRESS, sqlite_where=_HAS_ADDRESS),
    )

    staff_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True, index=True)  # None: a shared phone
    installation_id: Mapped[str] = mapped_column(String(MAX_INSTALLATION_ID_LENGTH))
    platform: Mapped[Platform]
    address: Mapped[str | None] = mapped_column(String(MAX_ADDRESS_LENGTH))
    address_kind: Mapped[AddressKind | None]
    app_version: Mapped[str | None] = mapped_column(String(60))
    locale: Mapped[str | None] = mapped_column(String(35))
    addressed_at: Mapped[datetime | None]  # when the app last told its address
    registered_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str | None] = mapped_column(String(60))

    # Of a shared phone: its store, how people call it, its secret, and how many wrong PINs were tried on it since when.
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True, index=True)
    name: Mapped[str | None] = mapped_column(String(60))
    secret_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    enrolled_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    failed_pins: Mapped[int] = mapped_column(default=0)
    failed_pins_since: Mapped[datetime | None]

    staff: Mapped[Staff | None] = many_to_one("Device", "staff_id", "Staff")

    @classmethod
    def assign(cls, session: Session, *, by: Actor, installation_id: str, at: datetime, **app: Any) -> "Device":
        """Make this installation a phone of the signed-in person, whom the caller has locked, and bind the sign-in.

        `app` is what `record_app` takes. The caller has taken the address from other devices. InvalidState when the
        person has too many phones already.
        """
        phones = cls.live_phones(session, by.person, but=installation_id)
        if len(phones) >= MAX_PERSONAL_PHONES:
            refusal = too_many(MAX_PERSONAL_PHONES, "phones of one person that ring", "forget one of them first")
            refusal.code, refusal.members["devices"] = "too-many-devices", [phone.summary for phone in phones]
            raise refusal
        device = cls.by_installation(session, installation_id) or cls._write_over_oldest(session, by.person)
        if device is None:
            device = cls(installation_id=installation_id, registered_at=at)
            session.add(device)
        device.installation_id = installation_id
        if device.staff_id != by.person:
            device.registered_at = at
        device.staff_id, device.store_id, device.name = by.person, None, None
        device.record_app(**app, at=at)
        session.flush()
        StaffSession.unbind(session, device.id, but_staff_id=by.person)
        if sign_in := session.get(StaffSession, (by.organization_id, by.session_id)):
            sign_in.device_id = device.id
        return device

    @classmethod
    def _write_over_oldest(cls, session: Session, staff_id: UUID) -> "Device | None":
        """Return the phone of this person that has not been rung for longest, to be another one; None if they are few.

        Whoever installs the app anew for years, or has it do so a thousand times, has no more of them for that.
        """
        silent = select(cls).where(cls.staff_id == staff_id, cls.address.is_(None)).order_by(cls.seen_at, cls.id)
        count = session.scalars(select(func.count()).where(cls.staff_id == staff_id)).one()
        device = session.scalars(silent.limit(1)).first() if count >= MAX_INSTALLATIONS else None
        if device is not None:
            StaffSession.unbind_all(session, device.id)
        return device

    @classmethod
    def live_phones(cls, session: Session, staff_id: UUID, *, but: str | None = None) -> Sequence["Device"]:
        """Return the phones of a person that have an address, but for one installation."""
        others = cls.installation_id.is_distinct_from(but)
        stmt = select(cls).where(cls.staff_id == staff_id, cls.address.is_not(None), others)
        return session.scalars(stmt.order_by(cls.seen_at, cls.id)).all()

    @property
    def summary(self) -> dict[str, Any]:
        """What a refusal says of a phone, so that its owner can tell which one it is."""
        return {
            "id": self.id,
            "installation_id": self.installation_id,
            "platform": self.platform,
            "last_seen_at": self.seen_at,
        }

    @classmethod
    def enrol(
        cls,
        session: Session,
        *,
        organization_id: UUID,
        store_id: UUID,
        name: str,
        enrolled_by_id: UUID,
        installation_id: str,
        at: datetime,
        **app: Any,
    ) -> "Device":
        """Make this installation a shared phone of a store, with a new secret, whoever had it before.

        `app` is what `record_app` takes. The caller has taken the address from other devices.
        """
        device = cls.by_installation(session, installation_id)
        if device is None:
            device = cls(installation_id=installation_id)
            session.add(device)
        token = Token.new("d", organization_id)
        device.staff_id, device.store_id, device.name = None, store_id, name
        device.secret_digest, device.enrolled_by_id = token.digest, enrolled_by_id
        device.forget_failed_pins()
        device.registered_at = at
        device.record_app(**app, at=at)
        device.show_secret(token.text)
        return device

    def record_app(
        self,
        *,
        platform: Platform,
        address: str | None = None,
        address_kind: AddressKind | None = None,
        app_version: str | None = None,
        locale: str | None = None,
        at: datetime,
    ) -> None:
        """Record what the app says of itself, and where it is pushed to."""
        self.platform, self.app_version, self.locale = platform, app_version, locale
        self.address, self.address_kind, self.addressed_at = address, address_kind, at
        self.seen_at, self.retired_at, self.retired_reason = at, None, None

    @classmethod
    def lock_holders(
        cls, session: Session, *, address: str | None, installation_id: str | None = None
    ) -> Sequence["Device"]:
        """Return the devices that have this installation id or this address now, locked until the transaction ends."""
        has_either = or_(cls.installation_id == installation_id, and_(cls.address.is_not(None), cls.address == address))
        return session.scalars(select(cls).where(has_either).order_by(cls.id).with_for_update(of=cls)).all()

    @property
    def is_shared(self) -> bool:
        """Whether it is a shared phone of a store at present: one that was revoked is nobody's."""
        return self.secret_digest is not None

    @classmethod
    def count_shared(cls, session: Session, store_id: UUID) -> int:
        """Return how many shared phones a store has."""
        stmt = select(func.count()).where(cls.store_id == store_id, cls.secret_digest.is_not(None))
        return session.scalars(stmt).one()

    def users(self, session: Session, *, at: datetime) -> Sequence[PhoneUser]:
        """Return who may sign in on this shared phone with their PIN, by name."""
        if self.store_id is None:
            return ()
        live = (StaffSession.device_id == self.id, StaffSession.expires_at > at)
        signed_in = Staff.id.in_(select(StaffSession.staff_id).where(*live))
        may_sign_in = (Staff.uses_shared_phones_of(self.store_id, at), Staff.pin_digest.is_not(None))
        stmt = select(Staff.id, Staff.name, signed_in).where(*may_sign_in).order_by(Staff.name, Staff.id)
        return [PhoneUser(*row) for row in session.execute(stmt)]

    @classmethod
    def lock_by_secret(cls, session: Session, token: Token) -> "Device | None":
        """Return the shared phone of this secret, locked until the transaction ends; None if the secret is not valid.

        Of two people who sign in on one phone at once, the second one has it.
        """
        in_business = select(Store.id).where(Store.closed_at.is_(None))
        stmt = select(cls).where(cls.secret_digest == token.digest, cls.store_id.in_(in_business))
        return session.scalars(stmt.with_for_update(of=cls)).one_or_none()

    @property
    def needs_manager(self) -> bool:
        """Whether so many wrong PINs were tried here that none is accepted until a manager gives their password."""
        return self.failed_pins >= MAX_FAILED_PINS

    def count_failed_pin(self, *, at: datetime) -> None:
        """Count a wrong PIN. The caller has locked the phone.

        The count starts over `FAILED_PINS_WINDOW` after its first one, so that the typing errors of a month do not add
        up. A right PIN does not start it over: whoever knows their own could guess at those of others for ever.
        """
        if self.failed_pins_since is None or at - self.failed_pins_since >= FAILED_PINS_WINDOW:
            self.failed_pins, self.failed_pins_since = 0, at
        self.failed_pins += 1

    def forget_failed_pins(self) -> None:
        """Start the count over: a manager has given their password here."""
        self.failed_pins, self.failed_pins_since = 0, None

    @classmethod
    def actor(cls, session: Session, token: Token) -> tuple[Actor, LastUse] | None:
        """Return the shared phone of this secret and its last use, in one statement.

        None if the secret is not valid: unknown, revoked, or that of a phone of a closed store.
        """
        row = session.execute(_secret_statement(), {"digest": token.digest}).one_or_none()
        if row is None:
            return None
        actor = Actor(
            organization_id=token.organization_id,
            permissions=SHARED_PHONE_GRANTS,
            store_ids=frozenset({row.store_id}),
            device_id=row.id,
            name=row.name,
        )
        return actor, LastUse(row.seen_at)

    @classmethod
    def unregister(cls, session: Session, *, by: Actor, installation_id: str, at: datetime) -> None:
        """Stop pushing to an installation of this person. NotFound when it is not theirs."""
        device = cls.by_installation(session, installation_id)
        if device is None or device.staff_id != by.staff_id:
            raise NotFound("You have no such phone registered.")
        device.retire(reason="forgotten", at=at)

    @classmethod
    def by_installation(cls, session: Session, installation_id: str) -> "Device | None":
        return session.scalars(select(cls).where(cls.installation_id == installation_id)).one_or_none()

    @classmethod
    def is_signed_in(cls, at: datetime) -> ColumnElement[bool]:
        """Match personal phones on which their owner is signed in."""
        return (
            select(StaffSession.id)
            .where(
                StaffSession.organization_id == cls.organization_id,
                StaffSession.device_id == cls.id,
                StaffSession.staff_id == cls.staff_id,
                StaffSession.expires_at > at,
            )
            .correlate(cls)
            .exists()
        )

    def has_sign_in(self, session: Session, *, at: datetime) -> bool:
        """Return whether the owner of this personal phone is signed in on it."""
        mine = (Device.organization_id == self.organization_id) & (Device.id == self.id)
        return session.scalars(select(Device.id).where(mine, Device.is_signed_in(at))).first() is not None

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for the actor's own phones; with `device:manage` also for those of the actor's stores.

        Those are the shared phones of the stores, and the phones of the people who belong to them. A shared phone that
        asks by itself sees itself.
        """
        own = cls.staff_id == actor.staff_id if actor.staff_id else cls.id == actor.device_id
        if not actor.may(Permission.DEVICE_MANAGE):
            return (own,)
        if actor.store_ids is None:
            return ()
        return (or_(own, cls._is_of_stores(actor.store_ids)),)

    @classmethod
    def _is_of_stores(cls, store_ids: Collection[UUID]) -> ColumnElement[bool]:
        """Match the shared phones of these stores, and the phones of the people who belong to them."""
        people = select(StaffStore.staff_id).where(StaffStore.store_id.in_(store_ids))
        return or_(cls.store_id.in_(store_ids), cls.staff_id.in_(people))

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.staff),)

    @classmethod
    def select_visible(cls, actor: Actor, *, store_id: UUID | None = None) -> Select["Device"]:
        """Select the phones within reach, retired ones too; with `store_id` those of that store and its people."""
        stmt = select(cls).where(*cls.visible_to(actor)).options(*cls.eager_options())
        if store_id is None:
            return stmt
        # The store is within reach, or nobody is told who belongs to it.
        return stmt.where(cls._is_of_stores([store_id]) if actor.reaches(store_id) else false())

    def revoke(self, *, at: datetime) -> None:
        """Stop pushing to a lost phone, and refuse its secret if it is a shared one. Once is enough.

        The sign-ins on it are ended by `revoke_phone`.
        """
        self.secret_digest = None
        if self.retired_reason != REVOKED:
            self.retire(reason=REVOKED, at=at)

    @classmethod
    def retire_unseen(cls, session: Session, *, at: datetime) -> None:
        """Retire the personal phones that were not used for `PHONE_RETIRES_AFTER`, until they register again.

        A shared phone stays: it belongs to a store, which may be closed for a season.
        """
        unseen = (cls.staff_id.is_not(None), cls.address.is_not(None), cls.seen_at < at - PHONE_RETIRES_AFTER)
        stmt = update(cls).where(*unseen).values(address=None, retired_at=at, retired_reason="unseen")
        session.execute(stmt.execution_options(synchronize_session=False))

    def retire(self, *, reason: str, at: datetime) -> None:
        """Stop pushing to this installation and delete its address, until it registers again."""
        self.address, self.retired_at, self.retired_reason = None, at, reason


@cache
def _secret_statement() -> Select[Any]:
    """Select the shared phone with a secret. Cached because a locked phone asks with it every few seconds."""
    return (
        select()
        .add_columns(Device.id, Device.store_id, Device.name, Device.seen_at)
        .join_from(Device, Store, Store.id == Device.store_id)
        .where(Device.secret_digest == bindparam("digest"), Store.closed_at.is_(None))
    )
