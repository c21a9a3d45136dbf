"""Staff: who they are, where they belong, how they sign in, and when they are on shift."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import JSON, ColumnElement, Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import GRANTS, ROLES_OF_ALL_STORES, Actor, Permission, Role, roles_with
from models.db.base import Aggregate, TenantOwned, one_to_many, tenant_fk
from models.db.slug import check_login
from models.errors import Conflict, Invalid
from models.organizations.organization import Region
from models.organizations.store import Store

if TYPE_CHECKING:
    from models.staff.shift import Shift

# A mailbox in plain characters: what any mail server takes.
MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+", re.ASCII)

# argon2id with the library's current recommendation (RFC 9106, low-memory profile).
password_hasher = PasswordHasher()


class Staff(Aggregate):
    """A person who works here."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("organization_id", "login"),)

    login: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role]
    password_hash: Mapped[str] = mapped_column(String(200))
    left_at: Mapped[datetime | None]
    email: Mapped[str | None] = mapped_column(String(254))
    quiet_from: Mapped[time | None]  # in the zone of the store that calls; not on shift, then not rung
    quiet_until: Mapped[time | None]
    muted: Mapped[list[str]] = mapped_column(JSON, default=list)  # kinds of notification that are not wanted

    store_links: Mapped[list["StaffStore"]] = one_to_many("Staff", "StaffStore", "staff_id")
    region_links: Mapped[list["StaffRegion"]] = one_to_many("Staff", "StaffRegion", "staff_id")
    daily_log_links: Mapped[list["DailyLogSubscription"]] = one_to_many(
        "Staff", "DailyLogSubscription", "staff_id", cascade="all, delete-orphan"
    )
    shift: Mapped["Shift | None"] = relationship(
        "Shift",
        primaryjoin="and_(Staff.organization_id == Shift.organization_id, Staff.id == foreign(Shift.staff_id),"
        " Shift.ended_at.is_(None))",
        uselist=False,
        viewonly=True,
    )

    @classmethod
    def hire(
        cls,
        session: Session,
        *,
        login: str,
        name: str,
        role: Role,
        password_hash: str,
        stores: Iterable[Store] = (),
        regions: Iterable[Region] = (),
    ) -> "Staff":
        """A new colleague, who belongs to these stores or looks after these regions.

        Conflict when somebody has the login; Invalid for somebody who would reach no store at all. The hash comes
        from `hash_password`, which is slow and therefore called outside the transaction.
        """
        if session.scalars(select(cls.id).where(cls.login == login)).first() is not None:
            raise Conflict(f"Somebody has the login {login!r} already.", code="already-exists", pointer="/login")
        staff = cls(login=check_login(login), name=name, role=role, password_hash=password_hash)
        staff.store_links = [StaffStore(store_id=store.id) for store in stores]
        staff.region_links = [StaffRegion(region_id=region.id) for region in regions]
        if not (staff.has_all_stores or staff.store_links or staff.region_links):
            raise Invalid(f"Somebody with the role {role} needs a store or a region.", pointer="/stores")
        session.add(staff)
        session.flush()
        return staff

    @property
    def store_ids(self) -> list[UUID]:
        return sorted(link_.store_id for link_ in self.store_links)

    @property
    def region_ids(self) -> list[UUID]:
        return sorted(link_.region_id for link_ in self.region_links)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Colleagues of the actor's stores, those responsible for them, and the actor."""
        if actor.store_ids is None:
            return ()
        regions = select(Store.region_id).where(Store.id.in_(actor.store_ids))
        return (
            or_(
                cls.id == actor.staff_id,
                cls.id.in_(select(StaffStore.staff_id).where(StaffStore.store_id.in_(actor.store_ids))),
                cls.id.in_(select(StaffRegion.staff_id).where(StaffRegion.region_id.in_(regions))),
            ),
        )

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.store_links), selectinload(cls.region_links))

    @classmethod
    def select_visible(cls, actor: Actor, *, store_id: UUID | None = None) -> Select["Staff"]:
        """Colleagues within reach who still work here; with `store_id`, those who belong to that store."""
        stmt = select(cls).where(cls.left_at.is_(None), *cls.visible_to(actor)).options(*cls.eager_options())
        if store_id is not None:
            stmt = stmt.where(cls.id.in_(select(StaffStore.staff_id).where(StaffStore.store_id == store_id)))
        return stmt

    @classmethod
    def find_for_sign_in(cls, session: Session, login: str) -> "Staff | None":
        """The person with this login, as a sign-in answers with them; None when there is none or they have left."""
        return session.scalars(
            select(cls).where(cls.login == login, cls.left_at.is_(None)).options(*cls.eager_options())
        ).one_or_none()

    @classmethod
    def lock_staff(cls, session: Session, staff_id: UUID) -> None:
        """Hold a person until the end of the transaction: of two taps at once the second sees what the first did."""
        session.execute(select(cls.id).where(cls.id == staff_id).with_for_update(key_share=True))

    def set_preferences(self, **wishes: Any) -> None:
        """Take over what a person wants: `quiet_hours` (from and until, or none), `muted`, `email`, `daily_logs`."""
        if "quiet_hours" in wishes:
            quiet = wishes["quiet_hours"] or {"from": None, "until": None}
            start, end = (time.fromisoformat(quiet[name]) if quiet[name] else None for name in ("from", "until"))
            if start is not None and start == end:
                raise Invalid("Quiet hours end at another time than they begin.", pointer="/quiet_hours/until")
            self.quiet_from, self.quiet_until = start, end
        if "muted" in wishes:
            self.muted = sorted(set(wishes["muted"]))
        if "email" in wishes:
            if wishes["email"] is not None and not MAILBOX.fullmatch(wishes["email"]):
                raise Invalid(
                    "An address that every mail server takes: plain letters, digits, signs.", pointer="/email"
                )
            self.email = wishes["email"]
        if "daily_logs" in wishes:
            kept = {link_.store_id: link_ for link_ in self.daily_log_links}
            wanted = sorted(set(wishes["daily_logs"]))
            self.daily_log_links = [
                kept.get(store_id) or DailyLogSubscription(store_id=store_id) for store_id in wanted
            ]
        self.bump_version()

    @property
    def daily_logs(self) -> list[UUID]:
        """The stores whose log this person wants by mail, each day."""
        return sorted(link_.store_id for link_ in self.daily_log_links)

    @property
    def quiet_hours(self) -> dict[str, str] | None:
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return {"from": self.quiet_from.isoformat("minutes"), "until": self.quiet_until.isoformat("minutes")}

    @property
    def permissions(self) -> frozenset[Permission]:
        return GRANTS[self.role]

    @property
    def has_all_stores(self) -> bool:
        return self.role in ROLES_OF_ALL_STORES


