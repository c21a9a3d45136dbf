"""Devices: installations of the app, and the addresses that pushes are sent to."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import SHARED_PHONE_GRANTS, Actor
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.secret import HasSecret
from models.errors import NotFound
from models.organizations.store import Store
from models.policy_defaults import LAST_SEEN_RESOLUTION
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.staff import Staff


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
            postgresql_where=text("address IS NOT NULL"),
            sqlite_where=text("address IS NOT NULL"),
        ),
    )

    staff_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True, index=True)  # None: a shared phone
    installation_id: Mapped[str] = mapped_column(String(MAX_INSTALLATION_ID_LENGTH))
    platform: Mapped[Platform]
    address: Mapped[str | None] = mapped_column(String(MAX_ADDRESS_LENGTH))
    address_kind: Mapped[AddressKind | None]
    app_version: Mapped[str | None] = mapped_column(String(60))
    locale: Mapped[str | None] = mapped_column(String(35))
    registered_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str | None] = mapped_column(String(60))

    # Of a shared phone: its store, how people call it, its secret, and how many wrong PINs were tried on it.
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True, index=True)
    name: Mapped[str | None] = mapped_column(String(60))
    secret_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    enrolled_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    failed_pins: Mapped[int] = mapped_column(default=0)

    staff: Mapped[Staff | None] = many_to_one("Device", "staff_id", "Staff")

    @classmethod
    def register(
        cls,
        session: Session,
        *,
        by: Actor,
        installation_id: str,
        platform: Platform,
        address: str,
        address_kind: AddressKind,
        app_version: str | None = None,
        locale: str | None = None,
        at: datetime,
    ) -> "Device":
        """Assign this installation to the signed-in person. An address of another installation moves here."""
        Staff.lock_staff(session, by.person)
        device = cls.by_installation(session, installation_id)
        for holder in session.scalars(select(cls).where(cls.address == address)):
            if holder is not device:
                holder.retire(reason="moved", at=at)
        session.flush()
        if device is None:
            device = cls(installation_id=installation_id, registered_at=at)
            session.add(device)
        device.staff_id, device.platform = by.person, platform
        device.address, device.address_kind = address, address_kind
        device.app_version, device.locale = app_version, locale
        device.seen_at, device.retired_at, device.retired_reason = at, None, None
        session.flush()
        if sign_in := session.get(StaffSession, (by.organization_id, by.session_id)):
            sign_in.device_id = device.id
        return device

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
        device.secret_digest, device.enrolled_by_id, device.failed_pins = token.digest, enrolled_by_id, 0
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
        self.address, self.address_kind = address, address_kind
        self.seen_at, self.retired_at, self.retired_reason = at, None, None

    @classmethod
    def lock_holders(
        cls, session: Session, *, address: str | None, installation_id: str | None = None
    ) -> Sequence["Device"]:
        """Return the devices that have this installation id or this address now, locked until the transaction ends."""
        has_either = or_(cls.installation_id == installation_id, cls.address == address)
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
    def actor(cls, session: Session, token: Token, at: datetime) -> tuple[Actor, bool] | None:
        """Return the shared phone of this secret and whether to record that it was seen, in one statement.

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
        return actor, at - row.seen_at > LAST_SEEN_RESOLUTION

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
