"""A year of people: hired, moved, promoted and gone, while concerns are logged and taken, and promises made.

At the end of each month the reports are a recount of the rows, nobody who left can do or hears anything, and nothing
open is without somebody who works there. It takes long, and is for the deep profile only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationState
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import Message
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import PASSWORD
from tests.support.oracle.raw_rows import read_raw_rows
from tests.support.oracle.recounted_organization import RecountedOrganization
from tests.support.rows import rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

CONCERNS_PER_MONTH = 8
GROUPINGS = ((), ("store", "month"), ("category",))
HOLDS_NOTHING = (NotificationState.QUEUED, NotificationState.LEASED)


@dataclass
class Person:
    """Somebody of the floor: where they work, and since when they do so no more."""

    login: str
    id: str
    store: str
    left_at: datetime | None = None
    token: str = ""  # the last one they had, for trying it once they are gone
    pushed_at: list[datetime] = field(default_factory=list)  # when their phone was pushed to

    @property
    def address(self) -> str:
        return f"phone {self.login}"


class Year:
    """An organization with two stores and people who come and go. Whoever works there has a phone and is on shift."""

    def __init__(self, app: App, worker: Worker, channel: RecordingChannel) -> None:
        self.app, self.worker, self.rng = app, worker, Random(15)
        self.organization = RecountedOrganization(app)
        self.shop = self.organization.shop
        self.stores = {"first": self.shop.store_id, "second": self.shop.other_store_id}
        channel.meanwhile = self.note
        stores = {"floor": "first", "colleague": "first", "manager": "first", "elsewhere": "second"}
        self.people = {login: Person(login, str(self.shop.staff[login]), store) for login, store in stores.items()}

    def note(self, message: Message) -> None:
        for person in self.people.values():
            if message.recipient.address == person.address:
                person.pushed_at.append(self.app.clock())

    # ------------------------------------------------------------------------------------------- what people do
    def ask(self, method: str, path: str, by: str, *, status: int | None = None, **body: Any) -> Any:
        """Send a request in somebody's name; check its status, or that it succeeded."""
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        answer = self.app.request(method, path, (self.shop, by), json=body or None, headers=headers)
        assert answer.status_code == status if status else answer.status_code < 300, (path, answer.text)
        return answer.json

    def sign_in(self, login: str, *, status: int = 201) -> None:
        body = {"organization": self.shop.slug, "login": login, "password": PASSWORD}
        self.app.forget_hits()
        answer = self.app.request("POST", "/v1/sessions", json=body)
        assert answer.status_code == status, answer.text
        if status == 201:
            self.shop.tokens[login] = answer.json["token"]

    def start_work(self, person: Person) -> None:
        """Sign in, register one's phone, check in."""
        self.sign_in(person.login)
        person.token = self.shop.tokens[person.login]
        phone = {"platform": "android", "address": person.address, "address_kind": "log"}
        self.ask("PUT", f"/v1/me/devices/of-{person.login}", person.login, **phone)
        self.ask("PUT", "/v1/me/shift", person.login, store_id=str(self.stores[person.store]))

    def working(self, store: str | None = None) -> list[Person]:
        """Return who works here now, in one store or in all."""
        return [person for person in self.people.values() if not person.left_at and store in (None, person.store)]

    def log(self, at: datetime) -> None:
        """Log a concern; a colleague may take it, promise something, and put it right, or leave that for later."""
        self.app.clock.at = at
        store = self.rng.choice(["first", "first", "second"])
        team = [person.login for person in self.working(store)]
        teller, taker = self.rng.choice(team), self.rng.choice(team)
        concern = self.ask(
            "POST", "/v1/concerns", teller, mood=self.rng.randint(1, 4), store_id=str(self.stores[store])
        )
        work_until_idle(self.worker)
        self.app.clock.at = at + timedelta(minutes=1)
        path = f"/v1/concerns/{concern['id']}"
        if self.rng.random() < 0.7:
            self.ask("POST", f"{path}/take", taker)
        if self.rng.random() < 0.4:
            self.promise(path, taker)
        if self.rng.random() < 0.5:
            self.ask("POST", f"{path}/resolve", taker, outcome="recovered", mood_after=4)

    def promise(self, path: str, by: str) -> None:
        due_at = (self.app.clock() + timedelta(days=3)).isoformat()
        self.ask("POST", f"{path}/follow-ups", by, what="We call you back", kind="call", due_at=due_at)

    # --------------------------------------------------------------------------------------- what becomes of them
    def hire(self, login: str, store: str, *, by: str = "admin", role: str = "floor") -> Person:
        """Hire somebody, who sets a password with the code of the answer and starts to work."""
        body = {"name": f"{login.title()} of {self.shop.slug}", "login": login, "role": role}
        hired = self.ask("POST", "/v1/staff", by, **body, store_ids=[str(self.stores[store])])
        self.redeem(hired["invitation"]["code"])
        person = self.people[login] = Person(login, hired["id"], store)
        self.start_work(person)
        return person

    def redeem(self, code: str) -> None:
        answer = self.app.request("POST", "/v1/invitations/redeem", json={"code": code, "password": PASSWORD})
        assert answer.status_code == 200, answer.text

    def move(self, person: Person, store: str, **changes: Any) -> None:
        """Let somebody work in another store from now on, with effect on their next request."""
        former, person.store = person.store, store
        self.ask("PATCH", f"/v1/staff/{person.id}", "admin", store_ids=[str(self.stores[store])], **changes)
        gone = {"mood": 3, "store_id": str(self.stores[former])}
        if former != store:
            self.ask("POST", "/v1/concerns", person.login, status=422, **gone)
        self.start_work(person)

    def leave(self, person: Person, *, by: str = "admin", to: Person | None = None) -> Any:
        """Let somebody go at once."""
        hand_over = {"hand_over_to": to.id} if to else {}
        gone = self.ask("POST", f"/v1/staff/{person.id}/leave", by, **hand_over)
        person.left_at = self.app.clock()
        self.ask("GET", "/v1/me", person.login, status=401)
        return gone

    def come_back(self, person: Person) -> None:
        returned = self.ask("POST", f"/v1/staff/{person.id}/return", "admin")
        self.sign_in(person.login, status=401)  # the former password is of the past
        self.redeem(returned["invitation"]["code"])
        person.left_at = None
        person.pushed_at.clear()
        self.start_work(person)

    def lose_phone(self, person: Person) -> None:
        """Sign a lost phone out: what it holds is of no use, and it stays silent; then a new one."""
        phones = self.ask("GET", f"/v1/devices?store_id={self.stores[person.store]}", "admin")["items"]
        own = (phone for phone in phones if phone["person"] and phone["person"]["id"] == person.id)
        lost = next(phone for phone in own if not phone["retired_at"])
        self.ask("POST", f"/v1/devices/{lost['id']}/revoke", "admin")
        self.ask("GET", "/v1/me", person.login, status=401)
        pushes = len(person.pushed_at)
        colleague = next(other for other in self.working(person.store) if other is not person)
        self.ask("POST", "/v1/concerns", colleague.login, mood=1, store_id=str(self.stores[person.store]))
        work_until_idle(self.worker)
        assert len(person.pushed_at) == pushes
        self.start_work(person)

    # -------------------------------------------------------------------------------------- what must always hold
    def differences(self, month: date) -> list[Any]:
        """Return the reports that are no recount: of this month, and of the year so far."""
        with self.app.database.reading(self.shop.organization_id) as session:
            raw = read_raw_rows(session, self.organization.stores)
        last = self.app.clock().date() + timedelta(days=2)
        spans = ({"from_date": month, "to_date": last}, {"from_date": date(2026, 1, 1), "to_date": last})
        return [(span, by) for span in spans for by in GROUPINGS if not self.organization.agrees(raw, span, by)]

    def wrongs_of_leavers(self) -> Iterator[str]:
        """Yield what somebody who left can still do, holds or was told."""
        phones_told = rows(self.app, Notification)
        on_shift = {shift.staff_id for shift in rows(self.app, Shift) if shift.is_running(self.app.clock())}
        for person in self.people.values():
            if person.left_at is None:
                continue
            headers = {"Authorization": f"Bearer {person.token}"}
            if self.app.request("GET", "/v1/concerns", headers=headers).status_code != 401:
                yield f"{person.login} reads concerns"
            self.sign_in(person.login, status=401)
            own = [notification for notification in phones_told if str(notification.staff_id) == person.id]
            if any(
                notification.queued_at > person.left_at or notification.state in HOLDS_NOTHING for notification in own
            ):
                yield f"{person.login} is to be told something"
            if any(at > person.left_at for at in person.pushed_at):
                yield f"{person.login} was told something"
            if any(str(staff_id) == person.id for staff_id in on_shift):
                yield f"{person.login} is on shift"

    def open_without_owner(self) -> Iterator[str]:
        """Yield what is open and belongs to nobody who works here."""
        at = self.app.clock()
        works = {staff.id for staff in rows(self.app, Staff) if not staff.has_left(at)}
        for follow_up in rows(self.app, FollowUp):
            if follow_up.status in (FollowUpStatus.OPEN, FollowUpStatus.BROKEN) and follow_up.owner_id not in works:
                yield f"the promise {follow_up.id}"
        for concern in rows(self.app, Concern):
            if concern.status is Status.TAKEN and concern.taken_by_id not in works:
                yield f"the concern {concern.id}"
        for alert in rows(self.app, Alert):
            if alert.state is AlertState.OPEN and alert.next_step_at is None:
                yield f"the alert {alert.id}"