class StaffStore(TenantOwned):
    """That a member of staff belongs to a store."""

    __tablename__ = "staff_store"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "store_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)


class StaffRegion(TenantOwned):
    """That a regional manager looks after a region."""

    __tablename__ = "staff_region"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "region_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    region_id: Mapped[UUID] = tenant_fk("region", index=True)


class DailyLogSubscription(TenantOwned):
    """That a member of staff asked for the log of a store by mail."""

    __tablename__ = "daily_log_subscription"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "store_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)

    @classmethod
    def select_subscribers(cls, store: Store) -> Select[Staff]:
        """Who asked for the log of this store, has a mailbox, and may still read it."""
        asked = select(cls.staff_id).where(cls.store_id == store.id)
        belongs = select(StaffStore.staff_id).where(StaffStore.store_id == store.id)
        looks_after = select(StaffRegion.staff_id).where(StaffRegion.region_id == store.region_id)
        return select(Staff).where(
            Staff.id.in_(asked),
            Staff.left_at.is_(None),
            Staff.email.is_not(None),
            Staff.role.in_(roles_with(Permission.LOG_READ)),
            or_(Staff.role.in_(ROLES_OF_ALL_STORES), Staff.id.in_(belongs), Staff.id.in_(looks_after)),
        )


def hash_password(password: str) -> str:
    """An argon2id hash of a password of at least 10 characters (Invalid when shorter). Slow on purpose."""
    if len(password) < 10:
        raise Invalid("A password needs at least 10 characters.", pointer="/password")
    return password_hasher.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one behind the hash; takes as long when there is no such person."""
    try:
        password_hasher.verify(password_hash or _dummy_hash(), password)
    except VerifyMismatchError:
        return False
    return password_hash is not None


@cache
def _dummy_hash() -> str:
    """What an unknown login is checked against, so that it costs the same time as a known one."""
    return password_hasher.hash("nobody has this password")
