"""A store with two workers under observation: the invariants of its alerts, whatever happens."""

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.escalation_policy import DEFAULT_POLICY, EscalationPolicy
from models.alerts.notification import LOUD_KINDS, STATE_ORDER, Notification
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.event import ConcernEvent
from models.db.session import ALL_TENANTS
from models.organizations.opening_hours import Hours
from models.organizations.store import Store
from models.outbox.message import OutboxKind
from models.staff.device import AddressKind
from models.staff.shift import Shift
from notifications.channels.base import DeliveryResult, Message
from notifications.worker.worker import Worker
from tests.support.app import App, empty_every_table
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop, set_escalation_steps
from tests.support.factories.staff import give_phone, hire
from tests.support.rows import pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds

if TYPE_CHECKING:
    from tests.chaos.drivers.alert_state_machine import Figures

PEOPLE = ("floor", "colleague", "lead", "manager")
STATES = {
    Status.OPEN: {AlertState.OPEN, AlertState.UNANSWERED},
    Status.TAKEN: {AlertState.TAKEN},
    Status.RESOLVED: {AlertState.RESOLVED},
}
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
MAX_ROUNDS = 200
MAX_CLOCK_MOVES = 500


class ObservedStore(RuleBasedStateMachine):
    """Base of the state machine: the store, its workers and the invariants. `wrong` are messages sent wrongly."""

    app: App
    figures: "Figures"

    def __init__(self) -> None:
        super().__init__()
        empty_every_table(self.app.url)
        self.app.clock.at = NOON
        self.shop: Shop = make_shop(self.app.back_office, on_shift=("floor", "colleague"))
        hire(self.app.back_office, self.shop, "lead", at=NOON)
        set_escalation_steps(self.app.back_office, self.shop, DEFAULT_POLICY["steps"])
        (policy,) = rows(self.app, EscalationPolicy)
        self.policy_id = policy.id
        for login in (*PEOPLE, "regional"):
            give_phone(self.app.back_office, self.shop, login, login, kind=AddressKind.FCM_TOKEN)
        self.channel = RecordingChannel()
        self.channel.meanwhile = self.watch
        self.workers: list[Worker | None] = [self.a_worker(0), None]
        self.wrong: list[tuple[str, Message]] = []
        self.rung: Counter[tuple[UUID | None, int | None, UUID | None]] = Counter()
        self.unanswered_at: dict[UUID, Any] = {}
        self.furthest: dict[UUID, int] = {}

    def a_worker(self, number: int) -> Worker:
        return Worker(self.app.back_office, for_all_kinds(self.channel), name=f"worker {number}", max_wait=60.0)

    def watch(self, message: Message) -> None:
        """Record the message, and whether it should have been sent at this moment."""
        if message.kind == "withdraw":
            return
        with self.app.back_office.reading(ALL_TENANTS) as session:
            notification = session.scalars(select(Notification).where(Notification.id == message.notification_id)).one()
            if notification.kind not in LOUD_KINDS:  # some of them are about no concern
                self.figures.informed += 1
                return
            alert = session.scalars(
                Alert.select_without_notifications().where(Alert.id == notification.alert_id)
            ).one_or_none()
            concern = session.scalars(select(Concern).where(Concern.id == notification.concern_id)).one()
            shift = session.scalars(
                select(Shift).where(Shift.staff_id == notification.staff_id, Shift.runs_at(self.app.clock()))
            ).first()
        self.figures.rings += 1
        if notification.staff_id == concern.reported_by_id:
            self.wrong.append(("for what they logged", message))
        if alert is None or not alert.is_ringing or alert.run_id != notification.run_id:
            self.wrong.append(("for what was answered", message))
        if shift is not None and shift.paused_until is not None and shift.paused_until > self.app.clock():
            self.wrong.append(("in a pause", message))
        if self.channel.result == DeliveryResult.sent():
            self.rung[notification.run_id, notification.step, notification.device_id] += 1
            if self.rung[notification.run_id, notification.step, notification.device_id] > 1:
                self.wrong.append(("twice", message))

    # What the rules do.

    def one_concern(self, data: st.DataObject) -> Concern:
        drawn: Concern = data.draw(st.sampled_from(rows(self.app, Concern)))
        return drawn

    def runs(self) -> set[UUID]:
        """Return the current escalation runs: a release or reopening begins a new one."""
        return {alert.run_id for alert in rows(self.app, Alert)}

    def again(self, concern: Concern) -> Concern:
        return next(row for row in rows(self.app, Concern) if row.id == concern.id)

    def ask(self, concern: Concern, step: str, login: str, **body: Any) -> int:
        path = f"/v1/concerns/{concern.id}/{step}"
        return self.app.request("POST", path, (self.shop, login), **({"json": body} if body else {})).status_code

    def silence(self, login: str, minutes: int) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            shift = Shift.current(session, self.shop.staff[login], at=self.app.clock())
            if shift is not None:
                shift.paused_until = self.app.clock() + minutes * MINUTE

    def set_hours(self, hours: Hours | None) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            session.get_one(Store, (self.shop.organization_id, self.shop.store_id)).hours = hours

    def toggle(self, number: int) -> None:
        worker = self.workers[number]
        if worker is not None:
            worker.close()
        self.workers[number] = self.a_worker(number) if worker is None else None

    def work(self) -> None:
        """Let the workers run in turn until nothing is due now."""
        for _ in range(MAX_ROUNDS):
            if not sum(worker.work_once() for worker in self.workers if worker is not None):
                return
        raise AssertionError(f"still at work after {MAX_ROUNDS} rounds")

    # What has to hold.

    def every_open_alert_has_a_next_step_in_the_future(self) -> None:
        for alert in rows(self.app, Alert):
            if alert.state is AlertState.OPEN:
                assert alert.next_step_at is not None
                assert alert.next_step_at > self.app.clock()

    def no_step_was_skipped_or_taken_twice(self) -> None:
        """Each step for this severity up to the current one was logged once, unless a dead worker has claimed it."""
        waiting = {row.alert_id for row in pending_messages(self.app, OutboxKind.FIND_RECIPIENTS)}
        for alert in rows(self.app, Alert):
            if alert.state is not AlertState.OPEN or alert.id in waiting:
                continue
            steps = alert.policy["steps"]
            meant = [n for n in range(alert.absolute_step + 1) if alert.severity in steps[n % len(steps)]["severities"]]
            assert sorted(entry["step"] for entry in alert.step_log) == meant

    def every_alert_follows_its_concern(self) -> None:
        concerns = {row.id: row for row in rows(self.app, Concern)}
        for alert in rows(self.app, Alert):
            concern = concerns[alert.concern_id]
            assert alert.state in STATES[concern.status]
            if concern.status is Status.TAKEN:
                assert alert.taken_by_id == concern.taken_by_id is not None
            assert alert.next_step_at is not None or alert.state is not AlertState.OPEN
            assert alert.next_step_at is None or alert.state in (AlertState.OPEN, AlertState.TAKEN)
            assert alert.summary

    def remember(self) -> None:
        """`unanswered_at` and the delivery state of a phone never go back."""
        for alert in rows(self.app, Alert):
            assert self.unanswered_at.setdefault(alert.id, alert.unanswered_at) in (None, alert.unanswered_at)
            self.unanswered_at[alert.id] = alert.unanswered_at
        for row in rows(self.app, Notification):
            if row.is_delivered:
                far = STATE_ORDER.index(row.state)
                assert far >= self.furthest.get(row.id, 0)
                self.furthest[row.id] = far
            else:
                assert row.id not in self.furthest

    def go_on_until_it_is_over(self) -> None:
        """Move from one due moment to the next until all is done, with a working worker and push service."""
        self.channel.result = DeliveryResult.sent()
        if not any(self.workers):
            self.toggle(0)
        for _ in range(MAX_CLOCK_MOVES):
            self.work()
            self.every_open_alert_has_a_next_step_in_the_future()
            steps = [alert.next_step_at for alert in rows(self.app, Alert) if alert.next_step_at is not None]
            tasks = [max(row.due_at, row.lease_until or row.due_at) + SECOND for row in pending_messages(self.app)]
            coming = steps + tasks
            if not coming:
                break
            self.app.clock.at = max(min(coming), self.app.clock() + SECOND)
        self.figures.concerns += len(rows(self.app, Concern))
        alerts = rows(self.app, Alert)
        self.figures.open_at_the_end += sum(alert.state is AlertState.OPEN for alert in alerts)
        self.figures.unanswered += sum(alert.unanswered_at is not None for alert in alerts)
        self.figures.given_back += sum(bool(row.details.get("forgotten")) for row in rows(self.app, ConcernEvent))
        assert {alert.state for alert in alerts} <= {AlertState.UNANSWERED, AlertState.TAKEN, AlertState.RESOLVED}
        assert [alert.next_step_at for alert in alerts if alert.next_step_at] == []
        assert pending_messages(self.app) == []
        assert self.wrong == []

    def close(self) -> None:
        for worker in self.workers:
            if worker is not None:
                worker.close()
