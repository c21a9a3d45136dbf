"""State machine of alerts: anything happens in any order (Hypothesis), and the invariants hold: `make model`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from models.alerts.escalation_policy import DEFAULT_POLICY, EscalationPolicy, PolicyStep, RecipientGroup, policy_step
from models.alerts.notification import Notification
from models.concerns.concern import Concern
from models.concerns.enums import Severity, Status
from models.db.session import ALL_TENANTS
from models.organizations.opening_hours import Hours
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.channels.base import DeliveryResult
from tests.chaos.drivers.chaos_run import run_from_command_line
from tests.chaos.drivers.observed_store import PEOPLE, ObservedStore
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.rows import rows

STEPS_PER_RUN = 50
MAX_CONCERNS = 4

SOMEBODY = st.sampled_from(PEOPLE)
SURNAMES = st.sampled_from(["900 000 101", "900 000 102"])
RESULTS = [
    DeliveryResult.sent(),
    DeliveryResult.sent(),
    DeliveryResult.later("unavailable"),
    DeliveryResult.later("timed-out", unsure=True),
    DeliveryResult.gone("unregistered"),
    DeliveryResult.refused("invalid-argument"),
]
POLICIES: list[tuple[list[PolicyStep], dict[str, int]]] = [
    (DEFAULT_POLICY["steps"], {"rounds": 1, "unanswered_after_seconds": 1200}),
    (DEFAULT_POLICY["steps"], {"rounds": 2, "unanswered_after_seconds": 1300}),
    ([policy_step(0, RecipientGroup.LEAD)], {"rounds": 1, "unanswered_after_seconds": 60}),
    (
        [
            policy_step(0, RecipientGroup.MANAGERS),
            policy_step(30, RecipientGroup.REGIONAL, only=Severity.SEVERE),
            policy_step(90, RecipientGroup.ON_SHIFT, RecipientGroup.LEAD),
        ],
        {"rounds": 2, "unanswered_after_seconds": 400},
    ),
]
HOURS: list[Hours | None] = [
    None,
    {"weekly": [], "exceptions": []},
    {"weekly": [{"weekday": "tuesday", "opens_at": "09:00", "closes_at": "14:00"}], "exceptions": []},
]


class AlertStateMachine(ObservedStore):
    """Rules for what people, phones, the operator and the clock do; the workers run now and then."""

    # What people do.

    @initialize(login=SOMEBODY, mood=st.sampled_from([1, 2]))
    def somebody_calls_for_help(self, login: str, mood: int) -> None:
        self.raise_one(login, mood, "help", "900 000 101")

    @precondition(lambda self: len(rows(self.app, Concern)) < MAX_CONCERNS)
    @rule(login=SOMEBODY, mood=st.sampled_from([1, 2]), handling=st.sampled_from(["help", "mine"]), phone=SURNAMES)
    def raise_one(self, login: str, mood: int, handling: str, phone: str) -> None:
        body = {"mood": mood, "handling": handling, "customer": {"phone": phone}, "store_id": str(self.shop.store_id)}
        answer = self.app.request("POST", "/v1/concerns", (self.shop, login), json=body)
        assert answer.status_code == 201, answer.text

    @precondition(lambda self: rows(self.app, Concern))
    @rule(login=SOMEBODY, data=st.data())
    def take(self, login: str, data: st.DataObject) -> None:
        before = self.one_concern(data)
        free = before.status is Status.OPEN or before.taken_by_id == self.shop.staff[login]
        expected = 200 if before.status is not Status.RESOLVED and free else 409
        assert self.ask(before, "take", login) == expected
        if before.status is Status.TAKEN:
            assert self.again(before).taken_by_id == before.taken_by_id

    @precondition(lambda self: rows(self.app, Concern))
    @rule(login=SOMEBODY, data=st.data())
    def release(self, login: str, data: st.DataObject) -> None:
        before = self.one_concern(data)
        may = before.taken_by_id == self.shop.staff[login] or login == "manager"
        expected = 409 if before.status is not Status.TAKEN else 200 if may else 403
        runs = self.runs()
        assert self.ask(before, "release", login) == expected
        assert (self.runs() == runs) is (expected != 200)

    @precondition(lambda self: rows(self.app, Concern))
    @rule(login=SOMEBODY, data=st.data())
    def resolve(self, login: str, data: st.DataObject) -> None:
        before = self.one_concern(data)
        expected = 409 if before.status is Status.RESOLVED else 200
        assert self.ask(before, "resolve", login, outcome="recovered", mood_after=4) == expected

    @precondition(lambda self: rows(self.app, Concern))
    @rule(login=SOMEBODY, data=st.data())
    def reopen(self, login: str, data: st.DataObject) -> None:
        before = self.one_concern(data)
        expected = 200 if before.status is Status.RESOLVED else 409
        runs = self.runs()
        assert self.ask(before, "reopen", login) == expected
        assert (self.runs() == runs) is (expected != 200)

    @precondition(lambda self: rows(self.app, Concern))
    @rule(login=SOMEBODY, data=st.data())
    def act(self, login: str, data: st.DataObject) -> None:
        before = self.one_concern(data)
        expected = 409 if before.status is Status.RESOLVED else 201
        assert self.ask(before, "recovery-actions", login, remedy="apology") == expected

    @rule(login=SOMEBODY, on=st.booleans(), lead=st.booleans())
    def change_shift(self, login: str, on: bool, lead: bool) -> None:  # noqa: FBT001 drawn by Hypothesis
        by = (self.shop, login)
        body = {"store_id": str(self.shop.store_id), "lead": lead}
        answer = self.app.request(*(("PUT" if on else "DELETE"), "/v1/me/shift"), by, **({"json": body} if on else {}))
        assert answer.status_code in (200, 204), answer.text

    @rule(login=SOMEBODY, minutes=st.sampled_from([1, 5]))
    def pause(self, login: str, minutes: int) -> None:
        self.silence(login, minutes)

    # What phones do.

    @rule(login=SOMEBODY, owner=SOMEBODY, lost=st.booleans())
    def lose_or_hand_over(self, login: str, owner: str, lost: bool) -> None:  # noqa: FBT001 as above
        path = f"/v1/me/devices/installation-{login}"
        if lost:
            self.app.request("DELETE", path, (self.shop, owner))
        else:
            body = {"platform": "ios", "address": login, "address_kind": "fcm_token"}
            assert self.app.request("PUT", path, (self.shop, owner), json=body).status_code == 200

    @precondition(lambda self: rows(self.app, Notification))
    @rule(data=st.data(), event=st.sampled_from(["received", "shown", "opened"]))
    def send_a_receipt(self, data: st.DataObject, event: str) -> None:
        notification = data.draw(st.sampled_from(rows(self.app, Notification)))
        login = next(name for name, id_ in self.shop.staff.items() if id_ == notification.staff_id)
        receipt = {"notification_id": str(notification.id), "event": event, "at": self.app.clock().isoformat()}
        path = "/v1/notifications/receipts"
        answer = self.app.request("POST", path, (self.shop, login), json={"receipts": [receipt]})
        assert answer.json == {"recorded": 1, "unknown": []}

    @rule(result=st.sampled_from(RESULTS))
    def change_what_the_push_service_says(self, result: DeliveryResult) -> None:
        self.channel.result = result

    # What the operator does.

    @rule(policy_steps=st.sampled_from(POLICIES))
    def edit_the_policy(self, policy_steps: tuple[list[PolicyStep], dict[str, int]]) -> None:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            policy = session.get_one(EscalationPolicy, (self.shop.organization_id, self.policy_id))
            policy.edit(session, at=self.app.clock(), steps=policy_steps[0], **policy_steps[1])

    @rule(hours=st.sampled_from(HOURS))
    def edit_the_hours(self, hours: Hours | None) -> None:
        self.set_hours(hours)

    @rule(which=st.sampled_from([0, 1]))
    def start_or_stop_a_worker(self, which: int) -> None:
        self.toggle(which)

    @rule(
        tasks=st.sampled_from(
            [
                (
                    OutboxKind.FIND_RECIPIENTS,
                    OutboxKind.FIND_WITHDRAWALS,
                    OutboxKind.AUTO_RELEASE,
                    OutboxKind.FIND_READERS,
                ),
                tuple(OutboxKind),
            ]
        )
    )
    def a_worker_dies_with_something_in_hand(self, tasks: tuple[OutboxKind, ...]) -> None:
        with self.app.back_office.writing(ALL_TENANTS) as session:
            OutboxMessage.claim(session, tasks, at=self.app.clock(), limit=3)

    # What time does.

    @rule(seconds=st.sampled_from([1, 21, 46, 121, 301, 601]))
    def time_passes(self, seconds: int) -> None:
        self.app.clock.move(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 30, 90, 3600]))
    def the_clock_of_the_host_steps_back(self, seconds: int) -> None:
        self.app.clock.move(seconds=-seconds)

    @precondition(lambda self: any(self.workers))
    @rule(seconds=st.sampled_from([0, 46, 130, 310, 610, 910]))
    def the_workers_work_after_a_while(self, seconds: int) -> None:
        self.app.clock.move(seconds=seconds)
        self.the_workers_work()

    @precondition(lambda self: any(self.workers))
    @rule()
    def the_workers_work(self) -> None:
        self.work()
        self.every_open_alert_has_a_next_step_in_the_future()
        self.no_step_was_skipped_or_taken_twice()

    # What always holds.

    @invariant()
    def one_goes_and_the_alert_knows_who(self) -> None:
        self.figures.steps += 1
        self.every_alert_follows_its_concern()

    @invariant()
    def nobody_is_rung_in_vain(self) -> None:
        assert self.wrong == []

    @invariant()
    def what_is_known_is_never_unlearned(self) -> None:
        self.remember()

    def teardown(self) -> None:
        """Whatever happened, each alert ends in time, and no outbox message is left."""
        self.figures.runs += 1
        self.go_on_until_it_is_over()
        self.close()


@dataclass
class Figures:
    """What came of it."""

    seed: int
    steps: int = 0
    runs: int = 0
    concerns: int = 0
    rings: int = 0
    informed: int = 0
    unanswered: int = 0
    given_back: int = 0
    open_at_the_end: int = 0
    unexpected_errors: int = 0

    def __str__(self) -> str:
        return (
            f"{self.steps} steps in {self.runs} examples: {self.concerns} concerns, {self.rings} rings and "
            f"{self.informed} other messages, {self.unanswered} times nobody came, {self.given_back} released "
            f"automatically, {self.open_at_the_end} without an end, {self.unexpected_errors} unexpected errors, "
            f"seed {self.seed}"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "an alert without an end": self.open_at_the_end > 0,
            "an unexpected error": self.unexpected_errors > 0,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


def run_chaos(app: App, *, examples: int, seed_: int, into: Figures | None = None) -> Figures:
    """Run so many examples. Hypothesis shows a broken invariant as the shortest sequence that breaks it."""
    figures = into or Figures(seed_)

    class InThisWorld(AlertStateMachine):
        pass

    InThisWorld.app, InThisWorld.figures = app, figures
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS_PER_RUN,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with capture_logs() as logged:
        run_state_machine_as_test(seed(seed_)(InThisWorld), settings=chosen)
    figures.unexpected_errors += sum(line["event"] == "unexpected error" for line in logged)
    return figures


def long_run(folder: Path, seed_: int, *, steps: int = 10_000) -> Iterator[Figures]:
    """The long version."""
    url = f"sqlite:///{folder}/model.db"
    migrate(url)
    app, figures = App(url), Figures(seed_)
    while figures.steps < steps:
        run_chaos(app, examples=25, seed_=seed_ + figures.runs, into=figures)
    app.close()
    yield figures


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
