"""Alert aggregate: the call for help for a concern, with its state machine, timers and taker."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Index, Select, String, UniqueConstraint, inspect, select, text
from sqlalchemy.orm import Mapped, Session, joinedload, lazyload, mapped_column
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.access import Actor
from models.alerts.enums import AlertState, Reason
from models.alerts.escalation_policy import PolicySnapshot
from models.alerts.notification import Notification
from models.alerts.rule import Assessment
from models.concerns.concern import NAMING_RELATIONS, Concern
from models.concerns.counted import of_counted_concern
from models.concerns.enums import Severity
from models.db.base import Aggregate, StoreDate, has_value, many_to_one, one_to_many, tenant_fk
from models.organizations.store import Store
from models.staff.staff import Staff


class SkipReason(StrEnum):
    """Why a step of the escalation called nobody."""

    NOBODY = "nobody"  # nobody is on shift, or there is no such person
    OFF_SHIFT = "off_shift"  # floor staff who are named and have gone home
    NO_PHONE = "no_phone"
    PAUSED = "paused"
    QUIET_HOURS = "quiet_hours"
    STORE_CLOSED = "store_closed"


class StepResult(StrEnum):
    """The result of advancing an alert whose time had come."""

    BEGAN = "began"  # the next step began
    WAITS = "waits"  # nothing changed but the next time
    UNANSWERED = "unanswered"


RINGING_STATES = frozenset({AlertState.OPEN, AlertState.UNANSWERED})  # still to be taken
_IS_STOPPED = text(f"state = '{AlertState.OPEN}' AND next_step_at IS NULL")
Translate = Callable[[str], str]
"""Gettext function of a language. It is called `_`, so that `pybabel extract` finds the sentences."""


class Alert(Aggregate):
    """One alert per concern.

    `run_id` changes with each restart, so that messages of an earlier run do nothing. `policy` is a snapshot of the
    escalation policy at the start of the run. `step_log` has the result of each step of the present run: `step`
    (counted over the rounds), `at`, the number of `phones`, how many more were `left_out`, and `why` there are none.
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
    rang: Mapped[bool] = mapped_column(default=False)  # in this run or an earlier one; False: too late to call anybody
    raised_at: Mapped[datetime]
    run_started_at: Mapped[datetime]
    recipients_found_at: Mapped[datetime | None]  # when the worker looked up the recipients of this run
    next_step_at: Mapped[datetime | None]
    taken_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    taken_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]  # when the taker was reminded, having done nothing yet
    unanswered_at: Mapped[datetime | None]  # the first time; stays when somebody comes after all
    closed_at: Mapped[datetime | None]

    concern: Mapped[Concern] = many_to_one("Alert", "concern_id", "Concern", back_populates="alert")
    store: Mapped[Store] = many_to_one("Alert", "store_id", "Store")
    taken_by: Mapped[Staff | None] = many_to_one("Alert", "taken_by_id", "Staff", lazy="joined")
    notifications: Mapped[list[Notification]] = one_to_many(
        "Alert", "Notification", "alert_id", order_by="Notification.queued_at, Notification.id", lazy="selectin"
    )

    @property
    def customer_id(self) -> UUID | None:
        """The customer of the concern, also when the customer becomes known later."""
        return self.concern.customer_id

    @property
    def rollup_day(self) -> StoreDate | None:
        """The day whose figures change: alerts count only when they become unanswered."""
        counts = self.unanswered_at is not None and inspect(self).attrs.unanswered_at.history.has_changes()
        return self.concern.rollup_day if counts else None

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the alerts of visible concerns; their store is repeated for the index."""
        of_visible_concerns = cls.concern_id.in_(select(Concern.id).where(*Concern.visible_to(actor)))
        if actor.store_ids is None:
            return (of_visible_concerns,)
        return cls.store_id.in_(actor.store_ids), of_visible_concerns

    @classmethod
    def select_without_notifications(cls) -> Select["Alert"]:
        """Return a statement for alerts without their notifications, which only the summary needs."""
        return select(cls).options(lazyload(cls.notifications))

    @classmethod
    def lock(cls, session: Session, alert_id: UUID | None, *options: ExecutableOption) -> "Alert":
        """Return an alert, locked against an answer that comes in at this moment. `options` load more with it."""
        stmt = cls.select_without_notifications().where(cls.id == alert_id).options(*options)
        return session.scalars(stmt.with_for_update(of=cls, key_share=True)).one()

    @classmethod
    def select_visible(cls, actor: Actor, **columns: Any) -> Select["Alert"]:
        """Return a statement for the visible alerts with these column values, without those of voided concerns."""
        criteria = (has_value(getattr(cls, name), value) for name, value in columns.items())
        visible = select(cls).where(*cls.visible_to(actor), of_counted_concern(cls.concern_id), *criteria)
        return visible.options(*cls.eager_options())

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.concern).options(*(joinedload(getattr(Concern, name)) for name in NAMING_RELATIONS)),)

    @classmethod
    def open(
        cls, concern: Concern, assessment: Assessment, *, policy: PolicySnapshot, late: bool, at: datetime
    ) -> "Alert":
        """Open the alert of a concern and begin its first step. With `late` it gets the state LATE and calls nobody."""
        alert = cls(
            store_id=concern.store_id,
            severity=assessment.severity,
            reason=assessment.reason,
            rule=assessment.rule,
            rang=False,
            raised_at=at,
            taken_by=None,
            notifications=[],
        )
        concern.alert = alert
        alert._start(policy, late=late, at=at)
        return alert

    @property
    def absolute_step(self) -> int:
        """The present step, counted over all rounds."""
        return self.round * len(self.policy["steps"]) + self.step

    @property
    def is_ringing(self) -> bool:
        return self.state in RINGING_STATES

    def restart(self, *, policy: PolicySnapshot, late: bool, at: datetime) -> None:
        """Start a new run, after the concern was released or reopened."""
        self._start(policy, late=late, at=at)
        self.bump_version()

    def cancel(self, *, at: datetime) -> None:
        """Cancel the alert of a concern that was corrected and does not ring as it stands."""
        self.state, self.closed_at = AlertState.CANCELLED, at
        self.taken_by = None
        self._stop()

    def reclassify(self, assessment: Assessment, *, at: datetime) -> list[int]:
        """Change severity, reason and rule, without calling again whoever was called already.

        Returns the steps (counted over the rounds) that the present round has passed over and that ring after all.
        """
        if (assessment.severity, assessment.reason, assessment.rule) == (self.severity, self.reason, self.rule):
            return []
        passed_over = [n for n in range(self.step) if self.severity not in self.policy["steps"][n]["severities"]]
        self.severity, self.reason, self.rule = assessment.severity, assessment.reason, assessment.rule
        if self.state is AlertState.OPEN and self.next_step_at is not None:
            # A higher severity may have a step that would begin earlier.
            self.next_step_at = min(self.next_step_at, max(self.next_regular_time(), at))
        self.bump_version()
        first = self.absolute_step - self.step
        return [first + n for n in passed_over if self.severity in self.policy["steps"][n]["severities"]]

    def take(self, *, by: Staff | None, at: datetime) -> None:
        """Stop calling, and set the time to remind the taker. `by` is None for an API key."""
        self._set_taker(by, at)
        self.state, self.reminded_at = AlertState.TAKEN, None
        self._stop()
        self.next_step_at = at + timedelta(seconds=self.policy["remind_after_seconds"])

    def note_activity(self) -> bool:
        """Note that the taker did something, so that the alert is not released, even if that is about to happen.

        Returns whether they had been reminded, so that the reminder can be withdrawn.
        """
        reminded = self.reminded_at is not None
        if self.state is AlertState.TAKEN and (reminded or self.next_step_at is not None):
            self.reminded_at = None
            self._stop()
        return reminded

    def remind(self, *, at: datetime) -> bool:
        """Act on an alert whose taker has done nothing: True once, to remind them; then False, to release it."""
        if self.reminded_at is not None:
            self._stop()
            return False
        grace = self.policy["release_after_seconds"] - self.policy["remind_after_seconds"]
        self.reminded_at, self.next_step_at = at, at + timedelta(seconds=grace)
        self.bump_version()
        return True

    def resolve(self, *, by: Staff | None, at: datetime) -> None:
        """Close the alert of a resolved concern. From `open` whoever resolved it is the taker as well."""
        if self.is_ringing:
            self._set_taker(by, at)
        self.state, self.closed_at = AlertState.RESOLVED, at
        self._stop()

    def advance(self, *, at: datetime, has_receipt: bool) -> StepResult:
        """Advance an alert whose time has come: to the next step, to the next round, or to UNANSWERED.

        Before the regular time of the next step this is the check whether a phone was reached (`has_receipt`). If none
        was, the next step begins at once.
        """
        self.bump_version()
        regular = self.next_regular_time()
        if at < regular and has_receipt:
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
        """Record that the present step calls nobody, and begin the next one. False where the round has no other."""
        self.record_step(0, step=self.absolute_step, at=at, why=why)
        return self._begin_next(at)

    def record_step(
        self, phones: int, *, step: int, at: datetime, why: SkipReason | None = None, left_out: int = 0
    ) -> None:
        """Add the result of a step (counted over the rounds) to the log."""
        self.recipients_found_at = self.recipients_found_at or at
        entry = {"step": step, "at": at.isoformat(), "phones": phones, "left_out": left_out, "why": why}
        self.step_log = [*self.step_log, entry]
        self.bump_version()

    def advance_now(self, *, at: datetime) -> None:
        """Let the next step begin now, because no phone of the present step can be reached."""
        waits = self.state is AlertState.OPEN and self.next_step_at is not None and self.next_step_at > at
        if waits and self._next_step() is not None:
            self.next_step_at = at
            self.bump_version()

    def next_regular_time(self) -> datetime:
        """Return when the next step of this round begins, or the round ends, by the policy."""
        following = self._next_step()
        length = self.policy["unanswered_after_seconds"] // self.policy["rounds"]
        wait = length if following is None else self.policy["steps"][following]["after_seconds"]
        return self.run_started_at + timedelta(seconds=self.round * length + wait)

    def _start(self, policy: PolicySnapshot, *, late: bool, at: datetime) -> None:
        self.policy, self.run_id, self.run_started_at, self.recipients_found_at = policy, uuid7(), at, None
        self.round, self.step, self.step_log = 0, -1, []
        self.taken_by = self.taken_at = self.reminded_at = self.closed_at = None
        self.state = AlertState.LATE if late else AlertState.OPEN
        self.rang = self.rang or not late
        self._begin_next(at)
        if late:
            self.next_step_at = None

    def _next_step(self) -> int | None:
        """Return the index of the next step of this round that rings for this severity. None where there is none."""
        later = range(self.step + 1, len(self.policy["steps"]))
        return next((n for n in later if self.severity in self.policy["steps"][n]["severities"]), None)

    def _begin_next(self, at: datetime) -> bool:
        following = self._next_step()
        if following is None:
            return False
        self.step = following
        self.next_step_at = self.next_regular_time()
        if self._next_step() is not None:
            receipt_due_at = at + timedelta(seconds=self.policy["reach_within_seconds"])
            self.next_step_at = min(self.next_step_at, receipt_due_at)
        return True

    def _set_taker(self, by: Staff | None, at: datetime) -> None:
        self.taken_by, self.taken_at = by, at

    def _stop(self) -> None:
        self.next_step_at = None
        self.bump_version()

    @property
    def reaches_nobody(self) -> bool:
        """Whether nobody answered, or no phone could be reached so far: whoever waits should not rely on it."""
        if self.state is not AlertState.OPEN:
            return self.state is AlertState.UNANSWERED
        return self.recipients_found_at is not None and all(notification.has_failed for notification in self._of_run)

    @property
    def _of_run(self) -> list[Notification]:
        return [notification for notification in self.notifications if notification.run_id == self.run_id]

    @property
    def summary(self) -> str:
        """One line for staff in English."""
        return self.summary_in(str)

    def summary_in(self, _: Translate) -> str:
        """Return one line for staff, such as 'on 2 phones, opened by Rita'.

        It says only what is known, not what is hoped.
        """
        if self.state is AlertState.TAKEN:
            return _("{name} is on the way").format(name=self.taken_by.name if self.taken_by else _("Somebody"))
        if self.state is not AlertState.OPEN:
            return {
                AlertState.RESOLVED: _("resolved"),
                AlertState.CANCELLED: _("cancelled"),
                AlertState.LATE: _("told too late to ring"),
                AlertState.UNANSWERED: _("nobody answered: walk over"),
            }[self.state]
        of_run = self._of_run
        accepted = {notification.device_id for notification in of_run if notification.is_delivered}
        if accepted:
            return _on_phones(of_run, len(accepted), _)
        if not all(notification.has_failed for notification in of_run):
            all_refused = all(notification.failure for notification in of_run)
            return _("the push service does not answer: walk over") if all_refused else _("calling for help")
        if self.recipients_found_at is None:
            return _("calling for help")
        nobody = bool(self.step_log) and all(entry["why"] == SkipReason.NOBODY for entry in self.step_log)
        return _("nobody on shift, no phone reached: walk over") if nobody else _("no phone reached: walk over")


def _on_phones(notifications: list[Notification], accepted: int, _: Translate) -> str:
    """Return the summary of an alert that a push service accepted. Only a receipt says that a phone has it."""
    received = len({notification.device_id for notification in notifications if notification.has_receipt})
    if not received:
        return _("sent to {phones}, none has it yet").format(phones=_phones(accepted, _))
    if received >= accepted:
        line = _("on {phones}").format(phones=_phones(received, _))
    else:
        line = _("on {n} of {phones}").format(n=received, phones=_phones(accepted, _))
    opened = _opened((notification for notification in notifications if notification.opened_at is not None), _)
    return _("{line}, opened {opened}").format(line=line, opened=opened) if opened else line


def _opened(notifications: Iterable[Notification], _: Translate) -> str:
    """Return by whom they were opened. Of a shared phone only the phone is known, not who held it."""
    people, phones = set(), set()
    for notification in notifications:
        if notification.staff is not None:
            people.add(notification.staff.name)
        elif notification.device is not None:
            phones.add(notification.device.name or _("a shared phone"))
    and_ = _(" and ")
    by = [_("by {people}").format(people=and_.join(sorted(people)))] if people else []
    on = [_("on {phones}").format(phones=and_.join(sorted(phones)))] if phones else []
    return and_.join(by + on)


def _phones(count: int, _: Translate) -> str:
    return (_("{n} phone") if count == 1 else _("{n} phones")).format(n=count)
