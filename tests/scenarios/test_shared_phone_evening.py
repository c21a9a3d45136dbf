"""An evening with one shared phone: three people switch forty times, it locks, it rings, and one of them leaves.

The script runs minute by minute through the API, with the worker. Whom a push is for, and who may do what, is worked
out beside it from what people did, and compared in every minute. With some 180 minutes, 700 requests and 100 runs of
the worker it takes more than five seconds on a busy machine: a shorter evening would not have forty switches.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import pytest

from models.alerts.escalation_policy import RecipientGroup, policy_step
from models.alerts.notification import Notification, NotificationKind, NotificationRecipient
from models.concerns.event import ConcernEvent
from models.outbox.message import OutboxKind
from notifications.channels.base import Message, MessageKind
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.organizations import Shop, make_shop, set_escalation_steps
from tests.support.factories.shared_phones import PIN, SharedPhone, make_code, redeem, set_pins
from tests.support.factories.staff import hire
from tests.support.rows import pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

SHARED = ("ana", "bruno", "carla")  # carla leads the shift
EVERYBODY = (*SHARED, "dora")  # who has a phone of her own
# Who picks the phone up next, and after how many minutes: twelve without a tap are enough for it to lock.
ORDER = ("ana", "bruno", "carla", "ana", "carla", "bruno")
PAUSES = (3, 3, 12, 3, 3)
LEAD_AFTER = timedelta(minutes=2)

K = NotificationKind
Push = tuple[str, NotificationKind, frozenset[str]]
"""Address, kind, and whom it is for."""


@dataclass
class OpenConcern:
    """A concern as the script knows it."""

    id: str
    logged_by: str
    rung_at: datetime
    taken_by: str | None = None


@dataclass
class SharedPhoneScenario:
    """The people, the shared phone, and what is known of them without looking into the database."""

    app: App
    shop: Shop
    worker: Worker
    phone: SharedPhone
    pushes: list[Message] = field(default_factory=list)
    holder: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)  # the last one of each person on the shared phone
    tapped_at: datetime | None = None
    signed_in: set[str] = field(default_factory=set)  # on the shared phone, and not signed out
    on_shift: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    concerns: list[OpenConcern] = field(default_factory=list)
    done: list[tuple[str, str, str]] = field(default_factory=list)  # concern, step, and who did it
    expected: list[Push] = field(default_factory=list)  # in this minute
    seen_kinds: Counter[tuple[str, NotificationKind]] = field(default_factory=Counter)
    checked: list[str] = field(default_factory=list)
    steps_worked_off: int = 0
    switches: int = 0
    minutes_locked: int = 0

    @property
    def now(self) -> datetime:
        return self.app.clock()

    # ------------------------------------------------------------------------------------- what people and phones do

    def ask(self, token: str, method: str, path: str, **options: Any) -> Any:
        return self.app.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    def own(self, login: str, method: str, path: str, **options: Any) -> Any:
        """Send a request from somebody's own phone or computer."""
        return self.app.request(method, path, (self.shop, login), **options)

    def enter_pin(self, login: str, pin: str = PIN) -> Any:
        body = {"device_secret": self.phone.secret, "staff_id": str(self.shop.staff[login]), "pin": pin}
        return self.app.request("POST", "/v1/sessions", json=body)

    def pick_up(self, login: str) -> None:
        """Let somebody pick the phone up and give their PIN: whoever had it is locked, not signed out."""
        answer = self.enter_pin(login)
        assert answer.status_code == 201, answer.text
        self.holder, self.tokens[login], self.tapped_at = login, answer.json["token"], self.now
        self.signed_in.add(login)
        self.switches += 1

    def sign_out(self, login: str) -> None:
        assert self.ask(self.tokens[login], "DELETE", "/v1/sessions/current").status_code == 204
        self.signed_in.remove(login)
        del self.tokens[login]
        self.holder = None

    def log(self, login: str, token: str | None = None) -> OpenConcern:
        """Log a concern on the shared phone or, without a token, from one's own."""
        body = {"mood": 2, "store_id": str(self.shop.store_id)}
        answer = (
            self.ask(token, "POST", "/v1/concerns", json=body)
            if token
            else self.own(login, "POST", "/v1/concerns", json=body)
        )
        assert answer.status_code == 201, answer.text
        concern = OpenConcern(answer.json["id"], login, self.now)
        self.concerns.append(concern)
        self.done.append((concern.id, "logged", login))
        self.expect_ring(concern, self.on_shift)
        return concern

    def take(self, concern: OpenConcern, login: str) -> None:
        answer = self.ask(self.tokens[login], "POST", f"/v1/concerns/{concern.id}/take")
        assert answer.status_code == 200, answer.text
        concern.taken_by, self.tapped_at = login, self.now
        self.done.append((concern.id, "taken", login))

    def resolve(self, concern: OpenConcern, login: str) -> None:
        """Resolve a concern: whoever logged it hears of it."""
        body = {"outcome": "recovered", "mood_after": 4}
        answer = self.ask(self.tokens[login], "POST", f"/v1/concerns/{concern.id}/resolve", json=body)
        assert answer.status_code == 200, answer.text
        self.tapped_at = self.now
        self.concerns.remove(concern)
        self.done.append((concern.id, "resolved", login))
        self.expect(K.OUTCOME, {concern.logged_by, concern.taken_by or login} - {login})

    def let_go(self, login: str, *, had: OpenConcern) -> None:
        """Let somebody leave at once: the concern they had taken is open again, and rings those who are there."""
        path = f"/v1/staff/{self.shop.staff[login]}/leave"
        answer = self.own("manager", "POST", path, json={})
        assert answer.status_code == 200, answer.text
        assert answer.json["concerns"] == [had.id]
        self.on_shift.remove(login)
        self.signed_in.remove(login)
        self.gone.add(login)
        self.done.append((had.id, "released", "manager"))
        had.taken_by, had.rung_at = None, self.now
        self.expect_ring(had, self.on_shift)
        assert self.own(login, "GET", "/v1/me").status_code == 401
        assert self.enter_pin(login).json["code"] == "wrong-sign-in"

    # ------------------------------------------------------------------------------------------- who is to be rung

    def on_bar(self, people: set[str]) -> frozenset[str]:
        """Return for whom of these the shared phone rings."""
        return frozenset(people & self.on_shift & self.signed_in)

    def expect(self, kind: NotificationKind, people: set[str]) -> None:
        """Expect one push on the shared phone for all of these that it reaches, and one on Dora's if she is one."""
        if for_whom := self.on_bar(people):
            self.expected.append(("bar", kind, for_whom))
        if "dora" in people:
            self.expected.append(("dora", kind, frozenset({"dora"})))

    def expect_ring(self, concern: OpenConcern, people: set[str]) -> None:
        self.expect(K.RING, people - {concern.logged_by})

    # ------------------------------------------------------------------------------------------------ every minute

    def let_a_minute_pass(self) -> None:
        """Look at what became of this minute, and begin the next one."""
        self.check()
        self.app.clock.move(minutes=1)

    def wait_until(self, time: str) -> None:
        while f"{self.now:%H:%M}" < time:
            self.let_a_minute_pass()

    def check(self) -> None:
        """Compare who was rung in this minute, and who may do what, with what is to be expected."""
        for concern in self.concerns:  # nobody came: the lead is called
            if concern.taken_by is None and concern.rung_at + LEAD_AFTER == self.now:
                self.expect_ring(concern, {"carla"})
        # The worker runs where there is something to do, and each quarter of an hour to see that there is nothing.
        if self.expected or len(self.done) > self.steps_worked_off or self.now.minute % 15 == 0:
            work_until_idle(self.worker)
            self.steps_worked_off = len(self.done)
        assert Counter(self.seen()) == Counter(self.expected), f"at {self.now:%H:%M}"
        self.expected.clear()
        self.check_rights()

    def seen(self) -> list[Push]:
        """Return the pushes of this minute; the phone reports those on it with its secret, locked or not."""
        messages = [push for push in self.pushes if push.kind is not MessageKind.WITHDRAW]
        self.pushes.clear()
        if not messages:
            return []
        logins = {id_: login for login, id_ in self.shop.staff.items()}
        people: defaultdict[UUID, set[str]] = defaultdict(set)
        for link in rows(self.app, NotificationRecipient):
            people[link.notification_id].add(logins[link.staff_id])
        sent = {row.id: row for row in rows(self.app, Notification)}
        seen: list[Push] = []
        for message in messages:
            row, address = sent[message.notification_id], message.recipient.address
            for_whom = people[row.id] if row.staff_id is None else {logins[row.staff_id]}
            seen.append((address, row.kind, frozenset(for_whom)))
            assert not any(login in f"{message.title} {message.body}".casefold() for login in EVERYBODY)
            self.seen_kinds[address, row.kind] += 1
        for address in ("bar", "dora"):
            self.report(address, [message for message in messages if message.recipient.address == address])
        return seen

    def report(self, address: str, messages: list[Message]) -> None:
        """Send the receipts of a phone: the shared one by itself, with its secret, whether it is locked or not."""
        if not messages:
            return
        path, at = "/v1/notifications/receipts", self.now.isoformat()
        receipts = [{"notification_id": str(it.notification_id), "event": "shown", "at": at} for it in messages]
        by_phone = self.phone.ask if address == "bar" else partial(self.own, "dora")
        answer = by_phone("POST", path, json={"receipts": receipts})
        assert answer.json == {"recorded": len(messages), "unknown": []}

    def check_rights(self) -> None:
        """Check that only whoever has the phone may do something on it, and nobody once it has locked."""
        idle = timedelta(0) if self.tapped_at is None else self.now - self.tapped_at
        changed, self.checked = self.checked != [*self.tokens.values(), *self.gone], [*self.tokens.values(), *self.gone]
        for login, token in self.tokens.items():
            if login != self.holder and not changed:
                continue  # once locked, always locked
            answer = self.ask(token, "GET", "/v1/questions")  # a list is no tap
            if login in self.gone:
                assert answer.status_code == 401
                assert answer.json["code"] != "locked"
            elif login == self.holder and idle <= timedelta(minutes=10):
                assert answer.status_code == 200, (f"{self.now:%H:%M}", login, answer.text)
            else:
                assert (answer.status_code, answer.json.get("code")) == (401, "locked"), (f"{self.now:%H:%M}", login)
                self.minutes_locked += login == self.holder

    def assert_nobody_may_take(self, concern: OpenConcern) -> None:
        """Check that nobody takes a concern without their PIN: neither the phone by itself nor a locked sign-in."""
        path = f"/v1/concerns/{concern.id}/take"
        assert self.phone.ask("POST", path).status_code == 403
        for login, token in self.tokens.items():
            if login != self.holder:
                assert self.ask(token, "POST", path).status_code == 401


