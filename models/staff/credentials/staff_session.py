"""Sign-ins of people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import GRANTS, ROLES_OF_ALL_STORES, Actor, AppRules, Permission, Role, roles_with
from models.db.base import TenantOwned, UtcDateTime, many_to_one, tenant_fk
from models.db.session import ScopedSession
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.policy_defaults import (
    ADMIN_SIGN_IN,
    ADMIN_SIGN_IN_IDLE,
    HEAD_OFFICE_SIGN_IN,
    HEAD_OFFICE_SIGN_IN_IDLE,
    LOCK_AFTER,
    MAX_SIGN_INS,
)
from models.staff.credentials.last_use import LastUse
from models.staff.credentials.token import Token
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffRegion, StaffStore

if TYPE_CHECKING:
    from models.staff.device import Device

# How long a sign-in of these roles lasts at most: from the sign-in, and from its last use.
LONGEST_SIGN_INS: dict[Role, tuple[timedelta, timedelta]] = {
    Role.HEAD_OFFICE: (HEAD_OFFICE_SIGN_IN, HEAD_OFFICE_SIGN_IN_IDLE),
    Role.ADMIN: (ADMIN_SIGN_IN, ADMIN_SIGN_IN_IDLE),
}


class SignInMethod(StrEnum):
    """What a person proved with when they signed in."""

    PASSWORD = "password"  # noqa: S105 the name of a method, not a secret
    PIN = "pin"  # on a shared phone only


class StaffSession(TenantOwned):
    """One sign-in of one person. It is bound to a device once that device has registered.

    On a shared phone it locks by itself, and the person unlocks it by signing in there again.
    """

    __tablename__ = "staff_session"
    noun = "sign-in"
    __table_args__ = (UniqueConstraint("organization_id", "digest"),)

    staff_id: Mapped[UUID] = tenant_fk("staff", index=True)
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True, index=True)
    method: Mapped[SignInMethod] = mapped_column(default=SignInMethod.PASSWORD)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    # On a shared phone: when the person last did something, and when somebody else took the phone over.
    tapped_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]

    staff: Mapped[Staff] = many_to_one("StaffSession", "staff_id", "Staff")
    device: Mapped["Device | None"] = many_to_one("StaffSession", "device_id", "Device")

    @classmethod
    def open(
        cls,
        session: ScopedSession,
        *,
        staff: Staff,
        at: datetime,
        method: SignInMethod = SignInMethod.PASSWORD,
        shared_phone_id: UUID | None = None,
    ) -> tuple["StaffSession", Token]:
        """Sign a person in, for as long as the organization and their role let a sign-in last.

        The token is returned once and never stored. Of more than `MAX_SIGN_INS` at once the oldest ends. A sign-in on a
        shared phone goes through `open_on_shared_phone`.
        """
        token = Token.new("s", staff.organization_id)
        organization = Organization.get(session, staff.organization_id)
        expires_at = _ends_at(organization, staff.role, opened_at=at, seen_at=at)
        sign_in = cls(staff_id=staff.id, digest=token.digest, created_at=at, expires_at=expires_at, seen_at=at)
        sign_in.method = method
        if shared_phone_id is not None:
            sign_in.device_id, sign_in.tapped_at = shared_phone_id, at
        session.add(sign_in)
        session.flush()
        newest_first = select(cls.id).where(cls.staff_id == staff.id).order_by(cls.created_at.desc(), cls.id.desc())
        if too_many := session.scalars(newest_first.offset(MAX_SIGN_INS)).all():
            cls.end(session, cls.id.in_(too_many), from_elsewhere=False, at=at)
        session.flush()  # phones and sign-ins are locked before the shift
        Shift.note_activity(session, staff_id=staff.id, at=at)
        return sign_in, token

    @classmethod
    def get_with_person(cls, session: Session, actor: Actor) -> "StaffSession | None":
        """Return the sign-in of this actor with its person; None for an actor that did not sign in."""
        stmt = select(cls).where(cls.id == actor.session_id).options(joinedload(cls.staff))
        return session.scalars(stmt).one_or_none() if actor.session_id else None

    @classmethod
    def unbind(cls, session: Session, device_id: UUID, *, but_staff_id: UUID) -> None:
        """Unbind the sign-ins of others from a device that is a phone of this person now. They go on elsewhere."""
        stmt = update(cls).where(cls.device_id == device_id, cls.staff_id != but_staff_id).values(device_id=None)
        session.execute(stmt.execution_options(synchronize_session=False))

    @classmethod
    def unbind_all(cls, session: Session, device_id: UUID) -> None:
        """Unbind every sign-in from a device that is another phone from now on."""
        stmt = update(cls).where(cls.device_id == device_id).values(device_id=None)
        session.execute(stmt.execution_options(synchronize_session=False))

    @classmethod
    def lock_on_device(cls, session: Session, device_id: UUID, *, at: datetime) -> None:
        """Lock the sign-ins on a shared phone: somebody else has it now."""
        stmt = update(cls).where(cls.device_id == device_id, cls.locked_at.is_(None)).values(locked_at=at)
        session.execute(stmt.execution_options(synchronize_session=False))

    def record_seen(self, session: Session, *, is_tap: bool = False, at: datetime) -> None:
        """Record that the sign-in was used, and when it ends by the present settings of the organization.

        `is_tap`: on a shared phone the person did something, so that it does not lock for a while.
        """
        if is_tap and self.is_on_shared_phone:
            self.tapped_at = at
        organization = Organization.get(session, self.organization_id)
        self.seen_at = at
        self.expires_at = _ends_at(organization, self.staff.role, opened_at=self.created_at, seen_at=at)

    @property
    def is_on_shared_phone(self) -> bool:
        """Whether this is a sign-in on a shared phone: only there it is recorded when the person did something."""
        return self.tapped_at is not None

    @classmethod
    def end(
        cls,
        session: Session,
        *which: ColumnElement[bool],
        reason: str = "signed-out",
        from_elsewhere: bool = True,
        at: datetime,
    ) -> None:
        """End the sign-ins that match: their tokens are refused from the next request on.

        A personal phone rings no more when none of its person's sign-ins on it is left: `reason` is recorded there.
        `from_elsewhere`: not by whoever holds the phone, so that no proof of an earlier sign-in makes it known.
        """
        sign_ins = session.scalars(select(cls).where(*which).options(joinedload(cls.device))).all()
        if from_elsewhere and sign_ins:  # people are locked before their sign-ins
            Staff.forget_phones(session, {it.staff_id for it in sign_ins}, at=at)
        phones = {it.device for it in sign_ins if it.device is not None and it.device.staff_id == it.staff_id}
        # One statement, which finds less when a sign-in was ended at the same moment.
        ended = delete(cls).where(cls.id.in_([it.id for it in sign_ins]))
        session.execute(ended.execution_options(synchronize_session="fetch"))
        in_use = set(session.scalars(select(cls.device_id).where(cls.device_id.in_([phone.id for phone in phones]))))
        for phone in phones:
            if phone.id not in in_use:
                phone.retire(reason=reason, at=at)

    @classmethod
    def sign_out(cls, session: Session, *, by: Actor, at: datetime) -> None:
        """Sign this actor out: of the phone in their hand, also where they signed in on it more than once."""
        on_this_phone = and_(cls.device_id == by.device_id, cls.device_id.is_not(None), cls.staff_id == by.staff_id)
        cls.end(session, or_(cls.id == by.session_id, on_this_phone), from_elsewhere=False, at=at)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criterion for one's own sign-ins: nobody sees those of others."""
        return (cls.staff_id == actor.staff_id,)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.device),)

    @classmethod
    def select_visible(cls, actor: Actor, *, at: datetime) -> Select["StaffSession"]:
        """Select one's own sign-ins that have not expired."""
        return select(cls).where(cls.expires_at > at, *cls.visible_to(actor)).options(*cls.eager_options())

    @classmethod
    def delete_expired(cls, session: Session, *, at: datetime) -> None:
        """Delete the sign-ins that have expired.

        One on a shared phone stays during the shift of the person: the phone goes on ringing for them.
        """
        on_shift = (
            select(Shift.id)
            .where(Shift.organization_id == cls.organization_id, Shift.staff_id == cls.staff_id, Shift.runs_at(at))
            .exists()
        )
        expired = (cls.expires_at <= at, or_(cls.tapped_at.is_(None), ~on_shift))
        session.execute(delete(cls).where(*expired).execution_options(synchronize_session=False))

    @classmethod
    def actor(cls, session: Session, token: Token, at: datetime) -> tuple[Actor, LastUse] | None:
        """Return the person of this token, with stores and permissions, and the last use, in one statement.

        None if the token is not valid.
        """
        rows = session.execute(_session_statement(), {"digest": token.digest, "at": at}).all()
        if not rows:
            return None
        sign_in = rows[0]
        longest = _longest_until(sign_in.role, opened_at=sign_in.created_at, seen_at=sign_in.seen_at)
        if longest is not None and longest <= at:  # whoever was given such a role after they had signed in
            return None
        if sign_in.method is SignInMethod.PIN and sign_in.role not in roles_with(Permission.ALERT_HEAR):
            return None  # the same: nobody with this role signs in with a PIN
        store_ids = frozenset(row.store_id for row in rows if row.store_id is not None)
        actor = Actor(
            organization_id=token.organization_id,
            permissions=GRANTS[sign_in.role],
            store_ids=None if sign_in.role in ROLES_OF_ALL_STORES else store_ids,
            staff_id=sign_in.staff_id,
            session_id=sign_in.session_id,
            device_id=sign_in.device_id,
            role=sign_in.role,
            signed_in_at=sign_in.created_at if sign_in.method is SignInMethod.PASSWORD else None,
            has_second_factor=sign_in.method is SignInMethod.PASSWORD and sign_in.second_factor_at is not None,
            is_on_shared_phone=sign_in.tapped_at is not None,
            is_locked=_is_locked(sign_in.tapped_at, sign_in.locked_at, at),
            name=sign_in.name,
            apps=AppRules(sign_in.minimum_app_versions, sign_in.app_addresses),
            language=sign_in.language,
            organization_language=sign_in.languages[0],
        )
        return actor, LastUse(sign_in.seen_at, sign_in.tapped_at, shift_ends_at=sign_in.ends_at)