def january(year: Year) -> None:
    for login, store in (("ana", "first"), ("ben", "first"), ("carla", "second")):
        year.hire(login, store)
    year.hire("dora", "first", by="manager")


def february(year: Year) -> None:
    year.move(year.people["ben"], "second")
    year.leave(year.people["colleague"], by="manager")


def march(year: Year) -> None:
    year.move(year.people["carla"], "second", role="manager")
    year.hire("eli", "second", by="carla")


def april(year: Year) -> None:
    year.lose_phone(year.people["ana"])


def may(year: Year) -> None:
    """Let the manager leave on a Friday night, with concerns taken and promises open."""
    year.hire("frank", "first", role="manager")
    year.app.clock.at = datetime(2026, 5, 15, 21, 55, tzinfo=UTC)
    assert year.app.clock.at.strftime("%A") == "Friday"
    for person in (year.people["manager"], year.people["frank"], year.people["ana"]):
        year.start_work(person)
    taken = [year.ask("POST", "/v1/concerns", "ana", mood=1)["id"] for _ in range(3)]
    work_until_idle(year.worker)
    for concern_id in taken:
        year.ask("POST", f"/v1/concerns/{concern_id}/take", "manager")
        year.promise(f"/v1/concerns/{concern_id}", "manager")
    year.app.clock.at += timedelta(minutes=5)
    year.sign_in("admin")
    gone = year.leave(year.people["manager"], to=year.people["frank"])
    assert {*taken} <= {*gone["concerns"]}
    assert len(gone["follow_ups"]) >= len(taken)
    pushes = len(year.people["frank"].pushed_at)
    work_until_idle(year.worker)
    assert len(year.people["frank"].pushed_at) > pushes  # they ring again, and somebody hears it


