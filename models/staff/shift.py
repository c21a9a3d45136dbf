"""Shifts: who works on the floor of which store at the moment, and who takes a pause."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor, Permission
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.errors import Forbidden, Invalid, InvalidState
from models.organizations.store import Store
from models.policy_defaults import LONGEST_SHIFT
from models.staff.staff import Staff


class Shift(TenantOwned):
    """Stay of a member of staff on the floor of a store. A person has at most one open shift."""

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
    ends_at: Mapped[datetime]  # when it ends by itself
    end_reason: Mapped[str | None] = mapped_column(String(20))
    ended_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # the colleague who ended it
    asked_at: Mapped[datetime | None]  # when the person was asked whether they are still here
    source: Mapped[str | None] = mapped_column(String(60))  # the time clock that began it, and its reference there
    reference: Mapped[str | None] = mapped_column(String(100))
    paused_until: Mapped[datetime | None]  # after a hard concern: their phones stay silent until then

    staff: Mapped[Staff] = many_to_one("Shift", "staff_id", "Staff")
    store: Mapped[Store] = many_to_one("Shift", "store_id", "Store")

    @classmethod
    def check_in(
        cls, session: Session, *, staff_id: UUID, store: Store, lead: bool, device_id: UUID | None = None, at: datetime
    ) -> "Shift":
        """Start a shift in a store and end an open one elsewhere. Whoever is already there keeps their shift.

        `device_id` is the shared phone that the person does it on. InvalidState in a store that is out of business,
        also if it closes at this moment.
        """
        _require_in_business(store)
        Staff.lock_staff(session, staff_id)
        current = cls.current(session, staff_id)
        if current is not None and current.store_id == store.id:
            current.lead = lead
            current.device_id = device_id or current.device_id
            return current
        if current is not None:
            current.ended_at = at
            session.flush()
        shift = cls(
            staff_id=staff_id,
            store_id=store.id,
            device_id=device_id,
            lead=lead,
            started_at=at,
            ends_at=at + LONGEST_SHIFT,
        )
        session.add(shift)
        # The new row refers to the store, so whoever closes the store (`end_all`) has committed before, or waits for us
        # and ends this shift as well.
        session.flush()
        session.refresh(store, ["closed_at"])
        _require_in_business(store)
        return shift

    @classmethod
    def end_all(cls, session: Session, store: Store, *, at: datetime) -> None:
        """End all shifts of a store. The caller has locked it against new rows that refer to it."""
        for shift in session.scalars(select(cls).where(cls.store_id == store.id, cls.ended_at.is_(None))):
            shift.ended_at = at

    @classmethod
    def check_out(cls, session: Session, *, staff_id: UUID, at: datetime) -> None:
        """End a person's shift. Does nothing when there is none."""
        if current := cls.current(session, staff_id):
            current.ended_at = at

    @classmethod
    def pause(
        cls, session: Session, *, staff_id: UUID, minutes: int | None = None, at: datetime
    ) -> "tuple[Shift, bool]":
        """Silence a person's phones after a hard concern. Return their shift and whether the pause is new.

        `minutes` defaults to the most that the store allows. A pause during a pause changes nothing. InvalidState off
        shift, Invalid for longer than the store allows.
        """
        Staff.lock_staff(session, staff_id)
        shift = cls.current(session, staff_id)
        if shift is None:
            raise InvalidState("Only somebody on shift can pause: check in first with PUT /v1/me/shift.")
        longest = shift.store.longest_pause_minutes
        if minutes is not None and minutes > longest:
            raise Invalid(f"This store allows a pause of {longest} minutes at most.", pointer="/minutes")
        if shift.is_paused(at):
            return shift, False
        shift.paused_until = at + timedelta(minutes=longest if minutes is None else minutes)
        return shift, True

    def is_paused(self, at: datetime) -> bool:
        """Return whether this person's phones have to stay silent, whatever the alert."""
        return self.paused_until is not None and self.paused_until > at

    @classmethod
    def end_pause(cls, session: Session, *, staff_id: UUID) -> None:
        """End a person's pause. Does nothing when there is none."""
        if current := cls.current(session, staff_id):
            current.paused_until = None

    @classmethod
    def paused(cls, session: Session, store: Store, *, by: Actor, at: datetime) -> Sequence["Shift"]:
        """Return the shifts that are paused in this store. Private: Forbidden but for the shift's lead and managers."""
        if not by.may(Permission.STAFF_CARE):
            own = cls.current(session, by.staff_id)
            if own is None or not own.lead or own.store_id != store.id:
                raise Forbidden("Only who leads the shift here and the managers are told of this.")
        criteria = (cls.store_id == store.id, cls.ended_at.is_(None), cls.paused_until > at)
        staff = joinedload(cls.staff)
        options = (staff.selectinload(Staff.store_links), staff.selectinload(Staff.region_links))
        return session.scalars(select(cls).where(*criteria).options(*options).order_by(cls.paused_until, cls.id)).all()

    @classmethod
    def current(
        cls, session: Session, staff_id: UUID | None, *, options: Sequence[ExecutableOption] = ()
    ) -> "Shift | None":
        """Return a person's open shift, with store, person and `options`, in one statement; None without a shift."""
        stmt = (
            select(cls)
            .where(cls.staff_id == staff_id, cls.ended_at.is_(None))
            .options(*options, joinedload(cls.store), joinedload(cls.staff))
        )
        return session.scalars(stmt).unique().one_or_none()


def _require_in_business(store: Store) -> None:
    if store.closed_at is not None:
        raise InvalidState("This store is closed: nobody works there.", state="closed")
