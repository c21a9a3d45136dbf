"""Daily log of a store: notes by headings, sign-off, handover of what is open, and amendments."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, subqueryload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.unresolved import NOT_RESOLVED
from models.db.base import Aggregate, CountedByDay, TenantOwned, many_to_one, one_to_many, tenant_fk
from models.db.bounds import too_many
from models.db.session import ScopedSession
from models.db.slug import check_slug
from models.errors import Conflict, Invalid, InvalidState
from models.organizations.store import Store
from models.policy_defaults import MAX_AMENDMENTS
from models.staff.staff import Staff

TOMORROW_HEADING = "tomorrow"  # the note under this heading is shown at the start of the next day
DEFAULT_HEADINGS = [
    {"slug": slug, "name": name, "required": False}
    for slug, name in (
        ("went-well", "What went well"),
        ("to-improve", "What to improve"),
        (TOMORROW_HEADING, "For tomorrow"),
    )
]


class DailyLogPolicy(Aggregate):
    """The headings for the notes of an organization. A required note has to be there at the sign-off."""

    __tablename__ = "daily_log_policy"
    __table_args__ = (UniqueConstraint("organization_id"),)

    headings: Mapped[list[Any]]  # slug, name, required

    @classmethod
    def current(cls, session: Session) -> "DailyLogPolicy":
        """Return the policy in force, or the default where none was set."""
        return session.scalars(select(cls)).one_or_none() or cls(headings=DEFAULT_HEADINGS)

    @classmethod
    def set_to(cls, session: ScopedSession, *, headings: list[dict[str, Any]]) -> "DailyLogPolicy":
        """Set the headings. Notes under former headings stay. Invalid for what is no slug or comes twice."""
        slugs = [check_slug(item["slug"], pointer=f"/headings/{number}/slug") for number, item in enumerate(headings)]
        for number, slug in enumerate(slugs):
            if slug in slugs[:number]:
                raise Invalid("There is a heading with this slug already.", pointer=f"/headings/{number}/slug")
        if (new := session.insert_or_ignore(cls, headings=headings)) is not None:
            return new
        policy = session.scalars(select(cls).with_for_update()).one()
        policy.headings = headings
        policy.bump_version()
        return policy


class DailyLog(CountedByDay, Aggregate):
    """Notes, sign-off and amendments of one business day of a store. Version 0 until something is added.

    `signed_steps` has the number of events of each concern at the sign-off. A concern that is missing there, or has
    more events by now, came in later, whatever the clocks say.
    """

    __tablename__ = "daily_log"
    __table_args__ = (UniqueConstraint("organization_id", "store_id", "business_date"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    notes: Mapped[dict[str, Any]]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    signed_figures: Mapped[dict[str, Any] | None]
    signed_steps: Mapped[dict[str, Any] | None]

    signed_by: Mapped[Staff | None] = many_to_one("DailyLog", "signed_by_id", "Staff")
    amendments: Mapped[list["DailyLogAmendment"]] = one_to_many(
        "DailyLog", "DailyLogAmendment", "daily_log_id", order_by="DailyLogAmendment.at, DailyLogAmendment.id"
    )

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return joinedload(cls.signed_by), subqueryload(cls.amendments).joinedload(DailyLogAmendment.by)

    @classmethod
    def for_days(cls, session: Session, store: Store, *days: date) -> list["DailyLog"]:
        """Return the logs of these days, in their order; an empty one where nothing was written."""
        stmt = select(cls).where(cls.store_id == store.id, cls.business_date.in_(days)).options(*cls.eager_options())
        logs = {log.business_date: log for log in session.scalars(stmt)}
        return [logs.get(day) or cls._empty(store, day) for day in days]

    @classmethod
    def _empty(cls, store: Store, day: date) -> "DailyLog":
        return cls(version=0, store_id=store.id, business_date=day, notes={}, amendments=[])

    def write(self, session: Session, store: Store, notes: dict[str, str | None], *, at: datetime) -> None:
        """Set notes by the slug of their heading; None deletes a note.

        Raises InvalidState once the day is signed, and Invalid for a heading this organization does not have and for a
        day that is too far away.
        """
        store.check_recordable(self.business_date, at)
        if self.signed_at is not None:
            raise InvalidState("This day is signed. What is left to say is an amendment.", state="signed")
        known = {heading["slug"] for heading in DailyLogPolicy.current(session).headings} | self.notes.keys()
        for slug in notes:
            if slug not in known:
                raise Invalid("This organization has no such heading.", pointer=f"/notes/{slug}")
        merged = {**self.notes, **notes}
        self.notes = {slug: note for slug, note in merged.items() if note is not None}
        self._save(session)

    def sign_off(
        self, session: Session, store: Store, *, count: Callable[[Session, Store, date], Any], by: Actor, at: datetime
    ) -> None:
        """Sign the day: store its figures, and hand its open concerns over to the next day.

        A concern is handed over once, by the day it belongs to. Signing again by the same person changes nothing.

        Args:
            count: computes the figures. It runs after `signed_steps` was taken, so that a concern which comes in
                between counts as late, instead of being in neither.

        Raises Conflict when somebody else has signed, and InvalidState before closing time and while a required note
        is missing, Invalid for a day that is too far away.
        """
        store.check_recordable(self.business_date, at)
        if self.signed_at is not None:
            self._refuse_other_signer(by)
            return
        self._require_ready(session, store, at)
        of_the_day = (Concern.store_id == store.id, Concern.business_date == self.business_date)
        steps = session.execute(select(Concern.id, Concern.event_count).where(*of_the_day)).all()
        self.signed_steps = {str(concern_id): event_count for concern_id, event_count in steps}
        self.signed_figures = _to_json(count(session, store, self.business_date))
        self.signed_at, self.signed_by_id = at, by.person
        self._save(session)
        tomorrow = store.next_date(self.business_date)
        for concern_id in session.scalars(select(Concern.id).where(*of_the_day, NOT_RESOLVED)).all():
            session.add(DailyLogHandover(store_id=store.id, business_date=tomorrow, concern_id=concern_id))

    def amend(
        self, session: Session, *, id_: UUID, reason: str, text: str, by: Actor, at: datetime
    ) -> "DailyLogAmendment":
        """Add an amendment to a signed day. InvalidState before the sign-off: write a note instead."""
        if self.signed_at is None:
            raise InvalidState("This day is not signed yet: write it into the notes.", state="open")
        if len(self.amendments) >= MAX_AMENDMENTS:
            raise too_many(MAX_AMENDMENTS, "amendments of one day")
        amendment = DailyLogAmendment(
            id=id_, daily_log_id=self.id, store_id=self.store_id, reason=reason, text=text, at=at, by_id=by.person
        )
        self.amendments.append(amendment)
        self._save(session)
        return amendment

    def _refuse_other_signer(self, by: Actor) -> None:
        if self.signed_by is None or self.signed_by_id == by.staff_id:
            return
        signer = {"id": self.signed_by_id, "name": self.signed_by.name}
        raise Conflict(f"{self.signed_by.name} has signed this day.", code="already-signed", signed_by=signer)

    def _require_ready(self, session: Session, store: Store, at: datetime) -> None:
        closes_at = store.closing_time(self.business_date)
        if at < closes_at:
            local = closes_at.astimezone(store.zone_on(self.business_date))
            raise InvalidState(f"This day is not over: it can be signed from {local:%Y-%m-%d %H:%M}, the store's time.")
        headings = DailyLogPolicy.current(session).headings
        missing = [
            heading["slug"]
            for heading in headings
            if heading["required"] and not self.notes.get(heading["slug"], "").strip()
        ]
        if missing:
            raise InvalidState("Notes that have to be there are missing.", missing=missing)

    def _save(self, session: Session) -> None:
        """Count one more version, and store the log if this is the first change."""
        self.bump_version()
        session.add(self)


class DailyLogHandover(TenantOwned):
    """A concern that was still open when its day was signed; `business_date` is the day it was handed to."""

    __tablename__ = "daily_log_handover"
    __table_args__ = (
        UniqueConstraint(
            "organization_id", "store_id", "business_date", "concern_id", name="uq_daily_log_handover_day"
        ),
    )

    store_id: Mapped[UUID] = tenant_fk("store")
    business_date: Mapped[date]
    concern_id: Mapped[UUID] = tenant_fk("concern")


class DailyLogAmendment(TenantOwned):
    """An addition to a signed day, with its reason.

    Append-only: the database does not allow the application to change or delete a row.
    """

    __tablename__ = "daily_log_amendment"
    __table_args__ = (Index("ix_daily_log_amendment_daily_log", "organization_id", "daily_log_id", "at", "id"),)

    daily_log_id: Mapped[UUID] = tenant_fk("daily_log")
    store_id: Mapped[UUID] = tenant_fk("store")
    reason: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by_id: Mapped[UUID] = tenant_fk("staff")

    by: Mapped[Staff] = many_to_one("DailyLogAmendment", "by_id", "Staff")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.store_id.in_(actor.store_ids),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.by),)


def _to_json(value: Any) -> Any:
    """Return figures as plain JSON: of a dataclass its fields and its computed properties, recursively."""
    if is_dataclass(value) and not isinstance(value, type):
        properties = [name for name in dir(type(value)) if isinstance(getattr(type(value), name), property)]
        names = [field.name for field in fields(value)] + properties
        return {name: _to_json(getattr(value, name)) for name in names}
    return [_to_json(element) for element in value] if isinstance(value, list | tuple) else value
