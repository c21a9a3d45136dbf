"""A backlog of a thousand messages is sent when Firebase comes back."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from models.db.session import Database, DatabaseRole
from tests.chaos.drivers.concern_load import log_unhappy, not_rung, open_shop, wait_until_sent
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn

LONGEST = 60.0  # seconds from Firebase's return until all are sent
PATIENCE = 3 * LONGEST
SETTLE = 20.0  # seconds without Firebase after the last concern, so that the pauses have grown


@dataclass(frozen=True)
class Figures:
    """Figures of the run."""

    backlog: int
    attempts: int
    drained_in: float
    unrung: int
    second_pushes: int

    def __str__(self) -> str:
        return (
            f"a backlog of {self.backlog}, tried in vain {self.attempts} times, was sent within "
            f"{self.drained_in:.1f} s of Firebase's return by one worker; {self.unrung} not sent, "
            f"{self.second_pushes} sent twice"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "an alert was never rung": self.unrung > 0,
            f"the backlog took longer than {LONGEST:.0f} s": self.drained_in > LONGEST,
            "a notification was sent twice": self.second_pushes > 0,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


def run_chaos(url: str, folder: Path, *, backlog: int) -> Figures:
    """Run one real worker, and a Firebase that answers 503 until everything is logged."""
    database = Database(url, DatabaseRole.WORKER)
    shop = open_shop(database)
    with FcmStandIn(folder) as fcm, running_workers(url, fcm):
        fcm.answer = fcm_answers.unavailable()
        for _ in range(backlog):
            log_unhappy(database, shop)
        time.sleep(SETTLE)
        attempts = len(fcm.posts)
        fcm.answer = fcm_answers.ok()
        drained_in = wait_until_sent(database, PATIENCE)
        pushes = Counter(post.notification_id for post in fcm.accepted)
    unrung = not_rung(database)
    database.close()
    return Figures(backlog, attempts, drained_in, unrung, pushes.total() - len(pushes))
