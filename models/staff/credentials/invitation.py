"""Invitations: one-time codes with which a person sets their password or PIN."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from models.access import Actor
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.db.secret import HasSecret
from models.errors import Expired, InvalidState
from models.policy_defaults import CODE_MAKER_WAITS, IDEMPOTENCY_KEY_TTL, INVITATION_TTL, MAX_CODES_PER_DAY
from models.staff.credentials.token import Token
from models.staff.staff import Staff


class Invitation(HasSecret, TenantOwned):
    """One-time code of a person who is new or has forgotten their password or PIN. Its `secret` is the code.

    `created_by_id` is the colleague who may have read the code: who made it, or of a code by mail (`by_mail`) who
    entered the address. None when the person or a key entered it, and for a code that was made at the terminal.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("organization_id", "digest"),
        Index("ix_invitation_staff_id", "organization_id", "staff_id", "created_at"),
    )

    staff_id: Mapped[UUID] = tenant_fk("staff")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    by_mail: Mapped[bool] = mapped_column(default=False)

    staff: Mapped[Staff] = many_to_one("Invitation", "staff_id", "Staff")

    @classmethod
    def create(
        cls, session: Session, staff: Staff, *, by: Actor | None = None, at: datetime, **fields: Any
    ) -> "Invitation":
        """Make a code for a person, who is locked; those made before that were not redeemed are withdrawn.

        `by` is the person who made it, None for a code made at the terminal. `fields` are the `id`. InvalidState for
        somebody who has left, and when colleagues made too many for this person within a day.
        """
        if staff.has_left(at):
            raise InvalidState(f"{staff.name} does not work here: bring them back first.")
        if by is not None:
            _check_count(session, staff, at=at)
        cls.withdraw(session, staff.id, at=at)
        created_by_id = by.staff_id if by else None
        invitation = cls(**fields, staff_id=staff.id, created_at=at, created_by_id=created_by_id)
        invitation._set_new_secret(staff.organization_id, at=at)
        session.add(invitation)
        return invitation

    @classmethod
    def create_for_mail(cls, session: Session, staff: Staff, *, id_: UUID, at: datetime) -> "Invitation":
        """Make the code of a mail while the mail is composed: nothing that the code follows from is ever stored.

        `id_` is that of the notification. When the mail is tried again, it gets another code, and the former one is
        void. Codes that somebody made for this person stay: anybody may ask for such a mail.
        """
        invitation = session.get(cls, (staff.organization_id, id_))
        if invitation is None:
            invitation = cls(id=id_, organization_id=staff.organization_id, staff_id=staff.id, created_at=at)
            session.add(invitation)
        invitation.by_mail, invitation.created_by_id = True, staff.email_set_by_id
        invitation._set_new_secret(staff.organization_id, at=at)
        return invitation

    @classmethod
    def find_valid(cls, session: Session, code: Token, *, at: datetime, lock: bool = False) -> "Invitation":
        """Return the invitation with this code, and its person. `lock` locks the person until the transaction ends.

        Expired, in the same words, when the code is unknown, was redeemed or withdrawn, or is too old, and when the
        person has left.
        """
        valid = (
            cls.digest == code.digest,
            cls.redeemed_at.is_(None),
            cls.withdrawn_at.is_(None),
            cls.expires_at > at,
            cls.staff.has(Staff.works_at(at)),
        )
        if lock:
            Staff.lock_staff(session, session.scalars(select(cls.staff_id).where(*valid)).one_or_none())
        stmt = select(cls).where(*valid).options(joinedload(cls.staff))
        invitation = session.scalars(stmt.execution_options(populate_existing=True)).one_or_none()
        if invitation is None:
            raise code_not_valid()
        return invitation

    def redeem(self, session: Session, *, at: datetime) -> Staff:
        """Use the code up, withdraw the other codes of its person, and return the person (see `find_valid`)."""
        self.redeemed_at = at
        session.flush()
        self.withdraw(session, self.staff_id, at=at)
        return self.staff

    @classmethod
    def withdraw(cls, session: Session, staff_id: UUID, *, at: datetime) -> None:
        """Withdraw the codes of a person that were not redeemed."""
        pending = (cls.staff_id == staff_id, cls.redeemed_at.is_(None), cls.withdrawn_at.is_(None))
        session.execute(update(cls).where(*pending).values(withdrawn_at=at))

    @classmethod
    def was_made_by(cls, session: Session, staff_id: UUID, *, maker_id: UUID | None, at: datetime) -> bool:
        """Return whether the maker made a code for this person lately, or may have got one by mail.

        Then they could have signed in as that person.
        """
        made = select(cls.id).where(
            cls.staff_id == staff_id, cls.created_by_id == maker_id, cls.created_at > at - CODE_MAKER_WAITS
        )
        return maker_id is not None and session.scalars(made.limit(1)).first() is not None

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Delete the codes that expired so long ago that no repeat of a request asks for them any more."""
        stmt = delete(cls).where(cls.expires_at <= at - IDEMPOTENCY_KEY_TTL)
        session.execute(stmt.execution_options(synchronize_session=False))

    def _set_new_secret(self, organization_id: UUID, *, at: datetime) -> None:
        code = Token.new("i", organization_id)
        self.digest, self.expires_at = code.digest, at + INVITATION_TTL
        self.show_secret(code.text)


def code_not_valid() -> Expired:
    """Return the refusal of a code, which does not say what is wrong with it."""
    return Expired(
        "This code is not valid, or not any more: ask your manager for a new one, or for a mail with one.",
        code="code-not-valid",
    )


def _check_count(session: Session, staff: Staff, *, at: datetime) -> None:
    """Raise InvalidState for too many codes. Those by mail do not count: strangers ask for them."""
    by_hand = (Invitation.staff_id == staff.id, Invitation.created_at > at - INVITATION_TTL, ~Invitation.by_mail)
    made = select(Invitation.id).where(*by_hand)
    check_bound(session, made, most=MAX_CODES_PER_DAY, of="codes made for one person within a day")
