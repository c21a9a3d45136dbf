"""Enrolments: one-time codes that make a phone a shared phone of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor, Permission
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.db.secret import HasSecret
from models.errors import Invalid, InvalidState
from models.organizations.store import Store
from models.policy_defaults import ENROLMENT_TTL, IDEMPOTENCY_KEY_TTL, MAX_SHARED_PHONES
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.staff import Staff


class Enrolment(HasSecret, TenantOwned):
    """One-time code that makes one phone a shared phone of a store. Its `secret` is the code."""

    __tablename__ = "enrolment"
    MAX_NAME_LENGTH: ClassVar[int] = 60
    __table_args__ = (UniqueConstraint("organization_id", "digest"),)

    store_id: Mapped[UUID] = tenant_fk("store", index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))  # how people call the phone: 'bar', 'terrace 2'
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID] = tenant_fk("staff")
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)

    store: Mapped[Store] = many_to_one("Enrolment", "store_id", "Store")
    created_by: Mapped[Staff] = many_to_one("Enrolment", "created_by_id", "Staff")

    @classmethod
    def create(
        cls, session: Session, *, store: Store, name: str, by: Actor, at: datetime, **fields: Any
    ) -> "Enrolment":
        """Make a code for one phone of a store, which the caller has locked.

        `fields` are the `id`, if the client chose it. InvalidState for a store that is out of business or has too many
        shared phones and unused codes.
        """
        if store.closed_at is not None:
            raise InvalidState("This store is closed: nobody works there.", state="closed")
        unused = select(cls.id).where(cls.store_id == store.id, cls.redeemed_at.is_(None), cls.expires_at > at)
        check_bound(
            session,
            unused,
            most=MAX_SHARED_PHONES,
            more=Device.count_shared(session, store.id) + 1,
            of="shared phones of a store, with the codes that were not used yet",
            advice="revoke a phone that is not used any more, or wait until a code expires",
        )
        token = Token.new("e", store.organization_id)
        enrolment = cls(
            **fields,
            store_id=store.id,
            name=name,
            digest=token.digest,
            created_at=at,
            created_by_id=by.person,
            expires_at=at + ENROLMENT_TTL,
        )
        enrolment.show_secret(token.text)
        session.add(enrolment)
        return enrolment

    @classmethod
    def redeem(cls, session: Session, code: Token, *, at: datetime) -> "Enrolment":
        """Use a code up and return its enrolment. Of two who use it at once, one waits for the other and is refused.

        Invalid, in the same words, for a code that is unknown, was used, has expired, is of a closed store, or was made
        by somebody who manages no phones any more.
        """
        stmt = select(cls).where(cls.digest == code.digest).with_for_update(of=cls)
        enrolment = session.scalars(stmt).one_or_none()
        if enrolment is None or not enrolment.is_open(at):
            raise cls.invalid_code_error()
        enrolment.redeemed_at = at
        return enrolment

    @classmethod
    def is_valid(cls, session: Session, code: Token, *, at: datetime) -> bool:
        """Return whether this code can be used now."""
        enrolment = session.scalars(select(cls).where(cls.digest == code.digest)).one_or_none()
        return enrolment is not None and enrolment.is_open(at)

    def is_open(self, at: datetime) -> bool:
        """Return whether the code can still be used: whoever made it works here, and still looks after phones."""
        may_enrol = not self.created_by.has_left(at) and Permission.DEVICE_MANAGE in self.created_by.permissions
        return self.redeemed_at is None and self.expires_at > at and self.store.closed_at is None and may_enrol

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Delete the codes that expired so long ago that no repeat of a request asks for them any more."""
        stmt = delete(cls).where(cls.expires_at <= at - IDEMPOTENCY_KEY_TTL)
        session.execute(stmt.execution_options(synchronize_session=False))

    @staticmethod
    def invalid_code_error() -> Invalid:
        """Return the one refusal of a code, whatever is wrong with it."""
        return Invalid("This code is not valid: it is unknown, was used, or has expired.", pointer="/code")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.store_id.in_(actor.store_ids),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.created_by),)