@pytest.fixture
def scenario(app: App) -> Iterator[SharedPhoneScenario]:
    """A quarter past six: a shared phone at the bar, three people with PINs, and Dora with a phone of her own."""
    app.clock.move(hours=6, minutes=15)
    shop = make_shop(app.back_office, on_shift=())
    steps = [policy_step(0, RecipientGroup.ON_SHIFT), policy_step(LEAD_AFTER.seconds, RecipientGroup.LEAD)]
    set_escalation_steps(app.back_office, shop, steps)
    for login in EVERYBODY:
        hire(app.back_office, shop, login, at=app.clock())
    set_pins(app, shop, *SHARED)
    code = make_code(app, shop, name="bar")
    enrolled = redeem(app, code, "the phone at the bar", address="bar", address_kind="fcm_token").json
    phone = SharedPhone(app, UUID(enrolled["id"]), enrolled["secret"], "the phone at the bar")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        scenario = SharedPhoneScenario(app, shop, worker, phone)
        channel.meanwhile = scenario.pushes.append
        yield scenario


def check_in(scenario: SharedPhoneScenario, login: str, token: str | None = None, *, lead: bool = False) -> None:
    body = {"store_id": str(scenario.shop.store_id), "lead": lead}
    path = "/v1/me/shift"
    answer = scenario.ask(token, "PUT", path, json=body) if token else scenario.own(login, "PUT", path, json=body)
    assert answer.status_code == 200, answer.text
    scenario.on_shift.add(login)


