"""Recovery actions: what is done to put a concern right, as a ledger of entries that are never changed."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Index, Select, String, Text, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.concerns.child import ConcernChild
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Money, StoreDate, many_to_one, money, tenant_fk
from models.errors import InvalidState
from models.recovery.remedy import Remedy
from models.staff.staff import Staff


class ActionStatus(StrEnum):
    DONE = "done"
    PENDING = "pending"  # above the limit: somebody has to approve it first
    DECLINED = "declined"
    EXPIRED = "expired"
    REVERSED = "reversed"


class Settlement(StrEnum):
    """The state of the payment to the customer."""

    NONE = "none"  # nothing to pay out
    RECORDED = "recorded"
    REQUESTED = "requested"
    SETTLED = "settled"
    FAILED = "failed"


UNPAID = frozenset({Settlement.RECORDED, Settlement.REQUESTED, Settlement.FAILED})
UNDER_WAY = frozenset({Settlement.REQUESTED, Settlement.SETTLED})  # the money has left, or may have
# Settlement: those it may follow.
SETTLEMENT_MOVES: dict[Settlement, frozenset[Settlement]] = {
    Settlement.REQUESTED: frozenset({Settlement.RECORDED, Settlement.FAILED}),
    Settlement.SETTLED: UNPAID,
    Settlement.FAILED: frozenset({Settlement.RECORDED, Settlement.REQUESTED}),
}


class RecoveryAction(ConcernChild):
    """One thing done for the customer. A mistake is corrected by a reversing entry, never by a change.

    A reversing entry points to the entry it reverses (`reverses_id`) and has its cost with the opposite sign. A
    pending action has no `cost`, only `requested_cost`. So sums of `cost` over all rows are right whatever the status.

    `business_date` is the day whose budget the action counts against, by the server's clock; a reversing entry has
    the date of the entry it reverses. `over_limit` says that it is more than the giver may give without approval.
    """

    __tablename__ = "recovery_action"
    __table_args__ = (
        Index("ix_recovery_action_concern", "organization_id", "concern_id"),
        Index("ix_recovery_action_newest", "organization_id", "recorded_at", "id"),
        Index("ix_recovery_action_store_newest", "organization_id", "store_id", "recorded_at", "id"),
        Index("uq_recovery_action_reverses", "organization_id", "reverses_id", unique=True),
        Index("ix_recovery_action_giver", "organization_id", "acted_by_id", "business_date"),
        Index(
            "ix_recovery_action_pending",
            "organization_id",
            "recorded_at",
            "id",
            postgresql_where=text("status = 'pending'"),
            sqlite_where=text("status = 'pending'"),
        ),
        Index(
            "ix_recovery_action_unpaid",
            "organization_id",
            "recorded_at",
            "id",
            postgresql_where=text("settlement IN ('recorded', 'requested', 'failed')"),
            sqlite_where=text("settlement IN ('recorded', 'requested', 'failed')"),
        ),
    )

    remedy_id: Mapped[UUID] = tenant_fk("remedy")
    reverses_id: Mapped[UUID | None] = tenant_fk("recovery_action", nullable=True)
    status: Mapped[ActionStatus] = mapped_column(default=ActionStatus.DONE)
    cost_amount: Mapped[int | None] = mapped_column(BigInteger)
    cost_currency: Mapped[str | None] = mapped_column(String(3))
    cost: Mapped[Money | None] = money("cost")
    requested_cost_amount: Mapped[int | None] = mapped_column(BigInteger)
    requested_cost_currency: Mapped[str | None] = mapped_column(String(3))
    requested_cost: Mapped[Money | None] = money("requested_cost")
    over_limit: Mapped[bool] = mapped_column(default=False)
    business_date: Mapped[date]
    settlement: Mapped[Settlement] = mapped_column(default=Settlement.NONE)
    settlement_reference: Mapped[str | None] = mapped_column(String(100))
    expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    decision_note: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    acted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    acted_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)

    remedy: Mapped[Remedy] = many_to_one("RecoveryAction", "remedy_id", "Remedy", lazy="joined")
    acted_by: Mapped[Staff | None] = many_to_one("RecoveryAction", "acted_by_id", "Staff", lazy="joined")
    decided_by: Mapped[Staff | None] = many_to_one("RecoveryAction", "decided_by_id", "Staff", lazy="joined")

    @property
    def rollup_day(self) -> StoreDate:
        return self.concern.rollup_day

    @classmethod
    def select_visible(cls, actor: Actor, *, unpaid: bool | None = None, **columns: Any) -> Select["RecoveryAction"]:
        """Return a statement for the visible actions with these column values, and optionally only (un)paid ones.

        See `listed`.
        """
        criteria = cls.listed(actor, **columns)
        if unpaid is not None:
            criteria.append(cls.is_unpaid() if unpaid else ~cls.is_unpaid())
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def is_unpaid(cls) -> ColumnElement[bool]:
        """Return the criterion for actions in effect whose money is not paid out yet."""
        return IN_EFFECT & cls.settlement.in_(UNPAID)

    @classmethod
    def counts_or_is_unsettled(cls) -> ColumnElement[bool]:
        """Return the criterion for actions in effect, those that wait, and reversals whose money is not back yet."""
        return or_(
            IN_EFFECT, cls.status == ActionStatus.PENDING, cls.reverses_id.is_not(None) & cls.settlement.in_(UNPAID)
        )

    @property
    def decision(self) -> "RecoveryAction | None":
        """The action itself where somebody approved or declined it, for the decision of an answer."""
        return self if self.decided_at else None

    @property
    def amount(self) -> Money | None:
        """The cost, or the cost it would have if it were approved."""
        return self.cost or self.requested_cost

    def reverse(
        self, session: Session, *, by: Actor, at: datetime, note: str | None = None
    ) -> tuple["RecoveryAction", ConcernEvent]:
        """Reverse the action by an entry of its own. InvalidState unless it is done, and for a reversing entry.

        Where the money was on its way or paid, the entry waits until it is settled that it came back.
        """
        if self.status is not ActionStatus.DONE or self.reverses_id is not None:
            raise InvalidState(f"An action that is {self.status} cannot be reversed.", state=str(self.status))
        event = self.record_event(ConcernStep.ACTION_REVERSED, by=by, at=at)
        entry = RecoveryAction(
            concern=self.concern,
            store_id=self.store_id,
            remedy=self.remedy,
            reverses_id=self.id,
            cost=Money(-self.cost.amount, self.cost.currency) if self.cost else None,
            business_date=self.business_date,
            settlement=Settlement.RECORDED if self.settlement in UNDER_WAY else Settlement.NONE,
            note=note,
            acted_at=at,
            recorded_at=at,
            acted_by_id=by.staff_id,
            decided_by=None,
        )
        session.add(entry)
        self.status = ActionStatus.REVERSED
        self.bump_version()
        return entry, event

    def settle(self, *, to: Settlement, reference: str | None = None, by: Actor, at: datetime) -> ConcernEvent:
        """Move the settlement on. InvalidState where no money is due, or it is paid already."""
        if self.status is not ActionStatus.DONE or self.settlement not in SETTLEMENT_MOVES[to]:
            raise InvalidState(f"Money that is {self.settlement} cannot be {to}.", state=str(self.settlement))
        self.settlement, self.settlement_reference = to, reference or self.settlement_reference
        self.bump_version()
        return self.record_event(ConcernStep.ACTION_SETTLED, by=by, at=at, settlement=to)

    def record_event(self, step: ConcernStep, *, by: Actor, at: datetime, **details: Any) -> ConcernEvent:
        """Record an event of this action in the timeline of its concern."""
        if self.over_limit and self.acted_by_id is not None:
            details["asked_by"] = str(self.acted_by_id)
        subject = {"recovery_action_id": str(self.id), "remedy": self.remedy.slug}
        return self.concern.add_event(step, by=by, at=at, details={**subject, **details})


# Given and not reversed. A reversing entry does not count by itself.
IN_EFFECT = (RecoveryAction.status == ActionStatus.DONE) & RecoveryAction.reverses_id.is_(None)
