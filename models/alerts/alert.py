"""The call for help for a concern: its state, its timers, who took it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Index, Select, String, UniqueConstraint, inspect, select, text
from sqlalchemy.orm import Mapped, Session, lazyload, mapped_column
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.access import Actor
from models.alerts.enums import AlertState, Reason, Severity
from models.alerts.escalation_policy import PolicySnapshot
from models.alerts.notification import Notification
from models.alerts.rule import Assessment
from models.concerns.concern import Concern
from models.db.base import Aggregate, StoreDate, many_to_one, one_to_many, tenant_fk
from models.organizations.store import Store
from models.staff.staff import Staff


class SkipReason(StrEnum):
    """Why a step of the climb rang nobody."""

    NOBODY = "nobody"  # nobody is on shift, or there is no such person
    NO_PHONE = "no_phone"
    PAUSED = "paused"
    QUIET_HOURS = "quiet_hours"
    STORE_CLOSED = "store_closed"


class StepResult(StrEnum):
    """What became of an alert whose time had come."""

    BEGAN = "began"  # the next step
    WAITS = "waits"  # for its next time
    UNANSWERED = "unanswered"


RINGING_STATES = frozenset({AlertState.OPEN, AlertState.UNANSWERED})  # somebody could still take it
_IS_STOPPED = text(f"state = '{AlertState.OPEN}' AND next_step_at IS NULL")
_SUMMARIES = {
    AlertState.RESOLVED: "resolved",
    AlertState.CANCELLED: "cancelled",
    AlertState.LATE: "told too late to ring",
    AlertState.UNANSWERED: "nobody answered: walk over",
}


class Alert(Aggregate):
    """One per concern. `run_id` changes each time it rings anew, so that what is left of an earlier run does nothing.

    `policy` is a copy of the escalation policy as it was when the run began; `step_log` what each step of the present
    run came to: its `step` (counted over the rounds), `at`, how many `phones`, and `why` none.
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
        # Nearly always empty. It spares the watchdog a scan of every alert there ever was.
        Index("ix_alert_stopped", "raised_at", postgresql_where=_IS_STOPPED, sqlite_where=_IS_STOPPED),
    )

    concern_id: Mapped[UUID] = tenant_fk("concern")
    store_id: Mapped[UUID] = tenant_fk("store")
    severity: Mapped[Severity]
    reason: Mapped[Reason]
    state: Mapped[AlertState]
    rule: Mapped[str] = mapped_column(String(60))
    policy: Mapped[PolicySnapshot] = mapped_column(JSON)
    run_id: Mapped[UUID]
    round: Mapped[int] = mapped_column(default=0)
    step: Mapped[int] = mapped_column(default=0)
    step_log: Mapped[list[Any]] = mapped_column(JSON)
    raised_at: Mapped[datetime]
    run_started_at: Mapped[datetime]
    recipients_found_at: Mapped[datetime | None]  # when the worker found out whom the present run reaches
    next_step_at: Mapped[datetime | None]
    taken_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    taken_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]  # who took it and did nothing yet
    unanswered_at: Mapped[datetime | None]  # the first time nobody came; stays when somebody comes after all
    closed_at: Mapped[datetime | None]

    concern: Mapped[Concern] = many_to_one("Alert", "concern_id", "Concern", back_populates="alert")
    store: Mapped[Store] = many_to_one("Alert", "store_id", "Store")
    taken_by: Mapped[Staff | None] = many_to_one("Alert", "taken_by_id", "Staff", lazy="joined")
    notifications: Mapped[list[Notification]] = one_to_many(
        "Alert", "Notification", "alert_id", order_by="Notification.queued_at, Notification.id", lazy="selectin"
    )

    @property
    def rollup_day(self) -> StoreDate | None:
        """Of an alert only that nobody came is counted."""
        counts = self.unanswered_at is not None and inspect(self).attrs.unanswered_at.history.has_changes()
        return self.concern.rollup_day if counts else None

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
    def lock(cls, session: Session, alert_id: UUID | None, *options: ExecutableOption) -> "Alert":
        """The alert with `options`, locked against an answer that comes in at this moment."""
        stmt = cls.alone().where(cls.id == alert_id).options(*options)
        return session.scalars(stmt.with_for_update(of=cls, key_share=True)).one()

    @classmethod
    def select_visible(cls, actor: Actor, **equal: Any) -> Select["Alert"]:
        """The alerts within reach whose columns have these values."""
        criteria = (getattr(cls, name) == value for name, value in equal.items())
        return select(cls).where(*cls.visible_to(actor), *criteria)

    @classmethod
    def open(cls, concern: Concern, ring: Assessment, *, policy: PolicySnapshot, late: bool, at: datetime) -> "Alert":
        """Call for help. A concern told too late to help with is noted as `late` and rings nobody."""
        alert = cls(
            store_id=concern.store_id,
            severity=ring.severity,
            reason=ring.reason,
            rule=ring.rule,
            raised_at=at,
            taken_by=None,
            notifications=[],
        )
        concern.alert = alert
        alert._start(policy, late=late, at=at)
        return alert

    @property
    def absolute_step(self) -> int:
        """How far the climb has come, counted over its rounds."""
        return self.round * len(self.policy["steps"]) + self.step

    @property
    def is_ringing(self) -> bool:
        return self.state in RINGING_STATES

    def restart(self, *, policy: PolicySnapshot, late: bool, at: datetime) -> None:
        """Start the climb anew, after the concern was given back or reopened."""
        self._start(policy, late=late, at=at)
        self.bump_version()

    def cancel(self, *, at: datetime) -> None:
        """It was a slip of the finger: nobody has to come, and nobody is waited for."""
        self.state, self.closed_at = AlertState.CANCELLED, at
        self.taken_by = None
        self._stop()

    def reclassify(self, ring: Assessment, *, at: datetime) -> list[int]:
        """It is better or worse than was thought; who was rung for it already is not rung again.

        Returns the steps (counted over the rounds) that the present round has passed over and that ring after all.
        """
        if (ring.severity, ring.reason, ring.rule) == (self.severity, self.reason, self.rule):
            return []
        passed_over = [n for n in range(self.step) if self.severity not in self.policy["steps"][n]["severities"]]
        self.severity, self.reason, self.rule = ring.severity, ring.reason, ring.rule
        if self.state is AlertState.OPEN and self.next_step_at is not None:
            # What has become severe may have a step that nobody waited for.
            self.next_step_at = min(self.next_step_at, max(self.next_regular_time(), at))
        self.bump_version()
        first = self.absolute_step - self.step
        return [first + n for n in passed_over if ring.severity in self.policy["steps"][n]["severities"]]

    def take(self, *, by: Staff | None, at: datetime) -> None:
        """Somebody goes there; nobody else has to. `by` is None for the till. Its time is the one to remind them."""
        self._answered(by, at)
        self.state, self.reminded_at = AlertState.TAKEN, None
        self._stop()
        self.next_step_at = at + timedelta(seconds=self.policy["remind_after_seconds"])

    def note_activity(self) -> bool:
        """Something was done: who took it has not forgotten, even if it is about to be given back.

        Whether they had been reminded, and the reminder is of no use any more.
        """
        reminded = self.reminded_at is not None
        if self.state is AlertState.TAKEN and (reminded or self.next_step_at is not None):
            self.reminded_at = None
            self._stop()
        return reminded

    def remind(self, *, at: datetime) -> bool:
        """Its time has come and nothing was done: True once, to remind; False when it has to be given back."""
        if self.reminded_at is not None:
            self._stop()
            return False
        grace = self.policy["release_after_seconds"] - self.policy["remind_after_seconds"]
        self.reminded_at, self.next_step_at = at, at + timedelta(seconds=grace)
        self.bump_version()
        return True

    def resolve(self, *, by: Staff | None, at: datetime) -> None:
        """It is over; from `open` the one who resolved it took it at the same moment."""
        if self.is_ringing:
            self._answered(by, at)
        self.state, self.closed_at = AlertState.RESOLVED, at
        self._stop()

    def advance(self, *, at: datetime, arrived: bool) -> StepResult:
        """Go on where its time has come: to the next step, to the next round, or to the end.

        Before the time of the next step this is the check whether a phone was reached (`has_receipt`); when none was,
        the next step comes at once.
        """
        self.bump_version()
        regular = self.next_regular_time()
        if at < regular and arrived:
            self.next_step_at = regular
            return StepResult.WAITS
        if self._begin_next(at):
            return StepResult.BEGAN
        if at < regular:
            self.next_step_at = regular
            return StepResult.WAITS
        if self.round + 1 < self.policy["rounds"]:
            self.round, self.step = self.round + 1, -1
            self._begin_next(at)
            return StepResult.BEGAN
        self.state, self.next_step_at = AlertState.UNANSWERED, None
        self.unanswered_at = self.unanswered_at or at
        return StepResult.UNANSWERED

    def skip(self, why: SkipReason, *, at: datetime) -> bool:
        """This step reaches nobody: record it and begin the next of the round at once. False when there is none."""
        self.record_step(0, stage=self.absolute_step, at=at, why=why)
        return self._begin_next(at)

    def record_step(self, phones: int, *, stage: int, at: datetime, why: SkipReason | None = None) -> None:
        """Write down what a step came to."""
        self.recipients_found_at = self.recipients_found_at or at
        entry = {"step": stage, "at": at.isoformat(), "phones": phones, "why": why}
        self.step_log = [*self.step_log, entry]
        self.bump_version()

    def advance_now(self, *, at: datetime) -> None:
        """Every phone of this step turned out to be dead: the next one need not wait."""
        open_ = self.state is AlertState.OPEN and self.next_step_at is not None and self.next_step_at > at
        if open_ and self._next_step() is not None:
            self.next_step_at = at
            self.bump_version()

    def next_regular_time(self) -> datetime:
        """When the next step of this round begins, or the round is over, if nothing hurries it."""
        following = self._next_step()
        length = self.policy["unanswered_after_seconds"] // self.policy["rounds"]
        wait = length if following is None else self.policy["steps"][following]["after_seconds"]
        return self.run_started_at + timedelta(seconds=self.round * length + wait)

    def _start(self, policy: PolicySnapshot, *, late: bool, at: datetime) -> None:
        self.policy, self.run_id, self.run_started_at, self.recipients_found_at = policy, uuid7(), at, None
        self.round, self.step, self.step_log = 0, -1, []
        self.taken_by = self.taken_at = self.reminded_at = self.closed_at = None
        self.state = AlertState.LATE if late else AlertState.OPEN
        self._begin_next(at)
        if late:
            self.next_step_at = None

    def _next_step(self) -> int | None:
        """The next step of this round that rings for what is as bad as this."""
        later = range(self.step + 1, len(self.policy["steps"]))
        return next((n for n in later if self.severity in self.policy["steps"][n]["severities"]), None)

    def _begin_next(self, at: datetime) -> bool:
        following = self._next_step()
        if following is None:
            return False
        self.step = following
        self.next_step_at = self.next_regular_time()
        if self._next_step() is not None:
            in_time = at + timedelta(seconds=self.policy["reach_within_seconds"])
            self.next_step_at = min(self.next_step_at, in_time)
        return True

    def _answered(self, by: Staff | None, at: datetime) -> None:
        self.taken_by, self.taken_at = by, at

    def _stop(self) -> None:
        self.next_step_at = None
        self.bump_version()

    @property
    def summary(self) -> str:
        """'on 2 phones, opened by Rita', 'no phone reached: walk over': nothing that is hoped, only what is known."""
        if self.state is AlertState.TAKEN:
            return f"{self.taken_by.name if self.taken_by else 'Somebody'} is on the way"
        if self.state is not AlertState.OPEN:
            return _SUMMARIES[self.state]
        rung = [sent for sent in self.notifications if sent.run_id == self.run_id]
        accepted = {sent.device_id for sent in rung if sent.is_delivered}
        if accepted:
            return _on_phones(rung, len(accepted))
        if any(not sent.over for sent in rung):
            return "the push service does not answer: walk over" if all(s.failure for s in rung) else "calling for help"
        if self.recipients_found_at is None:
            return "calling for help"
        alone = bool(self.step_log) and all(many_to_one["why"] == "nobody" for many_to_one in self.step_log)
        return "nobody on shift, no phone reached: walk over" if alone else "no phone reached: walk over"


def _on_phones(rung: list[Notification], accepted: int) -> str:
    """Accepted by the push service is not on a phone: only the phone itself can say that."""
    arrived = len({sent.device_id for sent in rung if sent.has_receipt})
    if not arrived:
        return f"sent to {_phones(accepted)}, none has it yet"
    line = f"on {_phones(arrived)}" if arrived >= accepted else f"on {arrived} of {_phones(accepted)}"
    opened = sorted({sent.staff.name for sent in rung if sent.opened_at is not None})
    return f"{line}, opened by {' and '.join(opened)}" if opened else line


def _phones(count: int) -> str:
    return f"{count} phone" if count == 1 else f"{count} phones"
