"""Follow-ups: what was promised to a customer, by when, who keeps it, and whether it was kept."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, and_, literal, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from models.access import Actor
from models.concerns.child import ConcernChild
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import CountedByDay, many_to_one, tenant_fk
from models.errors import Invalid, InvalidState
from models.policy_defaults import FOLLOW_UP_MAX_AHEAD
from models.recovery.follow_up_owner import FollowUpOwner
from models.staff.staff import Staff


class FollowUpKind(StrEnum):
    CALL = "call"
    MESSAGE = "message"
    VISIT = "visit"
    REPLACEMENT = "replacement"
    OTHER = "other"


class FollowUpStatus(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"  # its time has passed; it may still be kept, late
    CANCELLED = "cancelled"  # the customer does not want it any more


PENDING_STATUSES = frozenset({FollowUpStatus.OPEN, FollowUpStatus.BROKEN})


class FollowUp(CountedByDay, ConcernChild):
    """One promise. Once broken it stays so (`broken_at`), whatever becomes of it afterwards.

    `business_date` is the store's day on which it is due. `run_id` changes with each step, so that what is left of an
    earlier one (a reminder, the end of its time) does nothing.
    """

    __tablename__ = "follow_up"
    __table_args__ = (
        Index("ix_follow_up_concern", "organization_id", "concern_id", "due_at", "id"),
        Index("ix_follow_up_due", "organization_id", "due_at", "id"),
        Index("ix_follow_up_store_due", "organization_id", "store_id", "due_at", "id"),
        Index("ix_follow_up_owner_due", "organization_id", "owner_id", "due_at", "id"),
        Index("ix_follow_up_store_day", "organization_id", "store_id", "business_date"),
        Index("ix_follow_up_fix", "organization_id", "fix_id", "concern_id"),
        Index(
            "ix_follow_up_owed",
            *("organization_id", "store_id", "business_date"),
            postgresql_where=text("status IN ('open', 'broken')"),
            sqlite_where=text("status IN ('open', 'broken')"),
        ),
    )

    what: Mapped[str] = mapped_column(Text)
    kind: Mapped[FollowUpKind]
    due_at: Mapped[datetime]
    business_date: Mapped[date]
    owner_id: Mapped[UUID] = tenant_fk("staff")
    status: Mapped[FollowUpStatus] = mapped_column(default=FollowUpStatus.OPEN)
    run_id: Mapped[UUID]
    promised_at: Mapped[datetime]
    promised_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    kept_at: Mapped[datetime | None]
    broken_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
    fix_id: Mapped[UUID | None] = tenant_fk("fix", nullable=True)  # the cause was fixed: this is the thank-you for it

    owner: Mapped[Staff] = many_to_one("FollowUp", "owner_id", "Staff", lazy="joined")
    promised_by: Mapped[Staff | None] = many_to_one("FollowUp", "promised_by_id", "Staff", lazy="joined")

    @classmethod
    def select_visible(
        cls, actor: Actor, *, due_before: datetime | None = None, owed_before: date | None = None, **equal: Any
    ) -> Select["FollowUp"]:
        """The promises within reach whose columns have these values, those due before a time, or owed from before."""
        criteria = [*cls.visible_to(actor), *(getattr(cls, name) == value for name, value in equal.items())]
        if due_before is not None:
            criteria.append(cls.due_at < due_before)
        if owed_before is not None:
            criteria.append(cls.pending_before(owed_before))
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def pending_before(cls, day: date) -> ColumnElement[bool]:
        """It was due on an earlier business day and is owed still, however old."""
        # In words of SQL, so that both databases see that the partial index holds it.
        kind = cls.__table__.c.status.type
        owed = [
            literal(many_to_one, kind, literal_execute=True)
            for many_to_one in (FollowUpStatus.OPEN, FollowUpStatus.BROKEN)
        ]
        return and_(cls.business_date < day, cls.status.in_(owed))

    @classmethod
    def pending_for_customer(cls, customer_id: UUID, *, actor: Actor) -> Select["FollowUp"]:
        """What this customer still waits for, what is due first coming first: open, or broken and not yet kept."""
        theirs = cls.concern_id.in_(select(Concern.id).where(Concern.customer_id == customer_id))
        return cls.select_visible(actor).where(theirs, cls.status.in_(PENDING_STATUSES)).order_by(cls.due_at, cls.id)

    @classmethod
    def create(
        cls, session: Session, concern: Concern, *, by: Actor, owner_id: UUID | None = None, **said: Any
    ) -> tuple["FollowUp", ConcernEvent]:
        """Promise something to the customer of a concern, also of one that is over: that is when it is promised.

        It is kept by who promises unless an `owner_id` says otherwise. Missing or Invalid for somebody who cannot keep
        it; for `said` see `create_for_owner`.
        """
        keeper = FollowUpOwner.resolve(session, owner_id, by=by, pointer="/owner_id")
        return cls.create_for_owner(session, concern, keeper, by=by, **said)

    @classmethod
    def create_for_owner(
        cls,
        session: Session,
        concern: Concern,
        keeper: FollowUpOwner,
        *,
        by: Actor,
        at: datetime,
        due_at: datetime,
        **said: Any,
    ) -> tuple["FollowUp", ConcernEvent]:
        """Promise what this keeper will keep; `said` is what, kind, id and fix_id.

        Invalid for a time that has passed or lies more than a year ahead, and for a keeper who cannot keep it here.
        """
        if not at < due_at <= at + FOLLOW_UP_MAX_AHEAD:
            raise Invalid("What is promised is due in the coming year.", pointer="/due_at")
        follow_up = cls(
            **said,
            concern=concern,
            store_id=concern.store_id,
            due_at=due_at,
            business_date=concern.store.business_date(due_at),
            owner_id=keeper.require_owner_of(concern),
            run_id=uuid7(),
            promised_at=at,
            promised_by_id=by.staff_id,
        )
        session.add(follow_up)
        thanks = {"fix_id": str(follow_up.fix_id)} if follow_up.fix_id else {}
        told = {"kind": follow_up.kind, "due_at": due_at.isoformat(), **thanks}
        return follow_up, follow_up._note(ConcernStep.PROMISED, by=by, at=at, **told)

    def keep(self, *, by: Actor, at: datetime, note: str | None = None) -> ConcernEvent:
        """The customer got what was promised. InvalidState unless it is owed."""
        self._end(FollowUpStatus.KEPT, at=at, note=note)
        self.kept_at = at
        return self._note(ConcernStep.PROMISE_KEPT, by=by, at=at, late=self.broken_at is not None)

    def cancel(self, *, by: Actor, at: datetime, note: str) -> ConcernEvent:
        """It is not wanted any more, and why. What was broken by then counts as that all the same."""
        self._end(FollowUpStatus.CANCELLED, at=at, note=note)
        return self._note(ConcernStep.PROMISE_CANCELLED, by=by, at=at)

    def hand_over(self, session: Session, staff_id: UUID, *, by: Actor, at: datetime) -> ConcernEvent:
        """Let a colleague keep it from now on. Invalid for somebody who cannot, InvalidState unless it is owed."""
        self._must_be_owed()
        self.owner_id = FollowUpOwner.resolve(session, staff_id, by=by, pointer="/staff_id").require_owner_of(
            self.concern
        )
        self._go_on()
        return self._note(ConcernStep.PROMISE_HANDED_OVER, by=by, at=at, to=str(staff_id))

    def mark_broken(self, *, at: datetime) -> ConcernEvent:
        """Its time has passed, and nobody has kept it."""
        self.status, self.broken_at = FollowUpStatus.BROKEN, self.due_at
        self._go_on()
        return self._note(ConcernStep.PROMISE_BROKEN, by=Actor.unauthenticated(self.organization_id), at=at)

    def cancel_unwanted(self, *, at: datetime) -> ConcernEvent:
        """Its customer does not want to be contacted any more: that it was not kept is nobody's failure."""
        self.status = FollowUpStatus.CANCELLED
        self._go_on()
        return self._note(ConcernStep.PROMISE_CANCELLED, by=Actor.unauthenticated(self.organization_id), at=at)

    def _end(self, status: FollowUpStatus, *, at: datetime, note: str | None) -> None:
        self._must_be_owed()
        if self.broken_at is None and self.due_at <= at:  # before the worker has come to it
            self.broken_at = self.due_at
        self.status, self.note = status, note
        self._go_on()

    def _must_be_owed(self) -> None:
        if self.status not in PENDING_STATUSES:
            raise InvalidState(f"This promise is {self.status}.", state=str(self.status))

    def _go_on(self) -> None:
        self.run_id = uuid7()
        self.bump_version()

    def _note(self, step: ConcernStep, *, by: Actor, at: datetime, **details: Any) -> ConcernEvent:
        return self.concern.add_event(step, by=by, at=at, details={"follow_up_id": str(self.id), **details})