def june(year: Year) -> None:
    year.come_back(year.people["colleague"])
    dora = year.people["dora"]
    last_day = year.app.clock.at + timedelta(days=2)
    year.ask("POST", f"/v1/staff/{dora.id}/leave", "admin", at=last_day.isoformat())
    year.ask("GET", "/v1/me", "dora")
    year.app.clock.at = last_day
    year.ask("GET", "/v1/me", "dora", status=401)  # at that instant, whatever the worker does
    dora.left_at = last_day
    work_until_idle(year.worker)


def july(year: Year) -> None:
    year.leave(year.people["elsewhere"], by="carla")
    year.hire("gina", "second", by="carla")


def august(year: Year) -> None:
    year.move(year.people["ben"], "first")
    year.lose_phone(year.people["frank"])


def september(year: Year) -> None:
    year.leave(year.people["carla"], to=year.people["gina"])
    year.move(year.people["gina"], "second", role="manager")


def october(year: Year) -> None:
    year.come_back(year.people["dora"])
    year.hire("hugo", "first", by="frank")


def november(year: Year) -> None:
    year.leave(year.people["ana"], by="frank")
    year.leave(year.people["ben"], by="frank", to=year.people["hugo"])


def december(year: Year) -> None:
    year.move(year.people["frank"], "first", role="floor")
    year.hire("ines", "first", role="manager")


CHANGES: tuple[Callable[[Year], None], ...] = (
    january, february, march, april, may, june, july, august, september, october, november, december
)  # fmt: skip


@pytest.mark.deep
@only_on_postgresql
def test_reports_add_up_leavers_are_gone_and_nothing_open_is_without_an_owner(app: App) -> None:
    app.clock.at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        year = Year(app, worker, channel)
        for number, change in enumerate(CHANGES, 1):
            first = datetime(2026, number, 1, 10, tzinfo=UTC)
            app.clock.at = first
            for person in year.working():
                year.start_work(person)
            minutes = sorted(year.rng.randrange(24 * 24 * 60) for _ in range(CONCERNS_PER_MONTH))
            for minute in minutes[: CONCERNS_PER_MONTH // 2]:
                year.log(first + timedelta(minutes=minute))
            app.clock.at += timedelta(minutes=5)
            for login in ("admin", "hq"):
                year.sign_in(login)
            change(year)
            for minute in minutes[CONCERNS_PER_MONTH // 2 :]:
                year.log(max(app.clock.at, first + timedelta(minutes=minute)))
            app.clock.at = first + timedelta(days=27)
            work_until_idle(worker)
            year.organization.refresh_all()
            year.sign_in("hq")
            assert year.differences(first.date()) == [], f"month {number}"
            assert [*year.wrongs_of_leavers()] == [], f"month {number}"
            assert [*year.open_without_owner()] == [], f"month {number}"
