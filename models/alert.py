"""The call for help for a concern: its state, its timers, who took it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, lazyload, mapped_column
from uuid_utils.compat import uuid7

from models.access import Actor
from models.base import Aggregate, link, many, one
from models.concern import Concern
from models.notification import Notification
from models.staff import Staff
from models.store import Store


class AlertState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"
    UNANSWERED = "unanswered"
    CANCELLED = "cancelled"
    LATE = "late"


class Severity(StrEnum):
    NORMAL = "normal"
    SEVERE = "severe"


class Reason(StrEnum):
    """The rule that made it ring."""

    MOOD = "mood"
    URGENT_CATEGORY = "urgent_category"


CALLING = frozenset({AlertState.OPEN, AlertState.UNANSWERED})  # somebody could still take it


_CLOSED = {
    AlertState.RESOLVED: "resolved",
    AlertState.CANCELLED: "cancelled",
    AlertState.LATE: "told too late to ring",
    AlertState.UNANSWERED: "nobody answered: walk over",
}


class Alert(Aggregate):
    """One per concern. `run_id` changes each time it rings anew, so that what is left of an earlier run does nothing.

    `policy` is a copy of the rules of the climb as they were when it began: a list of steps, each with the seconds
    after the start and whom it reaches, and the seconds after which nobody answered.
    """

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("organization_id", "concern_id"),
        Index("ix_alert_newest", "organization_id", "raised_at", "id"),
        Index("ix_alert_store_newest", "organization_id", "store_id", "raised_at", "id"),
        Index(
            "ix_alert_due",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL"),
            sqlite_where=text("next_step_at IS NOT NULL"),
        ),
    )

    concern_id: Mapped[UUID] = link("concern")
    store_id: Mapped[UUID] = link("store")
    severity: Mapped[Severity]
    reason: Mapped[Reason]
    state: Mapped[AlertState]
    policy: Mapped[dict[str, Any]]
    run_id: Mapped[UUID]
    step: Mapped[int] = mapped_column(default=0)
    raised_at: Mapped[datetime]
    run_started_at: Mapped[datetime]
    reached_at: Mapped[datetime | None]  # when the worker found out whom the present run reaches
    next_step_at: Mapped[datetime | None]
    taken_by_id: Mapped[UUID | None] = link("staff", nullable=True)
    taken_at: Mapped[datetime | None]
    unanswered_at: Mapped[datetime | None]  # the first time nobody came; stays when somebody comes after all
    closed_at: Mapped[datetime | None]

    concern: Mapped[Concern] = one("Alert", "concern_id", "Concern", back_populates="alert")
    store: Mapped[Store] = one("Alert", "store_id", "Store")
    taken_by: Mapped[Staff | None] = one("Alert", "taken_by_id", "Staff", lazy="joined")
    notifications: Mapped[list[Notification]] = many(
        "Alert", "Notification", "alert_id", order_by="Notification.queued_at, Notification.id", lazy="selectin"
    )

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those of the concerns the actor may see; their stores are named once more, for the index."""
        of_concerns = cls.concern_id.in_(select(Concern.id).where(*Concern.visible_to(actor)))
        return (of_concerns,) if actor.store_ids is None else (cls.store_id.in_(actor.store_ids), of_concerns)

    @classmethod
    def alone(cls) -> Select["Alert"]:
        """Alerts without the notifications that only their summary needs."""
        return select(cls).options(lazyload(cls.notifications))

    @classmethod
    def listed(cls, actor: Actor, **equal: Any) -> Select["Alert"]:
        """The alerts within reach whose columns have these values."""
        criteria = (getattr(cls, name) == value for name, value in equal.items())
        return select(cls).where(*cls.visible_to(actor), *criteria)

    @classmethod
    def raise_(
        cls, concern: Concern, *, severity: Severity, reason: Reason, policy: dict[str, Any], late: bool, at: datetime
    ) -> "Alert":
        """Call for help. A concern told too late to help with is noted as `late` and rings nobody."""
        alert = cls(
            concern_id=concern.id,
            store_id=concern.store_id,
            severity=severity,
            reason=reason,
            policy=policy,
            raised_at=at,
            taken_by=None,
            notifications=[],
        )
        concern.alert = alert
        alert._start(late=late, at=at)
        return alert

    @property
    def calling(self) -> bool:
        return self.state in CALLING

    def ring_again(self, *, late: bool, at: datetime) -> None:
        """Start the climb anew, after the concern was given back or reopened."""
        self._start(late=late, at=at)
        self.touch()

    def cancel(self, *, at: datetime) -> None:
        """It was a slip of the finger: nobody has to come, and nobody is waited for."""
        self.state, self.closed_at = AlertState.CANCELLED, at
        self._stop()

    def regrade(self, severity: Severity, reason: Reason) -> None:
        """It is better or worse than was thought; who was rung for it already is not rung again."""
        if severity is not self.severity or reason is not self.reason:
            self.severity, self.reason = severity, reason
            self.touch()

    def take(self, *, by: Staff | None, at: datetime) -> None:
        """Somebody goes there; nobody else has to. `by` is None for the till."""
        self._answered(by, at)
        self.state = AlertState.TAKEN
        self._stop()

    def resolve(self, *, by: Staff | None, at: datetime) -> None:
        """It is over; from `open` the one who resolved it took it at the same moment."""
        if self.calling:
            self._answered(by, at)
        self.state, self.closed_at = AlertState.RESOLVED, at
        self._stop()

    def climb(self, *, at: datetime) -> bool:
        """Go on to the next step when its time has come. True when a step began, False when nobody answered."""
        self.touch()
        if self.step + 1 < len(self.policy["steps"]):
            self.step += 1
            self.next_step_at = self._time_of_next_step()
            return True
        self.state, self.next_step_at = AlertState.UNANSWERED, None
        self.unanswered_at = self.unanswered_at or at
        return False

    def _start(self, *, late: bool, at: datetime) -> None:
        self.run_id, self.step, self.run_started_at, self.reached_at = uuid7(), 0, at, None
        self.taken_by = self.taken_by_id = self.taken_at = self.closed_at = None
        self.state = AlertState.LATE if late else AlertState.OPEN
        self.next_step_at = None if late else self._time_of_next_step()

    def _answered(self, by: Staff | None, at: datetime) -> None:
        self.taken_by, self.taken_by_id, self.taken_at = by, by.id if by else None, at

    def _stop(self) -> None:
        self.next_step_at = None
        self.touch()

    def _time_of_next_step(self) -> datetime:
        steps: list[dict[str, Any]] = self.policy["steps"]
        last = self.step + 1 == len(steps)
        wait: int = self.policy["unanswered_after_seconds"] if last else steps[self.step + 1]["after_seconds"]
        return self.run_started_at + timedelta(seconds=wait)

    @property
    def summary(self) -> str:
        """One honest line for the person who waits: what really became of the call."""
        if self.state is AlertState.TAKEN:
            return f"{self.taken_by.name if self.taken_by else 'Somebody'} is on the way"
        if self.state is not AlertState.OPEN:
            return _CLOSED[self.state]
        this_run = [sent for sent in self.notifications if sent.run_id == self.run_id]
        sent_to = {sent.device_id for sent in this_run if sent.on_a_phone}
        if not sent_to:
            in_vain = self.reached_at is not None and all(sent.over for sent in this_run)
            return "no phone reached: walk over" if in_vain else "calling for help"
        line = f"sent to {len(sent_to)} phone" + ("" if len(sent_to) == 1 else "s")
        if arrived := {sent.device_id for sent in this_run if sent.arrived}:
            line += f", arrived on {len(arrived)}"
        if opened := {sent.device_id for sent in this_run if sent.opened_at is not None}:
            line += f", opened on {len(opened)}"
        return line
