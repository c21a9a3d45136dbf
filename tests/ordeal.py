"""An ordeal for the worker: killed again and again while it sends, and everybody has to be told all the same.

By hand: `python -m tests.ordeal --kills 100 --notifications 3000 --seed 7` on a PostgreSQL it starts by itself.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from models.access import GRANTS, Actor, Role
from models.base import system_clock
from models.device import AddressKind
from models.intake import take_in
from models.notification import Notification, NotificationState
from models.outbox import Outgoing, Task
from models.session import EVERYTHING, Database, DatabaseRole
from notifications.announce import announce
from tests.databases import ROOT, migrate
from tests.factories import Shop, give_phone, make_shop
from tests.fcm import FcmStandIn
from tests.postgres import running_server

PER_SECOND = 25  # unhappy customers, each on one phone: a large chain on a bad evening
AT_WORK = 2  # so that there is always one that has started
PATIENCE = 60.0  # seconds until what a killed worker held must have been sent
NURSERY = ROOT / "tests" / "chaos" / "short_lease.py"


@dataclass(frozen=True)
class Figures:
    """What came of it.

    `in_hand` are the letters that were claimed and not recorded at a kill, `duplicates` the messages that a phone got
    although it had the notification already: of those in hand, the ones that had left the house.
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
            f"{self.kills} kills, {self.in_hand} letters in hand, over {self.notifications} notifications "
            f"in {self.seconds:.1f} s: {self.lost} lost, "
            f"{self.duplicates} duplicates ({self.duplicates / self.kills:.2f} per kill), seed {self.seed}"
        )


class Crew:
    """The workers at work. One that is killed is replaced at once; the oldest goes first, for it is surely ready."""

    def __init__(self, nursery: subprocess.Popen[str]) -> None:
        self._nursery = nursery
        self._pids = deque(self._start() for _ in range(AT_WORK))

    def kill(self) -> None:
        os.kill(self._pids.popleft(), signal.SIGKILL)
        self._pids.append(self._start())

    def stop(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)

    def _start(self) -> int:
        assert self._nursery.stdin
        assert self._nursery.stdout
        self._nursery.stdin.write("one more\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())


@contextmanager
def crew_for(url: str, fcm: FcmStandIn) -> Iterator[Crew]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url,
        "SECRET_KEY": "a secret of the tests",
        "GOOGLE_APPLICATION_CREDENTIALS": str(fcm.credentials),
        "FCM_ENDPOINT": fcm.url,
    }
    command = [sys.executable, str(NURSERY)]
    with (
        (fcm.credentials.parent / "workers.log").open("w") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as nursery,
    ):
        crew = Crew(nursery)
        try:
            yield crew
        finally:
            crew.stop()
            nursery.kill()


def undergo(url: str, folder: Path, *, kills: int, notifications: int, seed: int) -> Figures:
    """Log a concern for each notification at an even pace, and kill a worker at random moments meanwhile."""
    chance = random.Random(seed)
    database = Database(url, DatabaseRole.WORKER)
    shop = make_shop(database, at=system_clock())
    give_phone(database, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN, at=system_clock())
    in_hand: set[UUID] = set()
    # The first and last few are left in peace, so that there is something to send at each kill.
    moments = sorted(chance.uniform(5, notifications - 5) for _ in range(kills))
    with FcmStandIn(folder) as fcm, crew_for(url, fcm) as crew:
        begun = time.monotonic()
        for number in range(notifications):
            _log(database, shop)
            while moments and moments[0] < number + 1:
                _sleep_until(begun + moments.pop(0) / PER_SECOND)
                crew.kill()
                in_hand |= _in_hand(database)
            _sleep_until(begun + (number + 1) / PER_SECOND)
        _wait_until_told(database, notifications)
        seconds = time.monotonic() - begun
        told = Counter(UUID(post.notification_id) for post in fcm.accepted)
    with database.reading(EVERYTHING) as session:
        ids = set(session.scalars(select(Notification.id)))
        undone = session.scalars(select(func.count()).where(Outgoing.done_at.is_(None))).one()
    database.close()
    assert len(ids) == notifications
    assert told.keys() <= ids
    assert undone == 0
    return Figures(
        seed=seed,
        kills=kills,
        in_hand=len(in_hand),
        notifications=notifications,
        lost=len(ids - told.keys()),
        duplicates=told.total() - len(told),
        seconds=seconds,
    )


def _in_hand(database: Database) -> set[UUID]:
    """The leases on letters at this moment."""
    with database.reading(EVERYTHING) as session:
        held = select(Outgoing.lease_id).where(Outgoing.task == Task.RING, Outgoing.lease_id.is_not(None))
        return {lease for lease in session.scalars(held) if lease}


def _log(database: Database, shop: Shop) -> None:
    """What POST /v1/concerns does."""
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    with database.writing(shop.organization_id) as session:
        told = {"mood": 2, "store_id": shop.store_id}
        announce(session, take_in(session, told, by=by, at=system_clock()))


def _wait_until_told(database: Database, notifications: int) -> None:
    ends_at = time.monotonic() + PATIENCE
    told = select(func.count()).where(Notification.state == NotificationState.ACCEPTED)
    while time.monotonic() < ends_at:
        with database.reading(EVERYTHING) as session:
            if session.scalars(told).one() == notifications:
                return
        time.sleep(0.1)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def main() -> int:
    """The long version; answers 1 when somebody was not told, or told twice too often."""
    parser = argparse.ArgumentParser(prog="python -m tests.ordeal", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--notifications", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        url = server.create_database("ordeal")
        migrate(url)
        print(f"seed {args.seed}, {args.notifications / PER_SECOND:.0f} s ...", flush=True)  # noqa: T201 its answer
        figures = undergo(url, Path(folder), kills=args.kills, notifications=args.notifications, seed=args.seed)
    print(figures)  # noqa: T201 its answer
    return 0 if not figures.lost and figures.duplicates <= figures.kills / 2 else 1


if __name__ == "__main__":
    sys.exit(main())
