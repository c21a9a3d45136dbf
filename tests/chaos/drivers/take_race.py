"""Fifty people take each alert at the same moment, while their phones still ring: `make chaos-takes`."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import requests
from sqlalchemy import select

from models.access import Role
from models.alerts.alert import Alert
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from models.policy_defaults import LONGEST_SHIFT
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import AddressKind
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from tests.chaos.drivers.chaos_run import fresh_postgresql, run_from_command_line
from tests.chaos.drivers.concern_load import wait_until_sent
from tests.chaos.drivers.web_processes import Web, running_web
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.factories.organizations import Shop, make_shop, password_hash
from tests.support.factories.staff import give_phone
from tests.support.fakes.fcm import FcmStandIn, Post
from tests.support.threads import at_once

PHONES = 8  # of those who tap: only these are on shift
HEAD_START = 0.4  # seconds, at most, that the worker has before the taps
SILENT_AFTER = 2.0  # seconds after a take until no push for it may be accepted any more
PATIENCE = 60.0  # seconds


@dataclass
class Figures:
    """Figures of the run. `latest` is the longest time from the answer to the winner to a push that was accepted."""

    taps: int
    alerts: int
    won: Counter[int] = field(default_factory=Counter)  # how many alerts had so many winners
    told_who: int = 0
    refused_otherwise: int = 0
    rings: int = 0
    after_the_take: int = 0
    latest: float = 0.0
    still_shown: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        winners = ", ".join(f"{count} alerts with {won}" for won, count in sorted(self.won.items()))
        return (
            f"{self.taps} taps on each of {self.alerts} alerts in {self.seconds:.0f} s: winners: {winners}; "
            f"{self.told_who} losers learned who, {self.refused_otherwise} did not; {self.rings} pushes, "
            f"{self.after_the_take} of them after the take, at most {self.latest:.2f} s; "
            f"{self.still_shown} never taken off a phone"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "an alert without exactly one winner": self.won.keys() != {1},
            "a loser did not learn who goes": self.refused_otherwise > 0,
            f"a push more than {SILENT_AFTER:.0f} s after the take": self.latest > SILENT_AFTER,
            "a phone still shows what somebody took": self.still_shown > 0,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


def run_chaos(url: str, folder: Path, *, taps: int, alerts: int, seed: int) -> Figures:
    """Log one concern after the other, let it ring for a moment, and let everybody take it at once."""
    rng = random.Random(seed)
    database = Database(url, DatabaseRole.WORKER)
    shop = make_shop(database, at=database.clock())
    logins = [_hire(database, shop, number) for number in range(taps)]
    figures, taken_at = Figures(taps, alerts), dict[str, float]()
    with FcmStandIn(folder) as fcm, running_workers(url, fcm), running_web(url, folder) as web:
        begun = time.monotonic()
        for _ in range(alerts):
            body = {"mood": 2, "store_id": str(shop.store_id)}
            concern = web.request("POST", "/v1/concerns", shop.tokens["floor"], json=body).json()
            time.sleep(rng.uniform(0, HEAD_START))
            answers = at_once([partial(_tap, web, concern["id"], shop.tokens[login]) for login in logins])
            taken_at[concern["alert"]["id"]] = _judge(figures, answers)
        figures.seconds = time.monotonic() - begun
        wait_until_sent(database, PATIENCE)
        posts = fcm.accepted
    _look_at_phones(figures, posts, taken_at)
    with database.reading(ALL_TENANTS) as session:
        assert all(alert.taken_by_id for alert in session.scalars(select(Alert)).unique())
    database.close()
    return figures


def _tap(web: Web, concern_id: str, token: str) -> tuple[requests.Response, float]:
    """Take the concern; return the answer and its time."""
    answer = web.request("POST", f"/v1/concerns/{concern_id}/take", token)
    return answer, time.monotonic()


def _judge(figures: Figures, answers: list[tuple[requests.Response, float]]) -> float:
    """Count winners and losers of one alert; return the time of the winner's answer."""
    winners = [(answer.json()["taken_by"], at) for answer, at in answers if answer.status_code == 200]
    figures.won[len(winners)] += 1
    going, at = winners[0] if winners else (None, time.monotonic())
    for answer, _ in answers:
        if answer.status_code != 200:
            problem = answer.json()
            knows = answer.status_code == 409 and problem["code"] == "already-taken" and problem["taken_by"] == going
            figures.told_who += knows
            figures.refused_otherwise += not knows
    return at


def _look_at_phones(figures: Figures, posts: list[Post], taken_at: dict[str, float]) -> None:
    """Check each phone: a ring before or soon after the take, then a withdrawal."""
    shown = set()
    for post in posts:
        data = post.message["data"]
        if data["type"] == "alert.ring":
            late = post.at - taken_at[data["alert_id"]]
            figures.rings += 1
            figures.after_the_take += late > 0
            figures.latest = max(figures.latest, late)
            shown.add((data["alert_id"], post.address))
        else:
            shown.discard((data["alert_id"], post.address))
    figures.still_shown = len(shown)


def _hire(database: Database, shop: Shop, number: int) -> str:
    """Add one of the floor staff; the first few are on shift with a phone. Return the login."""
    login, at = f"tapper-{number}", database.clock()
    with database.writing(shop.organization_id) as session:
        staff = Staff(login=login, name=f"Tapper {number}", role=Role.FLOOR, password_hash=password_hash())
        session.add(staff)
        session.flush()
        session.add(StaffStore(staff_id=staff.id, store_id=shop.store_id))
        if number < PHONES:
            session.add(Shift(staff_id=staff.id, store_id=shop.store_id, started_at=at, ends_at=at + LONGEST_SHIFT))
        _, token = StaffSession.open(session, staff=staff, at=at)
    shop.staff[login], shop.tokens[login] = staff.id, token.text
    if number < PHONES:
        give_phone(database, shop, login, f"phone-{number}", kind=AddressKind.FCM_TOKEN, at=at)
    return login


def long_run(folder: Path, seed: int) -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        yield run_chaos(url, folder, taps=50, alerts=200, seed=seed)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
