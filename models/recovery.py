"""Recovery actions: what was done to put a concern right, recorded beside the customer's profile."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.base import Aggregate, Money, link, money, one
from models.concern import Concern
from models.concern_event import ConcernEvent, Step
from models.errors import Invalid, NotNow
from models.remedy import Remedy
from models.staff import Staff


class ActionStatus(StrEnum):
    DONE = "done"
    REVERSED = "reversed"


class RecoveryAction(Aggregate):
    """One thing done for the customer. Never changed afterwards: a mistake is corrected by a reversing entry.

    A reversing entry points to what it takes back (`reverses_id`) and carries its cost with the sign turned, so
    that sums over all rows are right without looking at the status.
    """

    __tablename__ = "recovery_action"
    __table_args__ = (
        Index("ix_recovery_action_concern", "organization_id", "concern_id"),
        Index("ix_recovery_action_newest", "organization_id", "recorded_at", "id"),
        Index("ix_recovery_action_store_newest", "organization_id", "store_id", "recorded_at", "id"),
        Index("uq_recovery_action_reverses", "organization_id", "reverses_id", unique=True),
    )

    concern_id: Mapped[UUID] = link("concern")
    store_id: Mapped[UUID] = link("store")
    remedy_id: Mapped[UUID] = link("remedy")
    reverses_id: Mapped[UUID | None] = link("recovery_action", nullable=True)
    status: Mapped[ActionStatus] = mapped_column(default=ActionStatus.DONE)
    cost: Mapped[Money | None] = money("cost")
    note: Mapped[str | None] = mapped_column(Text)
    acted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    acted_by_id: Mapped[UUID | None] = link("staff", nullable=True)

    concern: Mapped[Concern] = one("RecoveryAction", "concern_id", "Concern")
    remedy: Mapped[Remedy] = one("RecoveryAction", "remedy_id", "Remedy", lazy="joined")
    acted_by: Mapped[Staff | None] = one("RecoveryAction", "acted_by_id", "Staff", lazy="joined")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those of the concerns the actor may see; their stores are named once more, for the index."""
        of_concerns = cls.concern_id.in_(select(Concern.id).where(*Concern.visible_to(actor)))
        return (of_concerns,) if actor.store_ids is None else (cls.store_id.in_(actor.store_ids), of_concerns)

    @classmethod
    def find(
        cls,
        session: Session,
        id_: UUID,
        *,
        seen_by: Actor,
        lock: bool = False,
        pointer: str | None = None,
        also: Sequence[ExecutableOption] = (),
    ) -> "RecoveryAction":
        """As for any other; its concern is locked first, for a colleague may be at it with another of its actions."""
        if lock:
            of_it = select(cls.concern_id).where(cls.id == id_).scalar_subquery()
            session.execute(select(Concern.id).where(Concern.id == of_it).with_for_update(key_share=True))
        return super().find(session, id_, seen_by=seen_by, lock=lock, pointer=pointer, also=also)

    @property
    def customer_id(self) -> UUID | None:
        """Beside whose profile it stands: the customer of its concern, also when that is found out later."""
        customer_id: UUID | None = self.concern.customer_id
        return customer_id

    @classmethod
    def shown_with(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.concern),)

    @classmethod
    def listed(cls, actor: Actor, **equal: Any) -> Select["RecoveryAction"]:
        """The actions within reach whose columns have these values."""
        criteria = (getattr(cls, name) == value for name, value in equal.items())
        return select(cls).where(*cls.visible_to(actor), *criteria).options(*cls.shown_with())

    @classmethod
    def record(
        cls,
        session: Session,
        concern: Concern,
        *,
        by: Actor,
        remedy: Remedy,
        at: datetime,
        acted_at: datetime | None = None,
        cost: Money | None = None,
        **given: Any,
    ) -> tuple["RecoveryAction", ConcernEvent]:
        """Write down one action on a concern that is not resolved.

        Without a cost it is what the remedy usually costs, where that is in the store's currency. A cost in another one
        is Invalid: the sums of a store stay sums of one currency. `given` may hold id and note.
        """
        usual, currency = remedy.default_cost, concern.store.currency
        if cost is None and usual is not None and usual.currency == currency:
            cost = usual
        if cost is not None and cost.currency != currency:
            raise Invalid(f"This store counts in {currency}.", pointer="/cost/currency")
        action = cls(
            **given,
            concern=concern,
            concern_id=concern.id,
            store_id=concern.store_id,
            remedy=remedy,
            remedy_id=remedy.id,
            cost=cost,
            acted_at=min(acted_at or at, at),
            recorded_at=at,
            acted_by_id=by.staff_id,
        )
        details = {"recovery_action_id": str(action.id), "remedy": remedy.slug}
        event = concern.note(Step.ACTION_RECORDED, by=by, at=at, details=details)
        session.add(action)
        return action, event

    def reverse(
        self, session: Session, *, by: Actor, at: datetime, note: str | None = None
    ) -> tuple["RecoveryAction", ConcernEvent]:
        """Take it back by an entry of its own. NotNow when that was done already, or for an entry that reverses."""
        if self.status is ActionStatus.REVERSED or self.reverses_id is not None:
            raise NotNow("This action was reversed already.", state=str(self.status))
        details = {"recovery_action_id": str(self.id), "remedy": self.remedy.slug}
        event = self.concern.note(Step.ACTION_REVERSED, by=by, at=at, details=details)
        entry = RecoveryAction(
            concern_id=self.concern_id,
            concern=self.concern,
            store_id=self.store_id,
            remedy_id=self.remedy_id,
            remedy=self.remedy,
            reverses_id=self.id,
            cost=Money(-self.cost.amount, self.cost.currency) if self.cost else None,
            note=note,
            acted_at=at,
            recorded_at=at,
            acted_by_id=by.staff_id,
        )
        session.add(entry)
        self.status = ActionStatus.REVERSED
        self.touch()
        return entry, event
