"""Staff: role, stores and regions, sign-in, preferences."""

import re
from collections.abc import Collection, Iterable, Sequence
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
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import GRANTS, ROLES_OF_ALL_STORES, Actor, Permission, Role, roles_with
from models.db.base import Aggregate, TenantOwned, one_to_many, tenant_fk
from models.db.bounds import check_bound
from models.db.slug import check_login
from models.errors import Conflict, Invalid
from models.organizations.names import MAX_TAG_LENGTH, check_language
from models.organizations.organization import Region
from models.organizations.store import Store
from models.policy_defaults import MAX_REGIONS_OF_PERSON, MAX_STAFF, MAX_STORES_OF_PERSON

if TYPE_CHECKING:
    from models.staff.credentials.invitation import Invitation
    from models.staff.shift import Shift

MAX_EMPLOYEE_NUMBER_LENGTH = 60
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
        Index(
            "ix_staff_left_at",
            "left_at",
            postgresql_where=text("left_at IS NOT NULL"),
            sqlite_where=text("left_at IS NOT NULL"),
        ),
    )

    login: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role]
    # In the personnel system of the organization.
    employee_number: Mapped[str | None] = mapped_column(String(MAX_EMPLOYEE_NUMBER_LENGTH))
    password_hash: Mapped[str | None] = mapped_column(String(200))  # None until the first code is redeemed
    pin_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # for shared phones
    second_factor_at: Mapped[datetime | None]  # since when a sign-in needs a code as well
    # When a sign-in of theirs was last ended from elsewhere: phones that signed in before are not known any more.
    phones_known_from: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    # A leave that is planned: when, by whom it was recorded, and who is to get what is open then.
    leaves_at: Mapped[datetime | None]
    leave_recorded_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    leave_hand_over_to_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    email: Mapped[str | None] = mapped_column(String(254))
    email_set_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # the colleague; None: they themselves
    # Quiet hours, in the zone of the store that rings: whoever is not on shift is not rung in them.
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    muted: Mapped[list[str]] = mapped_column(JSON, default=list)  # kinds of notification that this person does not want
    language: Mapped[str | None] = mapped_column(String(MAX_TAG_LENGTH))  # what they chose to read; else their phone's

    store_links: Mapped[list["StaffStore"]] = one_to_many(
        "Staff", "StaffStore", "staff_id", cascade="all, delete-orphan"
    )
    region_links: Mapped[list["StaffRegion"]] = one_to_many(
        "Staff", "StaffRegion", "staff_id", cascade="all, delete-orphan"
    )
    daily_log_links: Mapped[list["DailyLogSubscription"]] = one_to_many(
        "Staff", "DailyLogSubscription", "staff_id", cascade="all, delete-orphan"
    )
    # The shift they are on at the time of a request, which sets it (`Shift.current`): nothing is loaded by this join.
    shift: Mapped["Shift | None"] = relationship(
        "Shift",
        primaryjoin="and_(Staff.organization_id == Shift.organization_id, Staff.id == foreign(Shift.staff_id))",
        uselist=False,
        viewonly=True,
        lazy="raise",
    )

    @classmethod
    def hire(cls, session: Session, *, login: str, employee_number: str | None = None, **fields: Any) -> "Staff":
        """Create a member of staff. `fields` as in `build`, which makes the object.

        Conflict when somebody has the login or the employee number, InvalidState when too many people work here.
        """
        cls.require_room(session)
        login = check_login(login)
        cls.require_free(session, login=login, employee_number=employee_number)
        staff = cls.build(login=login, employee_number=employee_number, **fields)
        session.add(staff)
        session.flush()
        return staff

    @classmethod
    def build(
        cls,
        *,
        login: str,
        name: str,
        role: Role,
        stores: Iterable[Store] = (),
        regions: Iterable[Region] = (),
        email: str | None = None,
        **fields: Any,
    ) -> "Staff":
        """Make a member of staff without a look-up: who makes many checks for all of them what `hire` checks for one.

        They belong to these stores or look after these regions. `fields` are `id`, `employee_number`,
        `email_set_by_id` and `password_hash`. The latter comes from `hash_password`, which is slow and therefore called
        outside the transaction; without it the person has to redeem a code first.

        Invalid for what is no login or e-mail address, and when the person would reach no store.
        """
        staff = cls(login=check_login(login), name=name, role=role, email=_check_email(email), **fields)
        staff._set_reach(stores, regions)
        return staff

    @classmethod
    def require_room(cls, session: Session, *, more: int = 1) -> None:
        """Raise InvalidState when so many more people would be more than an organization may have."""
        check_bound(session, select(cls.id).where(cls.left_at.is_(None)), most=MAX_STAFF, of="people", more=more)

    @classmethod
    def require_free(cls, session: Session, *, login: str | None = None, employee_number: str | None = None) -> None:
        """Raise Conflict when somebody, who may have left, has the login or the employee number."""
        for column, value in ((cls.login, login), (cls.employee_number, employee_number)):
            if value is not None and session.scalars(select(cls.id).where(column == value)).first() is not None:
                noun = column.key.replace("_", " ")
                raise Conflict(
                    f"Somebody has the {noun} {value!r} already.", code="already-exists", pointer=f"/{column.key}"
                )

    def edit(self, session: Session, **changes: Any) -> None:
        """Change a member of staff, as `apply_changes` does.

        Conflict when somebody else has the login or the employee number.
        """
        unique = {name: changes[name] for name in ("login", "employee_number") if name in changes}
        self.require_free(
            session, **{name: value for name, value in unique.items() if value not in (None, getattr(self, name))}
        )
        self.apply_changes(**changes)

    def apply_changes(
        self, *, stores: Iterable[Store] | None = None, regions: Iterable[Region] | None = None, **changes: Any
    ) -> None:
        """Set the stores, the regions and other columns that somebody else sets, without a look-up.

        Errors as in `build`. What the person may do and see follows from their next request on.
        """
        if "login" in changes:
            changes["login"] = check_login(changes["login"])
        if "email" in changes:
            _check_email(changes["email"])
        for name, value in changes.items():
            setattr(self, name, value)
        self._set_reach(stores, regions)
        self.bump_version()

    def _set_reach(self, stores: Iterable[Store] | None, regions: Iterable[Region] | None) -> None:
        """Set the stores and regions, None for those there are. Invalid when the role does not go with them."""
        if stores is not None:
            store_links = {link.store_id: link for link in self.store_links}
            ids = dict.fromkeys(store.id for store in stores)
            self.store_links = [store_links.get(id_) or StaffStore(store_id=id_) for id_ in ids]
        if regions is not None:
            region_links = {link.region_id: link for link in self.region_links}
            ids = dict.fromkeys(region.id for region in regions)
            self.region_links = [region_links.get(id_) or StaffRegion(region_id=id_) for id_ in ids]
        if self.region_links and self.role is not Role.REGIONAL:
            raise Invalid("Only a regional manager looks after regions.", pointer="/region_ids")
        if not (self.has_all_stores or self.store_links or self.region_links):
            raise Invalid(f"Somebody with the role {self.role} needs a store or a region.", pointer="/store_ids")
        if len(self.store_links) > MAX_STORES_OF_PERSON:
            raise Invalid(f"A person belongs to at most {MAX_STORES_OF_PERSON} stores.", pointer="/store_ids")
        if len(self.region_links) > MAX_REGIONS_OF_PERSON:
            raise Invalid(f"A person looks after at most {MAX_REGIONS_OF_PERSON} regions.", pointer="/region_ids")

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
    def is_of_stores(cls, store_ids: Collection[UUID]) -> ColumnElement[bool]:
        """Match who belongs to one of these stores, or looks after its region."""
        regions = select(Store.region_id).where(Store.id.in_(store_ids))
        return or_(
            cls.id.in_(select(StaffStore.staff_id).where(StaffStore.store_id.in_(store_ids))),
            cls.id.in_(select(StaffRegion.staff_id).where(StaffRegion.region_id.in_(regions))),
        )

    @classmethod
    def uses_shared_phones_of(cls, store_id: UUID, at: datetime) -> ColumnElement[bool]:
        """Match who may use the shared phones of a store: whoever can be rung there, and works there at this time."""
        return and_(cls.works_at(at), cls.role.in_(roles_with(Permission.ALERT_HEAR)), cls.is_of_stores([store_id]))

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for colleagues of the actor's stores, those responsible for them, and the actor."""
        if actor.store_ids is None:
            return ()
        return (or_(cls.id == actor.staff_id, cls.is_of_stores(actor.store_ids)),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.store_links), selectinload(cls.region_links))

    @classmethod
    def select_visible(
        cls, actor: Actor, *, at: datetime, store_id: UUID | None = None, left: bool = False, **columns: Any
    ) -> Select["Staff"]:
        """Select the colleagues within reach who work here, or with `left` those who do so no more.

        `store_id` keeps those who belong to that store; `columns` are compared with the values given.
        """
        works = cls.works_at(at)
        stmt = select(cls).where(not_(works) if left else works, *cls.visible_to(actor)).options(*cls.eager_options())
        if store_id is not None:
            stmt = stmt.where(cls.id.in_(select(StaffStore.staff_id).where(StaffStore.store_id == store_id)))
        return stmt.where(*(getattr(cls, name) == value for name, value in columns.items()))

    @classmethod
    def find_for_sign_in(cls, session: Session, login: str, *, at: datetime) -> "Staff | None":
        """Return the person with this login, with stores and regions; None when there is none or they have left.

        Locked, so that whoever changes the password or confirms a second factor at this moment comes before, or ends
        the new sign-in.
        """
        stmt = select(cls).where(cls.login == login, cls.works_at(at)).options(*cls.eager_options())
        return session.scalars(stmt.with_for_update(read=True, of=cls)).one_or_none()

    @classmethod
    def get_for_sign_in(cls, session: Session, staff_id: UUID) -> "Staff":
        """Return a person who has proved who they are, with stores and regions."""
        return session.scalars(select(cls).where(cls.id == staff_id).options(*cls.eager_options())).one()

    @classmethod
    def find_password_hash(cls, session: Session, login: str, *, at: datetime) -> str | None:
        """Return the hash of the password of whoever has this login and works here.

        One value only, so that it takes as long when there is nobody.
        """
        return session.scalars(select(cls.password_hash).where(cls.login == login, cls.works_at(at))).one_or_none()

    @classmethod
    def find_for_proof(cls, session: Session, login: str, *, at: datetime) -> tuple[str | None, datetime | None]:
        """Return the hash of the password of whoever has this login, and since when their phones are known."""
        stmt = select(cls.password_hash, cls.phones_known_from).where(cls.login == login, cls.works_at(at))
        row = session.execute(stmt).one_or_none()
        return (None, None) if row is None else (row.password_hash, row.phones_known_from)

    @classmethod
    def forget_phones(cls, session: Session, staff_ids: Iterable[UUID], *, at: datetime) -> None:
        """Let no phone be known that signed these people in before."""
        stmt = update(cls).where(cls.id.in_(list(staff_ids))).values(phones_known_from=at)
        session.execute(stmt.execution_options(synchronize_session=False))

    @classmethod
    def replace_password_hash(cls, session: Session, before: str, after: str) -> None:
        """Store another hash of the same password, for whoever has it still. No sign-in ends by it."""
        stmt = update(cls).where(cls.password_hash == before).values(password_hash=after)
        session.execute(stmt.execution_options(synchronize_session=False))

    @classmethod
    def lock_staff(cls, session: Session, staff_id: UUID | None) -> None:
        """Lock a person until the transaction ends, so that the second of two taps sees what the first did."""
        session.execute(select(cls.id).where(cls.id == staff_id).with_for_update(key_share=True))

    def set_preferences(self, **changes: Any) -> None:
        """Change what a person wants.

        That is `quiet_hours` (`from` and `until`, or None), `muted`, `email`, `daily_logs`, and `language` (a tag such
        as pt-BR, or None for that of their phone).
        """
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
        if "language" in changes:
            language = changes["language"]
            self.language = None if language is None else check_language(language, pointer="/language")
        if changes.get("email", self.email) != self.email:
            self.email, self.email_set_by_id = _check_email(changes["email"]), None
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
    def invitation(self) -> "Invitation | None":
        """The code that was made for this very object (see `models.db.secret`); None on an object that was loaded."""
        invitation: Invitation | None = self.__dict__.get("_invitation")
        return invitation

    def show_invitation(self, invitation: "Invitation | None") -> None:
        """Show the code in the answer to this request."""
        self.__dict__["_invitation"] = invitation

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None

    @property
    def has_pin(self) -> bool:
        return self.pin_digest is not None

    @property
    def permissions(self) -> frozenset[Permission]:
        return GRANTS[self.role]

    @property
    def has_all_stores(self) -> bool:
        return self.role in ROLES_OF_ALL_STORES


def check_email(email: str) -> str:
    """Return the e-mail address. Invalid when it has signs that not every mail server takes."""
    if not MAILBOX.fullmatch(email):
        raise Invalid("An address that every mail server takes: plain letters, digits, signs.", pointer="/email")
    return email


def _check_email(email: str | None) -> str | None:
    return None if email is None else check_email(email)


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
    def select_subscribers(cls, store: Store, *, at: datetime) -> Select[Staff]:
        """Select the subscribers of a store's log who have an e-mail address and may still read the log."""
        subscribers = select(cls.staff_id).where(cls.store_id == store.id)
        return select(Staff).where(
            Staff.id.in_(subscribers),
            Staff.works_at(at),
            Staff.email.is_not(None),
            Staff.role.in_(roles_with(Permission.LOG_READ)),
            or_(Staff.role.in_(ROLES_OF_ALL_STORES), Staff.is_of_stores([store.id])),
        )