def open_the_store(scenario: SharedPhoneScenario) -> None:
    """Let everybody sign in, and check in at a quarter past seven: Carla an hour after she signed in."""
    scenario.pick_up("carla")
    own = {"platform": "ios", "address": "dora", "address_kind": "fcm_token"}
    assert scenario.own("dora", "PUT", "/v1/me/devices/dora", json=own).status_code == 200
    scenario.app.clock.move(hours=1)
    check_in(scenario, "carla", lead=True)
    for login in ("bruno", "ana"):
        scenario.pick_up(login)
        check_in(scenario, login, scenario.tokens[login])
    check_in(scenario, "dora")


def test_three_people_share_a_phone_for_an_evening(scenario: SharedPhoneScenario) -> None:
    open_the_store(scenario)
    switch_and_serve(scenario, switches=31)
    close_the_evening(scenario)
    scenario.check()
    check_the_timeline(scenario)
    assert (scenario.switches, scenario.minutes_locked) == (40, 19)
    assert scenario.seen_kinds == {
        ("bar", K.RING): 29,
        ("dora", K.RING): 13,
        ("bar", K.OUTCOME): 10,
        ("dora", K.OUTCOME): 9,
    }
    assert pending_messages(scenario.app, OutboxKind.DELIVER_RING) == []