@cache
def _session_statement() -> Select[Any]:
    """Select the sign-in with a digest, its person, when their shift ends, and one row for each store within reach.

    Cached because every request executes it.
    """
    # Without the person in each part of the union, PostgreSQL reads the stores of everybody.
    person_id = select(StaffSession.staff_id).where(StaffSession.digest == bindparam("digest")).scalar_subquery()
    by_store = select(StaffStore.staff_id, StaffStore.store_id).where(StaffStore.staff_id == person_id)
    by_region = select(StaffRegion.staff_id, Store.id).join(Store, Store.region_id == StaffRegion.region_id)
    reach = union_all(by_store, by_region.where(StaffRegion.staff_id == person_id)).subquery()
    at = bindparam("at", type_=UtcDateTime())
    # An outer join, so that a person without any store has one row, with an empty store id.
    return (
        select(StaffSession.id.label("session_id"), StaffSession.device_id, StaffSession.seen_at)
        .add_columns(StaffSession.created_at, StaffSession.method, StaffSession.tapped_at, StaffSession.locked_at)
        .add_columns(Staff.id.label("staff_id"), Staff.role, Staff.name, Staff.language, Staff.second_factor_at)
        .add_columns(reach.c.store_id, Shift.ends_at)
        .add_columns(Organization.minimum_app_versions, Organization.app_addresses, Organization.languages)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .join(Organization, Organization.id == StaffSession.organization_id)
        .outerjoin(Shift, (Shift.staff_id == Staff.id) & Shift.ended_at.is_(None))
        .outerjoin(reach, reach.c.staff_id == Staff.id)
        .where(StaffSession.digest == bindparam("digest"), StaffSession.expires_at > at)
        .where(Staff.id == person_id, Staff.works_at(at))
    )


def _ends_at(organization: Organization, role: Role, *, opened_at: datetime, seen_at: datetime) -> datetime:
    """Return when a sign-in ends, by the settings of the organization and at the latest by the role."""
    ends_at = organization.sign_in_ends_at(opened_at=opened_at, seen_at=seen_at)
    longest = _longest_until(role, opened_at=opened_at, seen_at=seen_at)
    return ends_at if longest is None else min(ends_at, longest)


def _longest_until(role: Role, *, opened_at: datetime, seen_at: datetime) -> datetime | None:
    """Return when a sign-in of this role ends at the latest; None where only the organization limits it."""
    if role not in LONGEST_SIGN_INS:
        return None
    length, idle = LONGEST_SIGN_INS[role]
    return min(opened_at + length, seen_at + idle)


def _is_locked(tapped_at: datetime | None, locked_at: datetime | None, at: datetime) -> bool:
    """Return whether a sign-in on a shared phone is locked. Only there it is recorded when the person did something."""
    return tapped_at is not None and (locked_at is not None or at - tapped_at > LOCK_AFTER)
