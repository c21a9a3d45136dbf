"""Follow-ups: what a customer was promised, when it is due, who owns it, and whether it was kept."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, and_, literal, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.access import Actor, Permission
from models.concerns.child import ConcernChild
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import CountedByDay, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.errors import Invalid, InvalidState
from models.policy_defaults import FOLLOW_UP_MAX_AHEAD, MAX_FOLLOW_UPS_OF_CONCERN
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
    BROKEN = "broken"  # the due time has passed; it may still be kept, late
    CANCELLED = "cancelled"  # the customer does not want it any more


# What of the customer's profile each kind needs, one of them.
CONTACTS_NEEDED = {FollowUpKind.CALL: ("phone",), FollowUpKind.MESSAGE: ("phone", "email")}
PENDING_STATUSES = frozenset({FollowUpStatus.OPEN, FollowUpStatus.BROKEN})


class FollowUp(CountedByDay, ConcernChild):
    """One follow-up. Once broken it stays so (`broken_at`), whatever becomes of it afterwards.

    `business_date` is the business day of the store on which it is due. `run_id` changes with each step, so that
    timers of an earlier run (the reminder, the due time) do nothing.
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
    fix_id: Mapped[UUID | None] = tenant_fk("fix", nullable=True)  # the fix this is the thank-you for

    owner: Mapped[Staff] = many_to_one("FollowUp", "owner_id", "Staff", lazy="joined")
    promised_by: Mapped[Staff | None] = many_to_one("FollowUp", "promised_by_id", "Staff", lazy="joined")

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.concern).options(joinedload(Concern.customer), joinedload(Concern.place)),)

    @property
    def missing(self) -> list[str]:
        """What has to be found out before it can be kept: `contact`, without what it takes to reach the customer."""
        needed = CONTACTS_NEEDED.get(self.kind, ()) if self.status in PENDING_STATUSES else ()
        if not needed or any(getattr(self.concern.customer, name, None) for name in needed):
            return []
        return ["contact"]

    @classmethod
    def select_visible(
        cls, actor: Actor, *, due_before: datetime | None = None, owed_before: date | None = None, **columns: Any
    ) -> Select["FollowUp"]:
        """Return a statement for the visible follow-ups with these column values.

        `due_before` is a time, `owed_before` a business day on which they are overdue. See `listed`. Forbidden for who
        asks for those of an owner, whose name they may not read.
        """
        if "owner_id" in columns:
            actor.require(Permission.CONCERN_WORDS)
        criteria = cls.listed(actor, **columns)
        if due_before is not None:
            criteria.append(cls.due_at < due_before)
        if owed_before is not None:
            criteria.append(cls.pending_before(owed_before))
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def pending_before(cls, day: date) -> ColumnElement[bool]:
        """Return the criterion for follow-ups of any earlier business day that are still pending."""
        return and_(cls.business_date < day, cls.is_pending())

    @classmethod
    def is_pending(cls) -> ColumnElement[bool]:
        """Return the criterion for follow-ups that are still to be kept."""
        # The values stand in the SQL text, so that both databases see that the partial index applies.
        status_type = cls.status.type
        return cls.status.in_(
            [
                literal(status, status_type, literal_execute=True)
                for status in (FollowUpStatus.OPEN, FollowUpStatus.BROKEN)
            ]
        )

    @classmethod
    def pending_for_customer(cls, customer_id: UUID, *, actor: Actor) -> Select["FollowUp"]:
        """Return a statement for the pending follow-ups of a customer, by due time."""
        of_customer = cls.concern_id.in_(select(Concern.id).where(Concern.customer_id == customer_id))
        return (
            cls.select_visible(actor).where(of_customer, cls.status.in_(PENDING_STATUSES)).order_by(cls.due_at, cls.id)
        )

    @classmethod
    def create(
        cls,
        session: Session,
        concern: Concern,
        *,
        by: Actor,
        at: datetime,
        owner_id: UUID | None = None,
        **fields: Any,
    ) -> tuple["FollowUp", ConcernEvent]:
        """Create a follow-up on a concern, also on a resolved one: most follow-ups are promised at the end.

        The owner is `by` unless `owner_id` names a colleague. `fields` and errors as in `create_for_owner`; NotFound
        for an owner whom `by` may not see.
        """
        owner = FollowUpOwner.resolve(session, owner_id, by=by, pointer="/owner_id", at=at)
        of_concern = select(cls.id).where(cls.concern_id == concern.id)
        check_bound(session, of_concern, most=MAX_FOLLOW_UPS_OF_CONCERN, of="follow-ups of one concern")
        return cls.create_for_owner(session, concern, owner, by=by, at=at, **fields)

    @classmethod
    def create_for_owner(
        cls,
        session: Session,
        concern: Concern,
        owner: FollowUpOwner,
        *,
        by: Actor,
        at: datetime,
        due_at: datetime,
        **fields: Any,
    ) -> tuple["FollowUp", ConcernEvent]:
        """Create a follow-up with a resolved owner. `fields` are `what`, `kind`, `id` and `fix_id`.

        Raises Invalid for a due time that has passed or lies more than a year ahead, and for an owner who may not own
        follow-ups on this concern.
        """
        if not at < due_at <= at + FOLLOW_UP_MAX_AHEAD:
            raise Invalid("What is promised is due in the coming year.", pointer="/due_at")
        follow_up = cls(
            **fields,
            concern=concern,
            store_id=concern.store_id,
            due_at=due_at,
            business_date=concern.store.business_date(due_at),
            owner_id=owner.require_owner_of(concern),
            run_id=uuid7(),
            promised_at=at,
            promised_by_id=by.staff_id,
        )
        session.add(follow_up)
        details = {"kind": follow_up.kind, "due_at": due_at.isoformat()}
        if follow_up.fix_id:
            details["fix_id"] = str(follow_up.fix_id)
        return follow_up, follow_up._record_event(ConcernStep.PROMISED, by=by, at=at, **details)

    def keep(self, *, by: Actor, at: datetime, note: str | None = None) -> ConcernEvent:
        """Mark the follow-up as kept. InvalidState unless it is pending."""
        self._close(FollowUpStatus.KEPT, at=at, note=note)
        self.kept_at = at
        return self._record_event(ConcernStep.PROMISE_KEPT, by=by, at=at, late=self.broken_at is not None)

    def cancel(self, *, by: Actor, at: datetime, note: str) -> ConcernEvent:
        """Cancel a follow-up that is not wanted any more, with the reason. An overdue one also counts as broken."""
        self._close(FollowUpStatus.CANCELLED, at=at, note=note)
        return self._record_event(ConcernStep.PROMISE_CANCELLED, by=by, at=at)

    def hand_over(self, session: Session, staff_id: UUID, *, by: Actor, at: datetime) -> ConcernEvent:
        """Make a colleague the owner. Invalid for somebody who may not own it, InvalidState unless it is pending."""
        self._require_pending()
        return self.assign(FollowUpOwner.resolve(session, staff_id, by=by, pointer="/staff_id", at=at), by=by, at=at)

    def assign(self, owner: FollowUpOwner, *, by: Actor, at: datetime) -> ConcernEvent:
        """Give a pending follow-up to this owner. Invalid for somebody who may not own it."""
        self.owner_id = owner.require_owner_of(self.concern)
        self._start_new_run()
        return self._record_event(ConcernStep.PROMISE_HANDED_OVER, by=by, at=at, to=str(self.owner_id))

    def mark_broken(self, *, at: datetime) -> ConcernEvent:
        """Mark a follow-up as broken whose due time has passed."""
        self.status, self.broken_at = FollowUpStatus.BROKEN, self.due_at
        self._start_new_run()
        return self._record_event(ConcernStep.PROMISE_BROKEN, by=Actor.unauthenticated(self.organization_id), at=at)

    def cancel_unwanted(self, *, at: datetime) -> ConcernEvent:
        """Cancel a follow-up whose customer does not want to be contacted any more. It does not count as broken."""
        return self.cancel_voided(by=Actor.unauthenticated(self.organization_id), at=at)

    def cancel_voided(self, *, by: Actor, at: datetime) -> ConcernEvent:
        """Cancel a follow-up of a concern that is being voided. It does not count as broken."""
        self.status = FollowUpStatus.CANCELLED
        self._start_new_run()
        return self._record_event(ConcernStep.PROMISE_CANCELLED, by=by, at=at)

    def _close(self, status: FollowUpStatus, *, at: datetime, note: str | None) -> None:
        self._require_pending()
        if self.broken_at is None and self.due_at <= at:  # the worker has not marked it yet
            self.broken_at = self.due_at
        self.status, self.note = status, note
        self._start_new_run()

    def _require_pending(self) -> None:
        if self.status not in PENDING_STATUSES:
            raise InvalidState(f"This promise is {self.status}.", state=str(self.status))

    def _start_new_run(self) -> None:
        self.run_id = uuid7()
        self.bump_version()

    def _record_event(self, step: ConcernStep, *, by: Actor, at: datetime, **details: Any) -> ConcernEvent:
        return self.concern.add_event(step, by=by, at=at, details={"follow_up_id": str(self.id), **details})
