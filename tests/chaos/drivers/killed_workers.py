"""Workers are killed repeatedly while they send, and every notification is delivered all the same: `make chaos`."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from models.alerts.notification import Notification
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from models.outbox.message import OutboxKind, OutboxMessage
from tests.chaos.drivers.chaos_run import fresh_postgresql, run_from_command_line, sleep_until
from tests.chaos.drivers.concern_load import log_unhappy, open_shop, wait_until_sent
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.fakes.fcm import FcmStandIn

PER_SECOND = 25  # unhappy customers, each on one phone: a large chain on a bad day
AT_WORK = 2  # so that there is always one that has started
PATIENCE = 60.0  # seconds until what a killed worker had claimed must have been sent


@dataclass(frozen=True)
class Figures:
    """Figures of the run.

    `in_hand` are the messages that were claimed and not recorded at a kill, `duplicates` those that a phone got
    although it had the notification already: of those in hand, the ones that had been sent.
    """

    seed: int
    kills: int
    in_hand: int
    notifications: int
    lost: int
    duplicates: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.in_hand} messages in hand, over {self.notifications} notifications "
            f"in {self.seconds:.1f} s: {self.lost} lost, "
            f"{self.duplicates} duplicates ({self.duplicates / self.kills:.2f} per kill), seed {self.seed}"
        )

    def broken(self) -> list[str]:
        lost = ["a notification was lost"] if self.lost else []
        return lost + (["more than half a duplicate per kill"] if self.duplicates > self.kills / 2 else [])


def run_chaos(url: str, folder: Path, *, kills: int, notifications: int, seed: int) -> Figures:
    """Log a concern for each notification at a steady pace, and kill a worker at random moments meanwhile."""
    rng = random.Random(seed)
    database = Database(url, DatabaseRole.WORKER)
    shop = open_shop(database)
    in_hand: set[UUID] = set()
    # The first and last few are left in peace, so that there is something to send at each kill.
    moments = sorted(rng.uniform(5, notifications - 5) for _ in range(kills))
    with FcmStandIn(folder) as fcm, running_workers(url, fcm, at_work=AT_WORK) as workers:
        begun = time.monotonic()
        for number in range(notifications):
            log_unhappy(database, shop)
            while moments and moments[0] < number + 1:
                sleep_until(begun + moments.pop(0) / PER_SECOND)
                workers.kill()
                in_hand |= _in_hand(database)
            sleep_until(begun + (number + 1) / PER_SECOND)
        wait_until_sent(database, PATIENCE)
        seconds = time.monotonic() - begun
        pushes = Counter(UUID(post.notification_id) for post in fcm.accepted)
    with database.reading(ALL_TENANTS) as session:
        ids = set(session.scalars(select(Notification.id)))
    database.close()
    assert len(ids) == notifications
    assert pushes.keys() <= ids
    return Figures(
        seed=seed,
        kills=kills,
        in_hand=len(in_hand),
        notifications=notifications,
        lost=len(ids - pushes.keys()),
        duplicates=pushes.total() - len(pushes),
        seconds=seconds,
    )


def _in_hand(database: Database) -> set[UUID]:
    """Return the current leases on messages."""
    with database.reading(ALL_TENANTS) as session:
        stmt = select(OutboxMessage.lease_id).where(
            OutboxMessage.kind == OutboxKind.DELIVER_RING, OutboxMessage.lease_id.is_not(None)
        )
        return {lease for lease in session.scalars(stmt) if lease}


def long_run(folder: Path, seed: int) -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        yield run_chaos(url, folder, kills=100, notifications=3000, seed=seed)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
