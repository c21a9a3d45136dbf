"""The life of one alert, whatever is done to it in whatever order (Hypothesis): nobody is forgotten, one goes."""

from datetime import datetime
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from models.alert import Alert, AlertState
from models.concern import Concern
from models.device import Device
from models.notification import PROGRESS, Notification
from models.terms import Status
from notifications.channels import Letter, Verdict
from notifications.worker import Worker
from tests.databases import only_on_sqlite
from tests.factories import NOON, Shop, give_phone, make_shop
from tests.telling import Notebook, log_concern, over, queued, rows, work
from tests.world import World, empty_every_table

REPORTER = "floor"
PEOPLE = st.sampled_from(["floor", "colleague", "manager"])
STATES = {
    Status.OPEN: {AlertState.OPEN, AlertState.UNANSWERED},
    Status.TAKEN: {AlertState.TAKEN},
    Status.RESOLVED: {AlertState.RESOLVED},
}
VERDICTS = [
    Verdict.sent(),
    Verdict.later("unavailable"),
    Verdict.later("timed-out", unsure=True),
    Verdict.gone("unregistered"),
    Verdict.refused("invalid-argument"),
]


class LifeOfAnAlert(RuleBasedStateMachine):
    """What the people do, what the phones do, what the clock does; the worker comes by now and then."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        empty_every_table(self.world.url)
        self.world.clock.at = NOON
        self.shop: Shop = make_shop(self.world.back_office, on_shift=("floor", "colleague"))
        for login in ("floor", "colleague", "manager"):
            for number in (1, 2):
                give_phone(self.world.back_office, self.shop, login, f"{login} {number}")
        self.book = Notebook()
        self.book.meanwhile = self.only_while_it_calls
        self.worker = Worker(self.world.back_office, over(self.book), name="worker", patience=60.0)
        self.concern = log_concern(self.world, self.shop, REPORTER)
        self.devices = {device.installation_id: device.id for device in rows(self.world, Device)}
        self.moved: set[UUID] = set()  # lost or handed over: what they show is not ours to say
        self.flawless = True  # every letter so far got through
        self.misrung: list[Letter] = []
        self.unanswered_at: datetime | None = None
        self.furthest: dict[UUID, int] = {}

    def teardown(self) -> None:
        self.worker.close()

    def only_while_it_calls(self, letter: Letter) -> None:
        if letter.kind == "ring" and not self.stored()[1].calling:
            self.misrung.append(letter)

    def stored(self) -> tuple[Concern, Alert]:
        (concern,), (alert,) = rows(self.world, Concern), rows(self.world, Alert)
        return concern, alert

    def ask(self, step: str, login: str) -> int:
        body = {"json": {"outcome": "recovered", "mood_after": 4}} if step == "resolve" else {}
        path = f"/v1/concerns/{self.concern['id']}/{step}"
        return self.world.request("POST", path, (self.shop, login), **body).status_code

    # What people do.

    @rule(login=PEOPLE)
    def take(self, login: str) -> None:
        before, _ = self.stored()
        free = before.status is Status.OPEN or before.taken_by_id == self.shop.staff[login]
        expected = 200 if before.status is not Status.RESOLVED and free else 409
        assert self.ask("take", login) == expected
        if before.status is Status.TAKEN:
            assert self.stored()[0].taken_by_id == before.taken_by_id

    @rule(login=PEOPLE)
    def release(self, login: str) -> None:
        before, _ = self.stored()
        may = before.taken_by_id == self.shop.staff[login] or login == "manager"
        assert self.ask("release", login) == (409 if before.status is not Status.TAKEN else 200 if may else 403)

    @rule(login=PEOPLE)
    def resolve(self, login: str) -> None:
        expected = 409 if self.stored()[0].status is Status.RESOLVED else 200
        assert self.ask("resolve", login) == expected

    @rule(login=PEOPLE)
    def reopen(self, login: str) -> None:
        before, alert = self.stored()
        assert self.ask("reopen", login) == (200 if before.status is Status.RESOLVED else 409)
        if before.status is Status.RESOLVED:
            assert self.stored()[1].run_id != alert.run_id

    @rule(login=PEOPLE, on=st.booleans())
    def change_shift(self, login: str, on: bool) -> None:  # noqa: FBT001 drawn by Hypothesis
        by = (self.shop, login)
        if on:
            self.world.request("PUT", "/v1/me/shift", by, json={"store_id": str(self.shop.store_id)})
        else:
            self.world.request("DELETE", "/v1/me/shift", by)

    # What phones do.

    @rule(login=PEOPLE, number=st.sampled_from([1, 2]), owner=PEOPLE)
    def lose_or_hand_over(self, login: str, number: int, owner: str) -> None:
        path = f"/v1/me/devices/installation-{login} {number}"
        self.moved.add(self.devices[f"installation-{login} {number}"])
        if owner == login:
            self.world.request("DELETE", path, (self.shop, login))
        else:
            body = {"platform": "ios", "address": f"{login} {number}", "address_kind": "log"}
            assert self.world.request("PUT", path, (self.shop, owner), json=body).status_code == 200

    @precondition(lambda self: self.book.letters)
    @rule(data=st.data(), event=st.sampled_from(["received", "shown", "opened"]))
    def send_a_receipt(self, data: st.DataObject, event: str) -> None:
        told = data.draw(st.sampled_from(sorted({letter.notification_id for letter in self.book.letters})))
        owner = next(row.staff_id for row in rows(self.world, Notification) if row.id == told)
        login = next(name for name, id_ in self.shop.staff.items() if id_ == owner)
        at = self.world.clock().isoformat()
        body = {"receipts": [{"notification_id": str(told), "event": event, "at": at}]}
        answer = self.world.request("POST", "/v1/notifications/receipts", (self.shop, login), json=body)
        assert answer.json == {"recorded": 1, "unknown": []}

    @rule(verdict=st.sampled_from(VERDICTS))
    def change_what_the_push_service_says(self, verdict: Verdict) -> None:
        self.book.verdict = verdict
        self.flawless = self.flawless and verdict == Verdict.sent()

    # What time does.

    @rule(seconds=st.sampled_from([1, 30, 61, 300, 601, 1200]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.move(seconds=seconds)

    @rule()
    def the_worker_works(self) -> None:
        work(self.worker)
        concern, alert = self.stored()
        if alert.state is AlertState.OPEN:
            assert alert.next_step_at is not None
            assert alert.next_step_at > self.world.clock()
            assert alert.reached_at is not None
        if concern.status is not Status.OPEN and self.flawless and not queued(self.world):
            told = [row for row in rows(self.world, Notification) if row.on_a_phone and not row.withdrawn_at]
            assert {row.device_id for row in told} <= self.moved

    # What always holds.

    @invariant()
    def the_alert_follows_the_concern(self) -> None:
        concern, alert = self.stored()
        assert alert.state in STATES[concern.status]
        if concern.status is Status.TAKEN:
            assert alert.taken_by_id == concern.taken_by_id is not None
        assert (alert.next_step_at is not None) == (alert.state is AlertState.OPEN)
        assert alert.summary

    @invariant()
    def that_nobody_answered_is_never_forgotten(self) -> None:
        _, alert = self.stored()
        assert self.unanswered_at is None or alert.unanswered_at == self.unanswered_at
        self.unanswered_at = alert.unanswered_at

    @invariant()
    def nobody_is_rung_for_what_they_logged_nor_for_what_was_answered(self) -> None:
        told = rows(self.world, Notification)
        assert self.shop.staff[REPORTER] not in {row.staff_id for row in told}
        assert self.misrung == []
        assert len({(row.run_id, row.step, row.device_id) for row in told}) == len(told)

    @invariant()
    def what_is_known_of_a_phone_is_never_unlearned(self) -> None:
        for row in rows(self.world, Notification):
            if row.on_a_phone:
                far = PROGRESS.index(row.state)
                assert far >= self.furthest.get(row.id, 0)
                self.furthest[row.id] = far
            else:
                assert row.id not in self.furthest


@only_on_sqlite
def test_no_order_of_events_forgets_anybody(world: World) -> None:
    class LifeInThisWorld(LifeOfAnAlert):
        pass

    LifeInThisWorld.world = world
    few = settings(
        max_examples=12,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(LifeInThisWorld, settings=few)
