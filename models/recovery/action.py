"""Recovery actions: what is done to put a concern right, as a ledger of entries that are never changed."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Index, Select, String, Text, func, literal, or_, select, text
from sqlalchemy.orm import (
    Mapped,
    MappedSQLExpression,
    Session,
    aliased,
    column_property,
    joinedload,
    mapped_column,
    undefer_group,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor, Permission
from models.concerns.child import ConcernChild
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Money, StoreDate, many_to_one, money, tenant_fk
from models.db.earlier import EarlierDay
from models.db.text import BYTEWISE_NAME, fold
from models.errors import Conflict, Forbidden, InvalidState
from models.organizations.store import Store
from models.policy_defaults import REPEATED_GIVING_WINDOW
from models.recovery.remedy import Remedy
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.invitation import Invitation
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


GIVEN_STATUSES = frozenset({ActionStatus.DONE, ActionStatus.REVERSED})
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

    A reversing entry points to the entry it reverses (`reverses_id`) and has its cost with the opposite sign. Where the
    money has left, or may have, the entry is `requested` and the action stays `done` until it is told that the money
    came back; where it is told later only that it had left, both go back to that. What is pending or requested like
    that has no `cost`, only `requested_cost`. So sums of `cost` over all rows are right whatever the status.

    `customer_id` is whom it was given to. That stays, whatever customer the concern names later; see `name_customer`.
    `business_date` is the day whose budget the action counts against, by the server's clock; a reversing entry has
    the date of the entry it reverses. `over_limit` says that it is more than the giver may give without approval;
    `acted_first`, that this was known when it was done: only that counts for what a store may act first for.
    """

    __tablename__ = "recovery_action"
    __table_args__ = (
        Index("ix_recovery_action_concern", "organization_id", "concern_id"),
        Index("ix_recovery_action_newest", "organization_id", "recorded_at", "id"),
        Index("ix_recovery_action_store_newest", "organization_id", "store_id", "recorded_at", "id"),
        Index("ix_recovery_action_store_day", "organization_id", "store_id", "business_date"),
        Index("uq_recovery_action_reverses", "organization_id", "reverses_id", unique=True),
        Index("ix_recovery_action_giver", "organization_id", "acted_by_id", "business_date"),
        Index("ix_recovery_action_customer", "organization_id", "customer_id", "business_date"),
        Index(
            "ix_recovery_action_settlement",
            "organization_id",
            "store_id",
            "settlement_key",
            postgresql_where=text("settlement_key IS NOT NULL"),
            sqlite_where=text("settlement_key IS NOT NULL"),
        ),
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
    customer_id: Mapped[UUID | None] = tenant_fk("customer", nullable=True)
    status: Mapped[ActionStatus] = mapped_column(default=ActionStatus.DONE)
    cost_amount: Mapped[int | None] = mapped_column(BigInteger)
    cost_currency: Mapped[str | None] = mapped_column(String(3))
    cost: Mapped[Money | None] = money("cost")
    requested_cost_amount: Mapped[int | None] = mapped_column(BigInteger)
    requested_cost_currency: Mapped[str | None] = mapped_column(String(3))
    requested_cost: Mapped[Money | None] = money("requested_cost")
    over_limit: Mapped[bool] = mapped_column(default=False)
    acted_first: Mapped[bool] = mapped_column(default=False)
    business_date: Mapped[date]
    settlement: Mapped[Settlement] = mapped_column(default=Settlement.NONE)
    settlement_reference: Mapped[str | None] = mapped_column(String(100))
    settlement_key: Mapped[str | None] = mapped_column(BYTEWISE_NAME)  # the reference, folded, once a witness said it
    expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    decision_note: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    acted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    acted_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    acted_by_key_id: Mapped[UUID | None] = tenant_fk("api_key", nullable=True)

    if TYPE_CHECKING:
        days_before: Mapped[int]
        amount_before: Mapped[int]

    remedy: Mapped[Remedy] = many_to_one("RecoveryAction", "remedy_id", "Remedy", lazy="joined")
    reverses: Mapped["RecoveryAction | None"] = many_to_one("RecoveryAction", "reverses_id", "RecoveryAction")
    acted_by: Mapped[Staff | None] = many_to_one("RecoveryAction", "acted_by_id", "Staff", lazy="joined")
    decided_by: Mapped[Staff | None] = many_to_one("RecoveryAction", "decided_by_id", "Staff", lazy="joined")

    @property
    def rollup_day(self) -> StoreDate:
        return self.concern.rollup_day

    @classmethod
    def select_visible(
        cls,
        actor: Actor,
        *,
        unpaid: bool | None = None,
        beyond: bool | None = None,
        reviewed: bool | None = None,
        **columns: Any,
    ) -> Select["RecoveryAction"]:
        """Return a statement for the visible actions with these column values, and optionally only (un)paid ones.

        `beyond`: above a limit, or not. `reviewed`: given above a limit, and looked at since, or not yet. See `listed`.
        """
        criteria = cls.listed(actor, **columns)
        if unpaid is not None:
            is_open = cls.is_unpaid() | cls.is_not_back()
            criteria.append(is_open if unpaid else ~is_open)
        if beyond is not None:
            criteria.append(cls.over_limit.is_(beyond))
        if reviewed is not None:
            was_reviewed = WAS_GIVEN & cls.over_limit & cls.decided_at.is_not(None)
            criteria.append(was_reviewed if reviewed else cls.waits_for_review())
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def is_pending(cls) -> ColumnElement[bool]:
        """Return the criterion for requests that wait for a decision."""
        # The value stands in the SQL text, so that both databases see that the partial index applies.
        return cls.status == literal(ActionStatus.PENDING, cls.status.type, literal_execute=True)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (
            joinedload(cls.concern).options(joinedload(Concern.customer), joinedload(Concern.place)),
            undefer_group("given before"),
        )

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria for the actions of visible concerns; a till also sees the money of sensitive ones.

        Of these it sees nothing else: see `shows_money_only`.
        """
        *of_stores, of_visible_concerns = super().visible_to(actor)
        if not _is_till(actor):
            return *of_stores, of_visible_concerns
        return *of_stores, or_(of_visible_concerns, cls.settlement != Settlement.NONE)

    def shows_money_only(self, actor: Actor) -> bool:
        """Return whether somebody sees only that money is to be paid: a till, of a sensitive concern."""
        return _is_till(actor) and not self.concern.is_readable_by(actor.permissions)

    @classmethod
    def listed(cls, actor: Actor, **columns: Any) -> list[ColumnElement[bool]]:
        """Return criteria for a list, as for every child. Of voided concerns with what was paid or is to be reviewed.

        A till may pay what was taken back before, and a review is owed for what was given, whatever came after.
        """
        stands = IN_EFFECT | cls.is_not_back() | cls.waits_for_review()
        return super().listed(actor, stands=stands, **columns)

    @classmethod
    def is_unpaid(cls) -> ColumnElement[bool]:
        """Return the criterion for actions in effect whose money is not paid out yet."""
        return IN_EFFECT & cls.settlement.in_(UNPAID)

    @classmethod
    def is_not_back(cls) -> ColumnElement[bool]:
        """Return the criterion for reversals that wait until it is told that the money came back."""
        return cls.reverses_id.is_not(None) & cls.settlement.in_(UNPAID)

    @classmethod
    def counts_or_is_unsettled(cls) -> ColumnElement[bool]:
        """Return the criterion for actions in effect, those that wait, and reversals whose money is not back yet.

        An action whose reversal waits is not among them, only the reversal.
        """
        reversal = aliased(cls)
        is_reversed = select(reversal.id).where(reversal.reverses_id == cls.id).exists()
        return or_(
            IN_EFFECT & ~is_reversed,
            cls.status == ActionStatus.PENDING,
            cls.is_not_back(),
        )

    @classmethod
    def waits_for_review(cls) -> ColumnElement[bool]:
        """Return the criterion for what was given beyond a limit and nobody has looked at yet, also if taken back."""
        return WAS_GIVEN & cls.over_limit & cls.decided_at.is_(None)

    @property
    def is_to_review(self) -> bool:
        """`waits_for_review` in Python."""
        was_given = self.status in GIVEN_STATUSES and self.reverses_id is None
        return was_given and self.over_limit and self.decided_at is None

    @property
    def given_90_days(self) -> dict[str, Any] | None:
        """What the customer was given else within the 90 days up to it, as of now.

        None where they are unknown, and for what is free.
        """
        if self.customer_id is None or self.amount is None or self.amount.amount <= 0:
            return None
        return {"days": self.days_before, "cost": Money(self.amount_before, self.amount.currency)}

    def set_given_before(self, days: int, amount: int) -> None:
        """Set what `given_90_days` says where it was just read, so that it is not read again."""
        set_committed_value(self, "days_before", days)
        set_committed_value(self, "amount_before", amount)

    @property
    def decision(self) -> "RecoveryAction | None":
        """The action itself where somebody approved or declined it, for the decision of an answer."""
        return self if self.decided_at else None

    @property
    def amount(self) -> Money | None:
        """The cost, or the cost it would have if it were approved."""
        return self.cost or self.requested_cost

    @classmethod
    def name_customer(cls, session: Session, concern: Concern) -> list["RecoveryAction"]:
        """Give the actions of a concern its customer, where they were given to somebody unknown or are only asked for.

        What was given to somebody stays theirs: else taking them off a concern would give them the same again. Returns
        the actions that are of the customer from now on.
        """
        to_nobody_known = cls.customer_id.is_(None) | (cls.status == ActionStatus.PENDING)
        of_concern = select(cls).where(cls.concern_id == concern.id, to_nobody_known).order_by(cls.recorded_at, cls.id)
        actions = [action for action in session.scalars(of_concern) if action.customer_id != concern.customer_id]
        for action in actions:
            action.customer_id = concern.customer_id
            action.bump_version()
        session.flush()
        for action in actions:
            session.expire(action, ["days_before", "amount_before"])
        return actions

    def reverse(
        self, session: Session, *, by: Actor, at: datetime, note: str | None = None
    ) -> tuple["RecoveryAction", ConcernEvent]:
        """Reverse the action by an entry of its own. InvalidState unless it is done, and for a reversing entry.

        Where the money was on its way or paid, the entry is `requested`, and takes effect when it is settled that the
        money came back.
        """
        if self.status is not ActionStatus.DONE or self.reverses_id is not None:
            raise InvalidState(f"An action that is {self.status} cannot be reversed.", state=str(self.status))
        if self._find_reversal(session) is not None:
            raise InvalidState("Its reversal waits until it is told that the money came back.", state=str(self.status))
        event = self.record_event(ConcernStep.ACTION_REVERSED, by=by, at=at)
        entry = RecoveryAction(
            concern=self.concern,
            store_id=self.store_id,
            remedy=self.remedy,
            reverses=self,
            customer_id=self.customer_id,
            requested_cost=Money(-self.cost.amount, self.cost.currency) if self.cost else None,
            business_date=self.business_date,
            settlement=Settlement.REQUESTED,
            note=note,
            acted_at=at,
            recorded_at=at,
            acted_by_id=by.staff_id,
            acted_by_key_id=by.api_key_id,
            decided_by=None,
        )
        session.add(entry)
        if self.settlement in UNDER_WAY:
            self.bump_version()
        else:
            entry.take_back(Settlement.NONE)
        return entry, event

    def settle(
        self, session: Session, *, to: Settlement, reference: str | None = None, by: Actor, at: datetime
    ) -> ConcernEvent:
        """Move the settlement on. Of a reversing entry it says whether the money came back.

        Of a refund that was taken back unpaid, `settled` says that it was paid all the same: it counts again, and its
        reversal waits until the money is back.

        Raises InvalidState where no money is due, or it is paid already, Forbidden for whoever says of their own action
        that it was paid or failed, and Conflict where the store has used the reference for another payment.
        """
        reversal = self._find_reversal(session)
        objection = self._object_to_witness(session, to, reversal, by=by, at=at)
        if to is not Settlement.REQUESTED:
            by.require(Permission.SETTLEMENT_WRITE)
            if objection is not None:
                raise Forbidden(objection)
        was_taken_back = self.status is ActionStatus.REVERSED and to is Settlement.SETTLED
        waits = self.status is ActionStatus.DONE or (was_taken_back and not _is_witnessed(reversal))
        if not waits or self.settlement not in SETTLEMENT_MOVES[to]:
            state = self.settlement if self.status is ActionStatus.DONE else self.status
            raise InvalidState(f"Money that is {state} cannot be {to}.", state=str(state))
        if reference is not None:
            is_witness = objection is None and by.may(Permission.SETTLEMENT_WRITE)
            self._set_reference(session, reference, claims=is_witness)
        self.settlement = to
        self.bump_version()
        if self.reverses_id is not None and to is Settlement.SETTLED:
            self.take_back(Settlement.SETTLED)
        elif to is Settlement.FAILED and reversal is not None:
            reversal.take_back(Settlement.NONE)  # nothing has left that could come back
            reversal.bump_version()
        elif was_taken_back and reversal is not None:
            reversal.wait_for_money()
        return self.record_event(ConcernStep.ACTION_SETTLED, by=by, at=at, settlement=to)

    def take_back(self, settlement: Settlement) -> None:
        """Let a reversing entry take effect."""
        if self.requested_cost is not None:
            self.cost, self.requested_cost = self.requested_cost, None
        self.settlement = settlement
        if self.reverses is not None and self.reverses.status is ActionStatus.DONE:
            self.reverses.status = ActionStatus.REVERSED
            self.reverses.bump_version()

    def wait_for_money(self) -> None:
        """Let a reversing entry that has taken effect wait: the money had left, and is not back."""
        self.requested_cost, self.cost = self.cost, None
        self.settlement = Settlement.REQUESTED
        self.bump_version()
        if self.reverses is not None:
            self.reverses.status = ActionStatus.DONE

    def _find_reversal(self, session: Session) -> "RecoveryAction | None":
        stmt = select(RecoveryAction).where(RecoveryAction.reverses_id == self.id)
        return session.scalars(stmt.options(*self.eager_options())).unique().one_or_none()

    def _object_to_witness(
        self, session: Session, to: Settlement, reversal: "RecoveryAction | None", *, by: Actor, at: datetime
    ) -> str | None:
        """Return why somebody may not say that this was paid, or failed, if they may not.

        That is whoever gave, asked for or took back, and whoever could have signed in as one of them. A till's key may
        say that it paid what it gave itself, but not that what it gave or took back is a cost no more; nor may another
        key of the same maker, or one that the giver made.
        """
        entries = [entry for entry in (self, self.reverses, reversal) if entry is not None]
        givers = {entry.acted_by_id for entry in entries if entry.acted_by_id is not None}
        keys = {entry.acted_by_key_id for entry in entries if entry.acted_by_key_id is not None}
        if self.reverses_id is None:
            takes_back = reversal is not None and to is Settlement.FAILED
        else:
            takes_back = to is Settlement.SETTLED
        if by.staff_id in givers or (takes_back and by.api_key_id in keys):
            return "Somebody else has to say so: you gave it, or took it back."
        if any(Invitation.was_made_by(session, giver, maker_id=by.staff_id, at=at) for giver in givers):
            return "Whoever could read a sign-in code of the giver does not say that money was paid."
        makers = ApiKey.makers_of(session, *keys)
        if takes_back and by.api_key_id is not None and ApiKey.makers_of(session, by.api_key_id) & (makers | givers):
            return "Whoever made this key gave it, took it back, or made the key that did: somebody else has to say so."
        if by.staff_id in makers:
            return "Whoever made the key that gave it, or took it back, does not say that money was paid."
        return None

    def _set_reference(self, session: Session, reference: str, *, claims: bool) -> None:
        """Set the reference of the till. The store is locked: of two payments at once, the second sees the first.

        Only a witness claims it for this payment: what a giver types must not keep the till from using its own.
        """
        session.flush()
        session.execute(select(Store.id).where(Store.id == self.store_id).with_for_update(key_share=True))
        key = fold(reference)
        of_others = (RecoveryAction.store_id == self.store_id, RecoveryAction.id != self.id)
        used = select(RecoveryAction.id).where(*of_others, RecoveryAction.settlement_key == key)
        if session.scalars(used.limit(1)).first() is not None:
            raise Conflict("This store has used the reference for another payment.", code="reference-used")
        self.settlement_reference = reference
        if claims:
            self.settlement_key = key

    def record_event(self, step: ConcernStep, *, by: Actor, at: datetime, **details: Any) -> ConcernEvent:
        """Record an event of this action in the timeline of its concern."""
        if self.over_limit and self.acted_by_id is not None:
            details["asked_by"] = str(self.acted_by_id)
        subject = {"recovery_action_id": str(self.id), "remedy": self.remedy.slug}
        return self.concern.add_event(step, by=by, at=at, details={**subject, **details})


def _is_till(actor: Actor) -> bool:
    return actor.api_key_id is not None and actor.may(Permission.SETTLEMENT_WRITE)


def _is_witnessed(reversal: RecoveryAction | None) -> bool:
    """Return whether somebody said that the money is back; without that, a reversal is only the giver's word."""
    return reversal is not None and reversal.settlement is Settlement.SETTLED


def _given_else(figure: Callable[[Any], ColumnElement[int]], *, in_one_currency: bool) -> MappedSQLExpression[int]:
    """Return a figure of what else the customer of an action was given within REPEATED_GIVING_WINDOW up to it."""
    other, own = RecoveryAction.__table__.alias(), RecoveryAction
    days = EarlierDay(own.business_date, REPEATED_GIVING_WINDOW), own.business_date
    in_effect = (other.c.status == ActionStatus.DONE, other.c.reverses_id.is_(None), other.c.cost_amount > 0)
    to_customer = (other.c.organization_id == own.organization_id, other.c.customer_id == own.customer_id)
    else_lately = (other.c.business_date.between(*days), other.c.id != own.id)
    stmt = select(figure(other.c)).where(*to_customer, *else_lately, *in_effect)
    if in_one_currency:
        currency = func.coalesce(own.cost_currency, own.requested_cost_currency)
        stmt = stmt.where(other.c.cost_currency == currency)
    # Deferred: only answers read it. It may stay as it was read when the action itself changes: only others count.
    return column_property(
        stmt.correlate_except(other).scalar_subquery(), deferred=True, group="given before", expire_on_flush=False
    )


RecoveryAction.days_before = _given_else(
    lambda other: func.count(other.business_date.distinct()), in_one_currency=False
)
RecoveryAction.amount_before = _given_else(
    lambda other: func.coalesce(func.sum(other.cost_amount), 0), in_one_currency=True
)
# Given and not reversed. A reversing entry does not count by itself.
IN_EFFECT = (RecoveryAction.status == ActionStatus.DONE) & RecoveryAction.reverses_id.is_(None)
# The same, or reversed since.
WAS_GIVEN = RecoveryAction.status.in_(GIVEN_STATUSES) & RecoveryAction.reverses_id.is_(None)
