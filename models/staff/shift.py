"""Shifts: who works on the floor of which store at the moment, and who takes a pause."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, String, UniqueConstraint, and_, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor, Permission
from models.db.base import Aggregate, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.db.session import ScopedSession
from models.errors import Forbidden, Invalid, InvalidState
from models.organizations.store import Store
from models.policy_defaults import (
    LAST_SEEN_RESOLUTION,
    MAX_SHIFTS_PER_DAY,
    SHIFT_IDLE,
    STILL_HERE_BEFORE,
    STILL_HERE_EXTENDS,
)
from models.staff.shift_end import shift_ends_at
from models.staff.staff import Staff

MAX_SOURCE_LENGTH = 60
MAX_REFERENCE_LENGTH = 100
A_DAY = timedelta(days=1)


class EndReason(StrEnum):
    """Why a shift ended."""

    CHECKED_OUT = "checked_out"
    SIGNED_OUT = "signed_out"  # of a personal phone
    MOVED = "moved"  # the person checked in elsewhere
    BY_COLLEAGUE = "by_colleague"  # whoever leads, or a manager
    BY_CLOCK = "by_clock"  # a time clock
    RAN_OUT = "ran_out"  # with the day, with the opening hours, or after the longest shift
    LEFT = "left"  # the person works here, or in this store, no more
    STORE_CLOSED = "store_closed"  # the store is out of business


class Shift(Aggregate):
    """Stay of a member of staff on the floor of a store. A person has at most one open shift.

    A shift is open until its end is recorded (`ended_at`), and runs until `ends_at`, which holds by the clock: ask
    `runs_at`, never whether it is open. Where the end is recorded, both are the same instant.

    Whoever changes a shift locks its row first: what the person does extends it at any moment (`note_activity`).
    """

    __tablename__ = "shift"
    __table_args__ = (
        Index(
            "uq_shift_open",
            "organization_id",
            "staff_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index("ix_shift_store_id_ended_at", "organization_id", "store_id", "ended_at"),
        Index("ix_shift_staff", "organization_id", "staff_id", "started_at"),
        Index(
            "ix_shift_ends_at",
            "ends_at",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        UniqueConstraint("organization_id", "source", "reference", name="uq_shift_reference"),
    )

    staff_id: Mapped[UUID] = tenant_fk("staff")
    store_id: Mapped[UUID] = tenant_fk("store")
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)  # the shared phone they checked in on
    lead: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ends_at: Mapped[datetime]  # when it ends, or ended
    end_reason: Mapped[EndReason | None]
    ended_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # the colleague who ended it
    asked_at: Mapped[datetime | None]  # when the person was asked whether they are still here
    # The time clock that began it, and its reference there.
    source: Mapped[str | None] = mapped_column(String(MAX_SOURCE_LENGTH))
    reference: Mapped[str | None] = mapped_column(String(MAX_REFERENCE_LENGTH))
    paused_until: Mapped[datetime | None]  # after a hard concern: their phones stay silent until then

    staff: Mapped[Staff] = many_to_one("Shift", "staff_id", "Staff")
    store: Mapped[Store] = many_to_one("Shift", "store_id", "Store")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.store_id.in_(actor.store_ids),)

    @classmethod
    def check_in(
        cls, session: Session, *, staff_id: UUID, store: Store, lead: bool, device_id: UUID | None = None, at: datetime
    ) -> "Shift":
        """Start a shift in a store and end an open one elsewhere. Whoever is already there keeps their shift.

        That shift ends by itself as if it began now, if that is later. `device_id` is the shared phone that the person
        does it on. InvalidState in a store that is out of business, also if it closes at this moment.
        """
        _require_in_business(store)
        Staff.lock_staff(session, staff_id)
        current = cls.open_of(session, staff_id)
        if current is not None and current.store_id == store.id and current.is_running(at):
            current.lead = lead
            current.device_id = device_id or current.device_id
            current.bump_version()
            current.extend(to=shift_ends_at(store, at))
            return current
        begun = select(cls.id).where(cls.staff_id == staff_id, cls.started_at > at - A_DAY)
        check_bound(session, begun, most=MAX_SHIFTS_PER_DAY, of="shifts of one person within a day")
        if current is not None:
            current.end(EndReason.MOVED, at=at)
            session.flush()
        shift = cls(staff_id=staff_id, store_id=store.id, device_id=device_id, lead=lead)
        shift.started_at, shift.ends_at = at, shift_ends_at(store, at)
        session.add(shift)
        # The new row refers to the store, so whoever closes the store (`end_all`) has committed before, or waits for us
        # and ends this shift as well.
        session.flush()
        session.refresh(store, ["closed_at"])
        _require_in_business(store)
        return shift

    @classmethod
    def end_all(cls, session: Session, store: Store, *, at: datetime) -> "Sequence[Shift]":
        """End all shifts of a store and return them. The caller has locked it against new rows that refer to it."""
        of_store = select(cls).where(cls.store_id == store.id, cls.ended_at.is_(None)).order_by(cls.id)
        shifts = session.scalars(cls._locked(of_store)).all()
        for shift in shifts:
            shift.end(EndReason.STORE_CLOSED, at=at)
        return shifts

    @classmethod
    def check_out(
        cls, session: Session, *, staff_id: UUID, reason: EndReason = EndReason.CHECKED_OUT, at: datetime
    ) -> None:
        """End a person's shift. Does nothing when there is none."""
        if current := cls.open_of(session, staff_id):
            current.end(reason, at=at)

    def end(self, reason: EndReason, *, by_id: UUID | None = None, at: datetime) -> None:
        """Record the end of an open shift: now, or when it ran out. `by_id` is the colleague who ends it."""
        ran_out = self.ends_at <= at
        self.ended_at = self.ends_at = min(self.ends_at, at)
        self.end_reason, self.ended_by_id = (EndReason.RAN_OUT, None) if ran_out else (reason, by_id)
        self.bump_version()

    def extend(self, *, to: datetime) -> None:
        """Let the shift go on until this instant, if that is later. Before that end the person is asked again."""
        if to > self.ends_at:
            self.ends_at, self.asked_at = to, None
            self.bump_version()

    def ask(self, *, at: datetime) -> None:
        """Record that the person is asked whether they are still here."""
        self.asked_at = at
        self.bump_version()

    @classmethod
    def stay(cls, session: Session, *, staff_id: UUID, at: datetime) -> "Shift":
        """Let a person's shift go on for STILL_HERE_EXTENDS from now on, at least. InvalidState off shift."""
        Staff.lock_staff(session, staff_id)
        shift = cls._current_locked(session, staff_id, at=at)
        if shift is None:
            raise InvalidState("Your shift is over: check in again with PUT /v1/me/shift.")
        shift.extend(to=at + STILL_HERE_EXTENDS)
        return shift

    @classmethod
    def note_activity(cls, session: ScopedSession, *, staff_id: UUID, at: datetime) -> None:
        """Keep a person's shift from ending within SHIFT_IDLE: they did something.

        It is called once a minute at most, so that the end moves by a minute more.
        """
        stmt = update(cls).where(cls.staff_id == staff_id, cls.runs_at(at), cls.ends_at < at + SHIFT_IDLE)
        ends_at = at + SHIFT_IDLE + LAST_SEEN_RESOLUTION
        extended = stmt.values(ends_at=ends_at, asked_at=None, version=cls.version + 1).returning(cls)
        options = {"synchronize_session": False, "populate_existing": True}
        for shift in session.scalars(extended, execution_options=options):
            session.note_change(shift)

    def is_running(self, at: datetime) -> bool:
        """Return whether the person is on shift at this instant. `runs_at` is the same rule in SQL."""
        return self.ended_at is None and self.started_at <= at < self.ends_at

    @classmethod
    def runs_at(cls, at: datetime) -> ColumnElement[bool]:
        """Match the shifts of whoever is on shift at this instant, which is now.

        Whether a worker has recorded the end of a shift that ran out does not matter.
        """
        return and_(cls.ended_at.is_(None), cls.started_at <= at, cls.ends_at > at)

    @classmethod
    def pause(
        cls, session: Session, *, staff_id: UUID, minutes: int | None = None, at: datetime
    ) -> "tuple[Shift, bool]":
        """Silence a person's phones after a hard concern. Return their shift and whether the pause is new.

        `minutes` defaults to the most that the store allows. A pause during a pause changes nothing. InvalidState off
        shift, Invalid for longer than the store allows.
        """
        Staff.lock_staff(session, staff_id)
        shift = cls._current_locked(session, staff_id, at=at)
        if shift is None:
            raise InvalidState("Only somebody on shift can pause: check in first with PUT /v1/me/shift.")
        longest = shift.store.longest_pause_minutes
        if minutes is not None and minutes > longest:
            raise Invalid(f"This store allows a pause of {longest} minutes at most.", pointer="/minutes")
        if shift.is_paused(at):
            return shift, False
        shift.paused_until = at + timedelta(minutes=longest if minutes is None else minutes)
        shift.bump_version()
        return shift, True

    def is_paused(self, at: datetime) -> bool:
        """Return whether this person's phones have to stay silent, whatever the alert."""
        return self.paused_until is not None and self.paused_until > at

    @classmethod
    def end_pause(cls, session: Session, *, staff_id: UUID, at: datetime) -> "Shift | None":
        """End a person's pause and return their shift; None when there is no pause."""
        current = cls.open_of(session, staff_id)
        if current is None or not current.is_paused(at):
            return None
        current.paused_until = None
        current.bump_version()
        return current

    @classmethod
    def paused(cls, session: Session, store: Store, *, by: Actor, at: datetime) -> Sequence["Shift"]:
        """Return the shifts that are paused in this store. Private: Forbidden but for the shift's lead and managers."""
        if not (by.may(Permission.STAFF_CARE) or cls.leads(session, store.id, by=by, at=at)):
            raise Forbidden("Only who leads the shift here and the managers are told of this.")
        criteria = (cls.store_id == store.id, cls.runs_at(at), cls.paused_until > at)
        staff = joinedload(cls.staff)
        options = (staff.selectinload(Staff.store_links), staff.selectinload(Staff.region_links))
        return session.scalars(select(cls).where(*criteria).options(*options).order_by(cls.paused_until, cls.id)).all()

    @classmethod
    def leads(cls, session: Session, store_id: UUID, *, by: Actor, at: datetime) -> bool:
        """Return whether somebody leads the shift in a store at this moment."""
        own = cls.current(session, by.staff_id, at=at)
        return own is not None and own.lead and own.store_id == store_id

    @classmethod
    def current(
        cls, session: Session, staff_id: UUID | None, *, at: datetime, options: Sequence[ExecutableOption] = ()
    ) -> "Shift | None":
        """Return the shift a person is on, with store, person and `options`, in one statement; None off shift."""
        stmt = (
            select(cls)
            .where(cls.staff_id == staff_id, cls.runs_at(at))
            .options(*options, joinedload(cls.store), joinedload(cls.staff))
        )
        return session.scalars(stmt).unique().one_or_none()

    @classmethod
    def is_near_end(cls, at: datetime) -> ColumnElement[bool]:
        """Match open shifts that ran out, and those whose person is to be asked whether they are still here."""
        near = cls.ended_at.is_(None) & (cls.ends_at <= at + STILL_HERE_BEFORE)
        return and_(near, or_(cls.ends_at <= at, cls.asked_at.is_(None)))

    @classmethod
    def open_of(cls, session: Session, staff_id: UUID) -> "Shift | None":
        """Return a person's shift whose end is not recorded, locked. It may have run out: see `current`."""
        return session.scalars(cls._locked(select(cls).where(cls.staff_id == staff_id, cls.ended_at.is_(None)))).first()

    @classmethod
    def by_reference(cls, session: Session, source: str, reference: str) -> "Shift | None":
        """Return the shift that a time clock knows by this reference, locked; None where it told none yet."""
        named = select(cls).where(cls.source == source, cls.reference == reference)
        return session.scalars(cls._locked(named)).first()

    @classmethod
    def _current_locked(cls, session: Session, staff_id: UUID, *, at: datetime) -> "Shift | None":
        current = select(cls).where(cls.staff_id == staff_id, cls.runs_at(at)).options(joinedload(cls.store))
        return session.scalars(cls._locked(current)).first()

    @classmethod
    def _locked(cls, shifts: Select["Shift"]) -> Select["Shift"]:
        """Return a statement that locks these shifts, and reads them as they are once they are locked."""
        locked = shifts.with_for_update(of=cls, key_share=True)
        return locked.execution_options(populate_existing=True)


def _require_in_business(store: Store) -> None:
    if store.closed_at is not None:
        raise InvalidState("This store is closed: nobody works there.", state="closed")
