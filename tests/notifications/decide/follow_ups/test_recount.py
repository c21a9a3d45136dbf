"""Random histories of follow-ups, with a worker that is away at times: the daily log equals a recount."""

import os
import sys
from collections import Counter
from datetime import date, timedelta
from functools import partial
from random import Random, SystemRandom

import pytest

from models.alerts.notification import Notification, NotificationKind
from models.concerns.event import ConcernEvent, ConcernStep
from models.recovery.follow_up import PENDING_STATUSES, FollowUp, FollowUpStatus
from tests.support.clock import NOON
from tests.support.oracle.raw_rows import read_raw_rows
from tests.support.oracle.recovery_recount import recount_day
from tests.support.rows import pending_messages, rows
from tests.support.store_scenario import ON_SHIFT, StoreScenario

MOVES = 60
FIGURES = ("follow_ups_due", "follow_ups_kept", "checks", "ask_rate")
SPANS = (1, 30, 60, 29 * 60, 30 * 60, 31 * 60, 3600, 8 * 3600, 24 * 3600)  # seconds


class Life:
    """Follow-ups of one concern, and people who come and go."""

    def __init__(self, scenario: StoreScenario, dice: Random) -> None:
        self.scenario, self.dice, self.done = scenario, dice, Counter[str]()
        self.concern = scenario.log(mood=3)

    def move(self) -> None:
        steps = [partial(self.step, verb) for verb in ("keep", "keep", "cancel", "hand-over")]
        moves = [self.promise, self.promise, self.pass_, self.nap, self.come_or_go, self.check, *steps]
        self.dice.choice(moves)()

    def promise(self) -> None:
        due_at = self.scenario.app.clock() + timedelta(seconds=self.dice.choice(SPANS))
        body = {"what": "A call.", "kind": "call", "due_at": due_at.isoformat()}
        self.ask(f"/v1/concerns/{self.concern['id']}/follow-ups", body)

    def step(self, verb: str) -> None:
        promised = rows(self.scenario.app, FollowUp)
        if promised:
            body = {"keep": {}, "cancel": {"note": "Not needed."}, "hand-over": {"staff_id": self.somebody()}}[verb]
            self.ask(f"/v1/follow-ups/{self.dice.choice(promised).id}/{verb}", body)

    def pass_(self) -> None:
        self.scenario.let_pass(seconds=self.dice.choice(SPANS))

    def nap(self) -> None:
        """No worker is awake meanwhile."""
        self.scenario.app.clock.move(seconds=self.dice.choice(SPANS[:-2]))

    def come_or_go(self) -> None:
        login = self.dice.choice(ON_SHIFT)
        self.dice.choice([self.scenario.check_out, self.scenario.check_in])(login)

    def check(self) -> None:
        body = {"count": self.dice.choice([1, 2]), "store_id": str(self.scenario.shop.store_id)}
        self.ask("/v1/checks", body)

    def somebody(self) -> str:
        return str(self.scenario.shop.staff[self.dice.choice(["floor", "colleague", "lead", "manager"])])

    def ask(self, path: str, body: dict[str, object]) -> None:
        answer = self.scenario.app.request("POST", path, (self.scenario.shop, "floor"), json=body)
        assert answer.status_code in (200, 201, 409), answer.text  # what is over stays over
        self.done[f"{path.rsplit('/', 1)[-1]} {answer.status_code}"] += 1


def agree(scenario: StoreScenario, day: date) -> dict[str, object]:
    """The figures of a day, once they are found to be a recount of its rows."""
    shop = scenario.shop
    path = f"/v1/stores/{shop.store_id}/recovery-logs/{day}"
    log = scenario.app.request("GET", path, (shop, "manager")).json
    with scenario.app.database.reading(shop.organization_id) as session:
        raw = read_raw_rows(session, [shop.store_id])
    assert log["figures"] == recount_day(raw, shop.store_id, day)
    owed = [
        str(row["id"]) for row in raw.follow_ups if row["business_date"] == day and row["status"] in PENDING_STATUSES
    ]
    assert sorted(follow_up["id"] for follow_up in log["needs_you_now"]["follow_ups"]) == sorted(owed)
    return {name: log["figures"][name] for name in FIGURES}


def test_the_daily_log_counts_follow_ups_right_whatever_becomes_of_them(
    scenario: StoreScenario, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or SystemRandom().randrange(10**9))
    with capsys.disabled():
        sys.stdout.write(f" (FUZZ_SEED={seed}) ")
    life = Life(scenario, Random(seed))
    for _ in range(MOVES):
        life.move()
        agree(scenario, scenario.app.clock().date())
    scenario.let_pass(days=2)
    days = [agree(scenario, NOON.date() + timedelta(days=n)) for n in range((scenario.app.clock() - NOON).days + 1)]

    promised = rows(scenario.app, FollowUp)
    assert sum(int(str(day["follow_ups_due"])) for day in days) == sum(
        follow_up.status is not FollowUpStatus.CANCELLED or follow_up.broken_at is not None for follow_up in promised
    )
    assert not [follow_up for follow_up in promised if follow_up.status is FollowUpStatus.OPEN]  # their time has come
    # What is left open is sent tomorrow.
    assert {message.notification_kind for message in pending_messages(scenario.app)} <= {NotificationKind.CARRIED_OVER}
    # The manager was informed of each broken one once.
    broken = [event for event in rows(scenario.app, ConcernEvent) if event.step is ConcernStep.PROMISE_BROKEN]
    notifications = [row for row in rows(scenario.app, Notification) if row.kind is NotificationKind.BROKEN]
    assert len(notifications) == len(broken)
    assert len({event.details["follow_up_id"] for event in broken}) == len(broken)
    assert life.done["follow-ups 201"] == len(promised)
