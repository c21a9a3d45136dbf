"""A month of shifts in four stores: people forget to check out, sign out, lose phones, and clocks change.

What is expected is worked out from what people do, without the code that is under test: nobody who went home is rung
once their shift is over, everybody at work is, and no severe call ends unanswered in an open or staffed store without a
ring to its manager.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.access import Role
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification, NotificationKind
from models.concerns.enums import Severity
from models.db.session import ALL_TENANTS
from models.organizations.opening_hours import parse_weekly
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from notifications.channels.base import Message, MessageKind
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop, make_store, password_hash
from tests.support.factories.staff import sign_in_anew
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

LISBON = ZoneInfo("Europe/Lisbon")
QUIET = (time(22), time(9))  # of every manager
FOUR = time(4)
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(hours=16)


@dataclass(frozen=True)
class Plan:
    """A store: its hours as the API takes them, the same in minutes from midnight, and when people come and go."""

    hours: str
    open_minutes: tuple[tuple[int, int], ...]
    work: tuple[tuple[str, int], ...]  # when somebody comes, and for how many minutes
    shuts_after_four: str | None = None


PLANS = {
    "bar": Plan("mon-sun 18:00-04:30", ((0, 270), (1080, 1440)), (("17:30", 660), ("20:00", 510)), "04:30"),
    "never": Plan("always", ((0, 1440),), (("06:00", 480), ("14:00", 480), ("22:00", 480))),
    "cafe": Plan(
        "mon-sun 07:00-11:00; mon-sun 11:30-15:00", ((420, 660), (690, 900)), (("06:45", 510), ("10:00", 315))
    ),
    "bistro": Plan("mon-sun 09:00-23:00", ((540, 1380),), (("08:30", 510), ("15:00", 495))),
}


@dataclass
class Person:
    login: str
    store: str
    is_manager: bool = False
    phone: str | None = None  # the address of the phone they are signed in on
    at_work: bool = False
    ends_at: datetime | None = None  # when their shift is over at the latest, unless they do something
    phones: Iterator[int] = field(default_factory=count)

    def tapped(self, at: datetime) -> None:
        """They did something: the shift does not end for half an hour, or a minute more, as taps are recorded."""
        if self.ends_at is not None and at < self.ends_at:
            self.ends_at = max(self.ends_at, at + 31 * MINUTE)

    def may_ring(self, at: datetime) -> bool:
        return self.at_work or (self.ends_at is not None and at < self.ends_at)


class Month:
    """Plays what people do in the order of time; the worker is up to date at each moment at which something is due."""

    def __init__(self, app: App, worker: Worker, channel: RecordingChannel, *, begins: date, days: int) -> None:
        self.app, self.worker, self.channel = app, worker, channel
        self.dice = random.Random(begins.toordinal())
        self.begins, self.days = begins, days
        app.clock.at = local(begins, FOUR)
        self.shop: Shop = make_shop(app.back_office, on_shift=(), at=app.clock())
        self.stores, self.people = self._furnish()
        self.by_address: dict[str, Person] = {}
        self.events: list[tuple[datetime, int, str, tuple[Any, ...]]] = []
        self.number = count()
        self.heard = 0
        self.silenced: list[Any] = []
        self.rung_at_home: list[Any] = []
        self.rung_in_quiet_hours: list[Any] = []
        self.unheard: list[Any] = []
        self.untold: list[Any] = []
        self.seen = {"rings": 0, "severe unanswered": 0, "forgotten": 0, "asked": 0, "lost": 0, "signed out": 0}
        self.judged: set[UUID] = set()
        self.in_empty_stores: dict[UUID, datetime] = {}  # severe calls that nobody answered, and when it opens

    def _furnish(self) -> tuple[dict[str, UUID], list[Person]]:
        people = [Person(f"{name}-manager", name, is_manager=True) for name in PLANS]
        people += [Person(f"{name}-{n}", name) for name, plan in PLANS.items() for n in range(len(plan.work))]
        stores = {}
        with self.app.back_office.writing(self.shop.organization_id) as session:
            for name, plan in PLANS.items():
                store = make_store(name, self.shop.region_id)
                store.hours = {"weekly": parse_weekly(plan.hours), "exceptions": []}
                session.add(store)
                session.flush()
                stores[name] = store.id
            for person in people:
                role = Role.MANAGER if person.is_manager else Role.FLOOR
                staff = Staff(login=person.login, name=person.login, role=role, password_hash=password_hash())
                if person.is_manager:
                    staff.quiet_from, staff.quiet_until = QUIET
                session.add(staff)
                session.flush()
                session.add(StaffStore(staff_id=staff.id, store_id=stores[person.store]))
                self.shop.staff[person.login] = staff.id
        return stores, people

    # ------------------------------------------------------------------------------------------------- what people do

    def plan(self) -> None:
        for person in self.people:
            if person.is_manager:
                for days in range(0, self.days, 14):  # a sign-in lasts a month
                    self.add(self.app.clock() + timedelta(days=days), "new_phone", person)
        for day in (self.begins + timedelta(days=n) for n in range(self.days)):
            for name, plan in PLANS.items():
                workers = [person for person in self.people if person.store == name and not person.is_manager]
                for number, (person, (comes, minutes)) in enumerate(zip(workers, plan.work, strict=True)):
                    begins = local(day, time.fromisoformat(comes))
                    self.add(begins, "come_to_lead" if number == 0 else "come", person)
                    way = (day.toordinal() + number) % 3  # every third evening they forget
                    self.add(begins + minutes * MINUTE, "go", person, ("forget", "check out", "sign out")[way])
                    if self.dice.random() < 0.06:
                        self.add(begins + self.dice.randrange(60, minutes - 60) * MINUTE, "lose_phone", person)
                self.add(local(day, FOUR) + self.dice.randrange(1440) * MINUTE, "concern", name)
            for name in ("cafe", "bistro"):  # at night, when those who forgot to check out are over
                self.add(local(day + timedelta(days=1), time(4, 35)), "concern", name, 1)
        self.add(local(self.begins + timedelta(days=self.days), time(9, 30)), "judge_told")  # when each has opened

    def add(self, at: datetime, what: str, *about: Any) -> None:
        heappush(self.events, (at, next(self.number), what, about))

    def play(self) -> None:
        while self.events:
            if self.app.clock() < self.events[0][0]:
                self.move_on(until=self.events[0][0])  # which may add events before that
                continue
            _, _, what, about = heappop(self.events)
            getattr(self, what)(*about)
            self.work()

    def move_on(self, *, until: datetime) -> None:
        """Move the clock to the next moment at which something is due."""
        now = self.app.clock()
        self.app.clock.at = min([*(at for at in self.due() if at > now), until])
        self.work()

    def due(self) -> list[datetime]:
        with self.app.back_office.reading(ALL_TENANTS) as session:
            steps = session.scalars(select(Alert.next_step_at).where(Alert.next_step_at.is_not(None)))
            messages = session.scalars(select(OutboxMessage.due_at).where(OutboxMessage.done_at.is_(None)))
            ends = session.scalars(select(Shift.ends_at).where(Shift.ended_at.is_(None))).all()
            return [*(at for at in steps if at), *messages, *ends, *(at - 15 * MINUTE for at in ends)]

    def ask(self, person: Person, method: str, path: str, **options: Any) -> Any:
        answer = self.app.request(method, f"/v1{path}", (self.shop, person.login), **options)
        assert answer.status_code < 300, answer.text
        return answer.json if answer.data else None

    def new_phone(self, person: Person) -> None:
        sign_in_anew(self.app.back_office, self.shop, person.login, at=self.app.clock())
        person.phone = f"{person.login} {next(person.phones)}"
        self.by_address[person.phone] = person
        phone = {"platform": "android", "address": person.phone, "address_kind": "log"}
        self.ask(person, "PUT", f"/me/devices/{person.phone.replace(' ', '-')}", json=phone)

    def come(self, person: Person, *, lead: bool = False) -> None:
        if person.phone is None:
            self.new_phone(person)
        body = {"store_id": str(self.stores[person.store]), "lead": lead}
        self.ask(person, "PUT", "/me/shift", json=body)
        at = self.app.clock()
        person.at_work, person.ends_at = True, max(person.ends_at or at, self.latest_end(person.store, at))

    def come_to_lead(self, person: Person) -> None:
        self.come(person, lead=True)

    def latest_end(self, store: str, began: datetime) -> datetime:
        day = (began + timedelta(hours=3)).astimezone(LISBON)
        following = day.date() + timedelta(days=day.time() >= FOUR)
        shuts = PLANS[store].shuts_after_four
        return min(began + LONGEST, local(following, FOUR if shuts is None else time.fromisoformat(shuts)))

    def go(self, person: Person, how: str) -> None:
        person.at_work = False
        if person.phone is None or how == "forget":
            self.seen["forgotten"] += 1
            return
        person.ends_at = None
        if how == "check out":
            self.ask(person, "DELETE", "/me/shift")
        else:
            self.ask(person, "DELETE", "/sessions/current")
            person.phone = None
            self.seen["signed out"] += 1

    def lose_phone(self, person: Person) -> None:
        if person.phone is None or not person.at_work:
            return
        manager = next(it for it in self.people if it.is_manager and it.store == person.store)
        path, owner = f"/devices?store_id={self.stores[person.store]}", str(self.shop.staff[person.login])
        phones = [phone for phone in self.ask(manager, "GET", path)["items"] if not phone["retired_at"]]
        (phone,) = (phone for phone in phones if phone["person"] and phone["person"]["id"] == owner)
        self.ask(manager, "POST", f"/devices/{phone['id']}/revoke")
        person.phone = None
        self.seen["lost"] += 1

    def concern(self, store: str, mood: int | None = None) -> None:
        """The till logs it. Whoever is at work rings; sometimes one of them comes."""
        mood = mood or self.dice.choice([1, 1, 2])
        concern = log_concern(self.app, self.shop, "key", mood=mood, store_id=str(self.stores[store]))
        before = len(self.channel.messages)
        self.work()
        rung = {message.recipient.address for message in self.channel.messages[before:]}
        there = [it for it in self.people if it.store == store and it.at_work and it.phone]
        self.silenced += [(self.app.clock(), it.login) for it in there if it.phone not in rung]
        if there and self.dice.random() < 0.5:
            self.add(self.app.clock() + self.dice.randrange(1, 15) * MINUTE, "take", self.dice.choice(there), concern)

    def take(self, person: Person, concern: Any) -> None:
        if person.phone is None or not person.at_work:
            return
        person.tapped(self.app.clock())
        self.ask(person, "POST", f"/concerns/{concern['id']}/take")
        self.ask(person, "POST", f"/concerns/{concern['id']}/resolve", json={"outcome": "recovered", "mood_after": 4})

    # ------------------------------------------------------------------------------------------------ what is expected

    def work(self) -> None:
        work_until_idle(self.worker)
        self.judge_unanswered()
        while self.heard < len(self.channel.messages):
            message = self.channel.messages[self.heard]
            self.heard += 1
            self.hear(message)

    def hear(self, message: Message) -> None:
        person, at = self.by_address[message.recipient.address], self.app.clock()
        if message.title == "Still here?":
            self.seen["asked"] += 1
            if person.at_work and person.phone:
                self.add(at + self.dice.randrange(1, 14) * MINUTE, "stay", person)
        if message.kind is not MessageKind.RING:
            return
        self.seen["rings"] += 1
        if not person.is_manager and not person.may_ring(at):
            self.rung_at_home.append((at, person.login, person.ends_at))
        now = at.astimezone(LISBON).time()
        if person.is_manager and (now >= QUIET[0] or now < QUIET[1]):
            with self.app.back_office.reading(ALL_TENANTS) as session:
                stmt = select(Notification.kind).where(Notification.id == message.notification_id)
                if session.scalars(stmt).one() is not NotificationKind.UNANSWERED_SEVERE:
                    self.rung_in_quiet_hours.append((at, person.login))

    def stay(self, person: Person) -> None:
        if person.at_work and person.phone:
            self.ask(person, "POST", "/me/shift/extend")
            person.ends_at = max(person.ends_at or self.app.clock(), self.app.clock() + timedelta(hours=2))

    def judge_unanswered(self) -> None:
        """Each severe call that ends now without an answer rings the manager, if somebody may be in the store."""
        with self.app.back_office.reading(ALL_TENANTS) as session:
            ended = select(Alert.id, Store.slug).join(Store, Store.id == Alert.store_id)
            ended = ended.where(Alert.state == AlertState.UNANSWERED, Alert.severity == Severity.SEVERE)
            since = Alert.unanswered_at >= self.app.clock() - MINUTE
            new = [(id_, store) for id_, store in session.execute(ended.where(since)) if id_ not in self.judged]
            calls = select(Notification.alert_id).where(Notification.kind == NotificationKind.UNANSWERED_SEVERE)
            rang = set(session.scalars(calls)) if new else set()
        for id_, store in new:
            self.judged.add(id_)
            self.seen["severe unanswered"] += 1
            at = self.app.clock()
            local_time = at.astimezone(LISBON)
            minute = local_time.hour * 60 + local_time.minute
            is_open = any(start <= minute < end for start, end in PLANS[store].open_minutes)
            staffed = any(it.may_ring(at) for it in self.people if it.store == store and not it.is_manager)
            if (id_ in rang) != (is_open or staffed):
                self.unheard.append((at, store, is_open, staffed))
            if not is_open and not staffed:
                self.in_empty_stores[id_] = opens_after(store, at)

    def judge_told(self) -> None:
        """Each severe call that ended so in a store that was shut and empty was told to the manager at its opening."""
        with self.app.back_office.reading(ALL_TENANTS) as session:
            stmt = select(Notification.alert_id, Notification.queued_at)
            stmt = stmt.where(Notification.kind == NotificationKind.UNANSWERED, Notification.staff_id.is_not(None))
            notified = {(alert_id, at) for alert_id, at in session.execute(stmt)}
        self.seen["told at opening"] = len(self.in_empty_stores)
        self.untold = [due for due in self.in_empty_stores.items() if due not in notified]


def local(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=LISBON).astimezone(UTC)


def opens_after(store: str, at: datetime) -> datetime:
    """Return when a store that is shut next opens."""
    today = at.astimezone(LISBON).date()
    openings = [
        local(today + timedelta(days=days), time(*divmod(opens, 60)))
        for days in (0, 1)
        for opens, _ in PLANS[store].open_minutes
        if opens  # the bar goes on at midnight
    ]
    return min(opens for opens in openings if opens > at)


def test_at_the_change_of_clocks_who_is_at_work_is_rung_and_who_has_gone_home_is_not(app: App) -> None:
    month = played(app, begins=date(2026, 3, 28), days=1)
    assert month.seen["forgotten"]
    assert month.seen["asked"]
    assert month.seen["told at opening"]


@pytest.mark.deep
@only_on_sqlite
def test_for_a_month_who_is_at_work_is_rung_and_who_has_gone_home_is_not(app: App) -> None:
    """It takes minutes: on the faster database. The change of clocks above is played on both."""
    month = played(app, begins=date(2026, 10, 9), days=31)
    assert all(month.seen.values()), month.seen


def played(app: App, *, begins: date, days: int) -> Month:
    """Play the days; fail unless everybody who has to be rung is, and nobody else."""
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        month = Month(app, worker, channel, begins=begins, days=days)
        month.plan()
        month.play()
    assert month.rung_at_home == []
    assert month.silenced == []
    assert month.unheard == []
    assert month.untold == []
    assert month.rung_in_quiet_hours == []
    return month
