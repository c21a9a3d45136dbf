"""Staff: role, stores and regions, sign-in, preferences."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    and_,
    or_,
    select,
    text,
)
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

# An e-mail address in plain ASCII characters, which every mail server accepts.
MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+", re.ASCII)


class Staff(Aggregate):
    """Member of staff."""

    __tablename__ = "staff"
    __table_args__ = (
        UniqueConstraint("organization_id", "login"),
        UniqueConstraint("organization_id", "employee_number"),
        Index(
            "ix_staff_leaves_at",
            "leaves_at",
            postgresql_where=text("left_at IS NULL AND leaves_at IS NOT NULL"),
            sqlite_where=text("left_at IS NULL AND leaves_at IS NOT NULL"),
        ),
    )

    login: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role]
    employee_number: Mapped[str | None] = mapped_column(String(60))  # in the personnel system of the organization
    password_hash: Mapped[str | None] = mapped_column(String(200))  # None until the first code is redeemed
    pin_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # for shared phones
    second_factor_at: Mapped[datetime | None]  # since when a sign-in needs a code as well
    left_at: Mapped[datetime | None]
    # A leave that is planned: when, by whom it was recorded, and who is to get what is open then.
    leaves_at: Mapped[datetime | None]
    leave_recorded_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    leave_hand_over_to_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    email: Mapped[str | None] = mapped_column(String(254))
    # Quiet hours, in the zone of the store that rings: whoever is not on shift is not rung in them.
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    muted: Mapped[list[str]] = mapped_column(JSON, default=list)  # kinds of notification that this person does not want

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
        """Create a member of staff who belongs to these stores or is responsible for these regions.

        Conflict when somebody has the login, Invalid when the person would reach no store. `password_hash` comes from
        `hash_password`, which is slow and therefore called outside the transaction.
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
        return sorted(link.store_id for link in self.store_links)

    @property
    def region_ids(self) -> list[UUID]:
        return sorted(link.region_id for link in self.region_links)

    @classmethod
    def works_at(cls, at: "datetime | ColumnElement[datetime]") -> ColumnElement[bool]:
        """Match who works here at this time: `has_left` is the opposite in Python."""
        return and_(cls.left_at.is_(None), or_(cls.leaves_at.is_(None), cls.leaves_at > at))

    def has_left(self, at: datetime) -> bool:
        """Return whether this person works here no more, also when the worker has not yet carried the leave out."""
        return self.left_at is not None or (self.leaves_at is not None and self.leaves_at <= at)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for colleagues of the actor's stores, those responsible for them, and the actor."""
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
        """Select the colleagues within reach who still work here; with `store_id`, those who belong to that store."""
        stmt = select(cls).where(cls.left_at.is_(None), *cls.visible_to(actor)).options(*cls.eager_options())
        if store_id is not None:
            stmt = stmt.where(cls.id.in_(select(StaffStore.staff_id).where(StaffStore.store_id == store_id)))
        return stmt

    @classmethod
    def find_for_sign_in(cls, session: Session, login: str) -> "Staff | None":
        """Return the person with this login, with stores and regions; None when there is none or they have left."""
        return session.scalars(
            select(cls).where(cls.login == login, cls.left_at.is_(None)).options(*cls.eager_options())
        ).one_or_none()

    @classmethod
    def lock_staff(cls, session: Session, staff_id: UUID) -> None:
        """Lock a person until the transaction ends, so that the second of two taps sees what the first did."""
        session.execute(select(cls.id).where(cls.id == staff_id).with_for_update(key_share=True))

    def set_preferences(self, **changes: Any) -> None:
        """Change what a person wants: `quiet_hours` (`from` and `until`, or None), `muted`, `email`, `daily_logs`."""
        if "quiet_hours" in changes:
            quiet_hours = changes["quiet_hours"] or {"from": None, "until": None}
            start, end = (
                time.fromisoformat(quiet_hours[name]) if quiet_hours[name] else None for name in ("from", "until")
            )
            if start is not None and start == end:
                raise Invalid("Quiet hours end at another time than they begin.", pointer="/quiet_hours/until")
            self.quiet_from, self.quiet_until = start, end
        if "muted" in changes:
            self.muted = sorted(set(changes["muted"]))
        if "email" in changes:
            if changes["email"] is not None and not MAILBOX.fullmatch(changes["email"]):
                raise Invalid(
                    "An address that every mail server takes: plain letters, digits, signs.", pointer="/email"
                )
            self.email = changes["email"]
        if "daily_logs" in changes:
            existing = {link.store_id: link for link in self.daily_log_links}
            self.daily_log_links = [
                existing.get(store_id) or DailyLogSubscription(store_id=store_id)
                for store_id in sorted(set(changes["daily_logs"]))
            ]
        self.bump_version()

    @property
    def daily_logs(self) -> list[UUID]:
        """The stores whose daily log this person gets by e-mail."""
        return sorted(link.store_id for link in self.daily_log_links)

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
    """Store that a member of staff belongs to."""

    __tablename__ = "staff_store"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "store_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)


class StaffRegion(TenantOwned):
    """Region that a regional manager is responsible for."""

    __tablename__ = "staff_region"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "region_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    region_id: Mapped[UUID] = tenant_fk("region", index=True)


class DailyLogSubscription(TenantOwned):
    """Store whose daily log a member of staff gets by e-mail."""

    __tablename__ = "daily_log_subscription"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id", "store_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)

    @classmethod
    def select_subscribers(cls, store: Store) -> Select[Staff]:
        """Select the subscribers of a store's log who have an e-mail address and may still read the log."""
        subscribers = select(cls.staff_id).where(cls.store_id == store.id)
        by_store = select(StaffStore.staff_id).where(StaffStore.store_id == store.id)
        by_region = select(StaffRegion.staff_id).where(StaffRegion.region_id == store.region_id)
        return select(Staff).where(
            Staff.id.in_(subscribers),
            Staff.left_at.is_(None),
            Staff.email.is_not(None),
            Staff.role.in_(roles_with(Permission.LOG_READ)),
            or_(Staff.role.in_(ROLES_OF_ALL_STORES), Staff.id.in_(by_store), Staff.id.in_(by_region)),
        )
