"""A scenario in one store: a worker that is always up to date, a movable clock, and who was notified after how long."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from models.alerts.alert import Alert
from models.alerts.escalation_policy import DEFAULT_POLICY
from models.alerts.notification import Notification, NotificationKind
from models.organizations.store import Store
from models.staff.device import AddressKind
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import Message
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop, set_escalation_steps
from tests.support.factories.staff import give_phone, hire
from tests.support.rows import only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

ON_SHIFT = ("floor", "colleague", "lead")
PHONE_OWNERS = (*ON_SHIFT, "manager", "regional")
MessagesBySecond = dict[int, set[str]]


class StoreScenario:
    """`floor`, `colleague` and `lead`, who leads, are on shift; the manager and the regional manager are at home.

    Alerts escalate by the default policy. Everybody has one phone with their login for an
    address; a phone of kind `fcm_token` confirms nothing until it sends a receipt, one of kind `log` has what was sent.
    """

    def __init__(self, app: App, worker: Worker, channel: RecordingChannel) -> None:
        self.app, self.worker, self.channel = app, worker, channel
        self.began_at = app.clock()
        self.messages: list[tuple[datetime, Message]] = []
        channel.meanwhile = lambda message: self.messages.append((app.clock(), message))
        self.shop: Shop = make_shop(app.back_office, on_shift=())
        hire(app.back_office, self.shop, "lead", at=self.began_at)
        set_escalation_steps(app.back_office, self.shop, DEFAULT_POLICY["steps"])
        for login in ON_SHIFT:
            self.check_in(login, lead=login == "lead")

    def check_in(self, login: str, *, lead: bool = False) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            store = session.get_one(Store, (self.shop.organization_id, self.shop.store_id))
            at = self.app.clock()
            Shift.check_in(session, staff_id=self.shop.staff[login], store=store, lead=lead, at=at)

    def check_out(self, *logins: str) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            for login in logins:
                Shift.check_out(session, staff_id=self.shop.staff[login], at=self.app.clock())

    def pause(self, login: str, *, until: datetime) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            shift = Shift.current(session, self.shop.staff[login], at=self.app.clock())
            assert shift is not None
            shift.paused_until = until

    def set_preferences(self, login: str, **wishes: Any) -> None:
        """Set the preferences of a person: muted kinds, quiet hours, a mail address."""
        with self.app.back_office.writing(self.shop.organization_id) as session:
            staff = session.get_one(Staff, (self.shop.organization_id, self.shop.staff[login]))
            for name, value in wishes.items():
                setattr(staff, name, value)

    def give_phones(self, *logins: str, kind: AddressKind = AddressKind.LOG) -> None:
        for login in logins or PHONE_OWNERS:
            give_phone(self.app.back_office, self.shop, login, login, kind=kind)

    def log(self, login: str = "floor", **fields: Any) -> dict[str, Any]:
        """Log a concern, and let the worker run."""
        concern = log_concern(self.app, self.shop, login, **fields)
        work_until_idle(self.worker)
        return concern

    def act(self, concern: dict[str, Any], login: str) -> None:
        """Apologise."""
        path = f"/v1/concerns/{concern['id']}/recovery-actions"
        answer = self.app.request("POST", path, (self.shop, login), json={"remedy": "apology"})
        assert answer.status_code == 201, answer.text

    def confirm(self, login: str) -> None:
        """Send receipts from this person's phone for everything that was sent to it."""
        mine = [row for row in rows(self.app, Notification) if row.staff_id == self.shop.staff[login]]
        at = self.app.clock().isoformat()
        receipts = [{"notification_id": str(row.id), "event": "received", "at": at} for row in mine]
        answer = self.app.request("POST", "/v1/notifications/receipts", (self.shop, login), json={"receipts": receipts})
        assert answer.json == {"recorded": len(mine), "unknown": []}

    def let_pass(self, **span: float) -> None:
        """Move the clock by this span, stopping at each moment at which something is due."""
        end = self.app.clock() + timedelta(**span)
        work_until_idle(self.worker)
        while (now := self.app.clock()) < end:
            steps = [alert.next_step_at for alert in rows(self.app, Alert)]
            coming = [
                at
                for at in [*steps, *(row.due_at for row in pending_messages(self.app))]
                if at is not None and at > now
            ]
            self.app.clock.at = min([*coming, end])
            work_until_idle(self.worker)

    def addresses_by_second(self, kind: NotificationKind = NotificationKind.RING) -> MessagesBySecond:
        """Return the addresses to which notifications of this kind were sent, by seconds since the scenario began."""
        kinds = {row.id: row.kind for row in rows(self.app, Notification)}
        addresses: defaultdict[int, set[str]] = defaultdict(set)
        for at, message in self.messages:
            if message.kind not in ("withdraw", "update") and kinds[message.notification_id] is kind:
                addresses[self.seconds(at)].add(message.recipient.address)
        return dict(addresses)

    def step_log(self) -> list[tuple[int, int, str | None]]:
        """Return the steps of the only alert: number, how many phones, why none."""
        return [(entry["step"], entry["phones"], entry["why"]) for entry in only_alert(self.app).step_log]

    def seconds(self, at: datetime) -> int:
        return round((at - self.began_at).total_seconds())


@contextmanager
def store_scenario(app: App) -> Iterator[StoreScenario]:
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        yield StoreScenario(app, worker, channel)
