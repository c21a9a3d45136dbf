"""An evening in a store: a worker that is always awake, a clock that jumps, and who was told of what after how long."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from models.access import Role
from models.alerts.alert import Alert
from models.alerts.escalation_policy import DEFAULT_POLICY
from models.alerts.notification import Notification, NotificationKind
from models.db.session import Database
from models.organizations.store import Store
from models.staff.credentials import StaffSession
from models.staff.device import AddressKind
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from notifications.channels.base import Message
from notifications.worker.worker import Worker
from tests.support.app import World
from tests.support.factories import Shop, give_phone, make_shop, password_hash, set_climb
from tests.support.worker import Notebook, log_concern, over, queued, rows, the_alert, work, worker_of

ON_SHIFT = ("floor", "colleague", "lead")
WITH_A_PHONE = (*ON_SHIFT, "manager", "regional")
Told = dict[int, set[str]]


class Evening:
    """`floor`, `colleague` and `lead`, who leads, are on shift; the manager and the regional manager are at home.

    Calls climb as in an organization that has changed nothing. Everybody has one phone with their login for an
    address; nothing is known of a phone of kind `fcm_token` until it says so, one of kind `log` has what it is given.
    """

    def __init__(self, world: World, worker: Worker, book: Notebook) -> None:
        self.world, self.worker, self.book = world, worker, book
        self.began_at = world.clock()
        self.messages: list[tuple[datetime, Message]] = []
        book.meanwhile = lambda message: self.messages.append((world.clock(), message))
        self.shop: Shop = make_shop(world.back_office, on_shift=())
        hire(world.back_office, self.shop, "lead", at=self.began_at)
        set_climb(world.back_office, self.shop, DEFAULT_POLICY["steps"])
        for login in ON_SHIFT:
            self.check_in(login, lead=login == "lead")

    def check_in(self, login: str, *, lead: bool = False) -> None:
        with self.world.back_office.writing(self.shop.organization_id) as session:
            store = session.get_one(Store, (self.shop.organization_id, self.shop.store_id))
            at = self.world.clock()
            Shift.check_in(session, staff_id=self.shop.staff[login], store=store, lead=lead, at=at)

    def check_out(self, *logins: str) -> None:
        with self.world.back_office.writing(self.shop.organization_id) as session:
            for login in logins:
                Shift.check_out(session, staff_id=self.shop.staff[login], at=self.world.clock())

    def pause(self, login: str, *, until: datetime) -> None:
        with self.world.back_office.writing(self.shop.organization_id) as session:
            shift = session.scalars(
                select(Shift).where(Shift.staff_id == self.shop.staff[login], Shift.ended_at.is_(None))
            ).one()
            shift.paused_until = until

    def settle_for(self, login: str, **wishes: Any) -> None:
        """Set what somebody has chosen for themselves: muted kinds, quiet hours, a mail address."""
        with self.world.back_office.writing(self.shop.organization_id) as session:
            staff = session.get_one(Staff, (self.shop.organization_id, self.shop.staff[login]))
            for name, value in wishes.items():
                setattr(staff, name, value)

    def give_phones(self, *logins: str, kind: AddressKind = AddressKind.LOG) -> None:
        for login in logins or WITH_A_PHONE:
            give_phone(self.world.back_office, self.shop, login, login, kind=kind)

    def log(self, login: str = "floor", **said: Any) -> dict[str, Any]:
        """Log a concern; whatever is to be done at once is done."""
        told = log_concern(self.world, self.shop, login, **said)
        work(self.worker)
        return told

    def act(self, concern: dict[str, Any], login: str) -> None:
        """Apologise."""
        path = f"/v1/concerns/{concern['id']}/recovery-actions"
        answer = self.world.request("POST", path, (self.shop, login), json={"remedy": "apology"})
        assert answer.status_code == 201, answer.text

    def confirm(self, login: str) -> None:
        """Let the phone of this person say that it has everything that was sent to it."""
        mine = [row for row in rows(self.world, Notification) if row.staff_id == self.shop.staff[login]]
        at = self.world.clock().isoformat()
        receipts = [{"notification_id": str(row.id), "event": "received", "at": at} for row in mine]
        answer = self.world.request(
            "POST", "/v1/notifications/receipts", (self.shop, login), json={"receipts": receipts}
        )
        assert answer.json == {"recorded": len(mine), "unknown": []}

    def let_pass(self, **span: float) -> None:
        """Let time go by, from one moment at which something is to be done to the next."""
        end = self.world.clock() + timedelta(**span)
        work(self.worker)
        while (now := self.world.clock()) < end:
            steps = [alert.next_step_at for alert in rows(self.world, Alert)]
            coming = [at for at in [*steps, *(row.due_at for row in queued(self.world))] if at is not None and at > now]
            self.world.clock.at = min([*coming, end])
            work(self.worker)

    def told(self, kind: NotificationKind = NotificationKind.RING) -> Told:
        """To which addresses a letter of this kind left the house, by seconds since the evening began."""
        kinds = {row.id: row.kind for row in rows(self.world, Notification)}
        told: defaultdict[int, set[str]] = defaultdict(set)
        for at, message in self.messages:
            if message.kind != "withdraw" and kinds[message.notification_id] is kind:
                told[self.seconds(at)].add(message.recipient.address)
        return dict(told)

    def step_log(self) -> list[tuple[int, int, str | None]]:
        """What each step of the only alert came to: its number, how many phones, why none."""
        return [(one["step"], one["phones"], one["why"]) for one in the_alert(self.world).step_log]

    def seconds(self, at: datetime) -> int:
        return round((at - self.began_at).total_seconds())


@contextmanager
def evening_in(world: World) -> Iterator[Evening]:
    book = Notebook()
    with worker_of(world, over(book)) as worker:
        yield Evening(world, worker, book)


def hire(database: Database, shop: Shop, login: str, *, role: Role = Role.FLOOR, at: datetime) -> None:
    """One more who belongs to the first store, with a token."""
    with database.writing(shop.organization_id) as session:
        staff = Staff(login=login, name=login.title(), role=role, password_hash=password_hash())
        session.add(staff)
        session.flush()
        session.add(StaffStore(staff_id=staff.id, store_id=shop.store_id))
        _, token = StaffSession.open(session, staff=staff, at=at)
        shop.staff[login], shop.tokens[login] = staff.id, token.text
