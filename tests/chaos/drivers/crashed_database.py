"""PostgreSQL crashes repeatedly under load, and recovers each time: `make chaos-postgres`."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests
from sqlalchemy import func, select

from models.concerns.concern import Concern
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from tests.chaos.drivers.chaos_run import fresh_postgresql, run_from_command_line
from tests.chaos.drivers.concern_load import at_a_steady_pace, not_rung, open_shop, wait_until_sent
from tests.chaos.drivers.web_processes import Web, running_web
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.factories.organizations import Shop
from tests.support.fakes.fcm import FcmStandIn
from tests.support.postgres import Server

PER_SECOND = 20  # concerns; every third of them is followed by a look at the list
BETWEEN = 3.0  # seconds of normal operation before a crash
AWAY = (0.2, 3.0)  # seconds without a database, drawn for each crash
BACK_WITHIN = 10.0  # seconds from the database's return to the first 2xx
PATIENCE = 120.0  # seconds until what was in hand at a crash must have been sent
UNANSWERED = 0  # stands for a status where there was none


@dataclass
class Figures:
    """Figures of the run. `recoveries` are the seconds from the database's return to the first 2xx, one per crash."""

    crashes: int
    answers: Counter[int] = field(default_factory=Counter)
    impatient: int = 0  # 503 without Retry-After
    slowest: float = 0.0
    recoveries: list[float] = field(default_factory=list)
    concerns: int = 0
    missing: int = 0
    doubled: int = 0
    unrung: int = 0
    second_pushes: int = 0
    workers_lived: bool = False
    drained_in: float = 0.0

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(self.answers.items()))
        return (
            f"{self.crashes} crashes of PostgreSQL: answers {statuses}; the slowest after {self.slowest:.1f} s; "
            f"first 2xx at most {max(self.recoveries):.1f} s after its return; {self.concerns} concerns, "
            f"{self.missing} missing, {self.doubled} doubled, {self.unrung} not rung, {self.second_pushes} pushed a "
            f"second time under the same id; all sent {self.drained_in:.1f} s after the end"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "an answer other than 2xx and 503": not self.answers.keys() <= {200, 201, 503},
            "a 503 without Retry-After": self.impatient > 0,
            f"no 2xx within {BACK_WITHIN:.0f} s of the return": max(self.recoveries) > BACK_WITHIN,
            "what was answered 2xx is not there exactly once": self.missing + self.doubled > 0,
            "an alert was not rung": self.unrung > 0,
            "a worker did not live through it": not self.workers_lived,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


class Phones:
    """The floor's phones: each sends its concern until it is taken, as Retry-After says."""

    def __init__(self, web: Web, shop: Shop, figures: Figures) -> None:
        self._web, self._shop, self._figures = web, shop, figures
        self._noting = threading.Lock()
        self.well_at = 0.0  # when the last 2xx was answered

    def log(self, number: int, due: float) -> str:
        """Log one concern; return the words that identify it."""
        words = f"This is complaint number {number}."
        body = {"mood": 2, "store_id": str(self._shop.store_id), "their_words": words}
        key = {"Idempotency-Key": f"complaint-{number}"}
        while not self._asks("POST", "/v1/concerns", json=body, headers=key) and time.monotonic() < due + PATIENCE:
            time.sleep(1.0)
        if number % 3 == 0:
            self._asks("GET", "/v1/concerns?limit=5")
        return words

    def _asks(self, method: str, path: str, **options: object) -> bool:
        begun = time.monotonic()
        try:
            answer = self._web.request(method, path, self._shop.tokens["floor"], **options)
            status, has_retry_after = answer.status_code, "Retry-After" in answer.headers
        except requests.RequestException:
            status, has_retry_after = UNANSWERED, False
        with self._noting:
            self._figures.answers[status] += 1
            self._figures.impatient += status == 503 and not has_retry_after
            self._figures.slowest = max(self._figures.slowest, time.monotonic() - begun)
            if status in (200, 201):
                self.well_at = time.monotonic()
        return status in (200, 201)


def run_chaos(server: Server, url: str, folder: Path, *, crashes: int, seed: int) -> Figures:
    """Log concerns at a steady pace over HTTP, and crash the database meanwhile."""
    rng = random.Random(seed)
    database = Database(url, DatabaseRole.WORKER)
    shop = open_shop(database)
    figures, over = Figures(crashes), threading.Event()
    with (
        FcmStandIn(folder) as fcm,
        running_workers(url, fcm) as workers,
        running_web(url, folder) as web,
    ):
        phones = Phones(web, shop, figures)
        crasher = threading.Thread(target=_crash, args=(server, phones, figures, rng, over))
        crasher.start()
        words = at_a_steady_pace(phones.log, per_second=PER_SECOND, ended=lambda _: over.is_set())
        crasher.join()
        figures.drained_in = wait_until_sent(database, PATIENCE)
        figures.workers_lived = workers.alive()
        pushes = Counter(post.notification_id for post in fcm.accepted)
    with database.reading(ALL_TENANTS) as session:
        counted = select(Concern.their_words, func.count()).group_by(Concern.their_words)
        counts = dict(session.execute(counted).all())
    figures.unrung = not_rung(database)
    database.close()
    figures.concerns = len(words)
    figures.missing = len(set(words) - counts.keys())
    figures.doubled = sum(count > 1 for count in counts.values())
    figures.second_pushes = pushes.total() - len(pushes)
    return figures


def _crash(server: Server, phones: Phones, figures: Figures, rng: random.Random, over: threading.Event) -> None:
    try:
        for _ in range(figures.crashes):
            over.wait(BETWEEN)
            server.crash()
            over.wait(rng.uniform(*AWAY))
            server.start()
            back_at = time.monotonic()
            while phones.well_at < back_at and time.monotonic() < back_at + PATIENCE:
                over.wait(0.02)
            figures.recoveries.append(max(phones.well_at, back_at) - back_at)
    finally:
        over.set()


def long_run(folder: Path, seed: int) -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (server, url):
        yield run_chaos(server, url, folder, crashes=10, seed=seed)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