def switch_and_serve(scenario: SharedPhoneScenario, *, switches: int) -> None:
    """Let the three take turns. Whoever picks the phone up takes what waits, and resolves it two minutes later."""
    for number, (login, minutes) in enumerate(islice(zip(cycle(ORDER), cycle(PAUSES), strict=False), switches)):
        waiting = [concern for concern in scenario.concerns if concern.taken_by is None]
        for concern in waiting:
            scenario.assert_nobody_may_take(concern)
        scenario.pick_up(login)
        for concern in waiting:
            scenario.take(concern, login)
        for minute in range(1, minutes + 1):
            scenario.let_a_minute_pass()
            if minute == 1 and number % 3 == 0:
                scenario.log(login, scenario.tokens[login])
            if minute == 2:
                for concern in [concern for concern in scenario.concerns if concern.taken_by == login]:
                    scenario.resolve(concern, login)
            if minute == 2 and number in (9, 21):  # Ana, who knows that she will not need it for a while
                scenario.sign_out(login)
                scenario.log("dora")
            if minute == 11:  # it has locked, and rings all the same
                scenario.log("dora")


def close_the_evening(scenario: SharedPhoneScenario) -> None:
    """Let Bruno leave at ten, while he is signed in and has taken a concern."""
    scenario.wait_until("21:56")
    first = scenario.log("dora")
    scenario.let_a_minute_pass()
    scenario.pick_up("bruno")
    scenario.take(first, "bruno")
    scenario.let_a_minute_pass()
    scenario.pick_up("ana")
    second = scenario.log("ana", scenario.tokens["ana"])
    scenario.wait_until("22:00")
    scenario.let_go("bruno", had=first)
    scenario.let_a_minute_pass()
    scenario.pick_up("carla")
    for concern in (first, second):
        scenario.take(concern, "carla")
    scenario.let_a_minute_pass()
    for concern in (first, second):
        scenario.resolve(concern, "carla")
    scenario.pick_up("ana")
    third = scenario.log("ana", scenario.tokens["ana"])  # Bruno is not rung any more
    scenario.let_a_minute_pass()
    scenario.pick_up("carla")
    scenario.take(third, "carla")
    scenario.let_a_minute_pass()
    scenario.resolve(third, "carla")
    scenario.pick_up("ana")
    scenario.wait_until("22:18")
    fourth = scenario.log("dora")
    scenario.wait_until("22:22")
    scenario.assert_nobody_may_take(fourth)


def check_the_timeline(scenario: SharedPhoneScenario) -> None:
    """Each step of each concern names whoever gave the PIN, and the phone it was done on."""
    logins = {id_: login for login, id_ in scenario.shop.staff.items()}
    events = rows(scenario.app, ConcernEvent)
    by_whom = sorted((str(event.concern_id), str(event.step), logins[event.by_staff_id]) for event in events)
    assert by_whom == sorted(scenario.done)
    on_phone = {logins[event.by_staff_id] for event in events if event.device_id == scenario.phone.id}
    assert on_phone == set(SHARED)
    assert all(event.device_id == scenario.phone.id for event in events if logins[event.by_staff_id] in SHARED)
