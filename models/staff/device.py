"""Devices: installations of the app, and the addresses that pushes are sent to."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.errors import NotFound
from models.staff.credentials.staff_session import StaffSession
from models.staff.staff import Staff


class Platform(StrEnum):
    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


class AddressKind(StrEnum):
    FCM_TOKEN = "fcm_token"  # noqa: S105 the name of a kind, not a secret
    FID = "fid"
    LOG = "log"


class Device(TenantOwned):
    """One installation of the app. A personal phone belongs to a person, a shared phone to a store.

    A person may have several. A shared phone proves with a secret of its own which one it is.
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
    def unregister(cls, session: Session, *, by: Actor, installation_id: str, at: datetime) -> None:
        """Stop pushing to an installation of this person. NotFound when it is not theirs."""
        device = cls.by_installation(session, installation_id)
        if device is None or device.staff_id != by.staff_id:
            raise NotFound("You have no such phone registered.")
        device.retire(reason="forgotten", at=at)

    @classmethod
    def sign_out(cls, session: Session, *, by: Actor, at: datetime) -> None:
        """Stop pushing to the phone that this person signs out of."""
        device = session.get(cls, (by.organization_id, by.device_id)) if by.device_id else None
        if device is not None and device.staff_id == by.staff_id:
            device.retire(reason="signed-out", at=at)

    @classmethod
    def by_installation(cls, session: Session, installation_id: str) -> "Device | None":
        return session.scalars(select(cls).where(cls.installation_id == installation_id)).one_or_none()

    def retire(self, *, reason: str, at: datetime) -> None:
        """Stop pushing to this installation and delete its address, until it registers again."""
        self.address, self.retired_at, self.retired_reason = None, at, reason
