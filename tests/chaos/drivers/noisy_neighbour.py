"""One organization floods the outbox; the phones of another ring as if it were not there: `make chaos-neighbour`."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self

from sqlalchemy import func, select

from models.db.session import ALL_TENANTS, Database, DatabaseRole
from models.outbox.message import OutboxMessage
from models.staff.device import AddressKind
from tests.chaos.drivers.chaos_run import fresh_postgresql, percentile, run_from_command_line
from tests.chaos.drivers.concern_load import at_a_steady_pace, log_unhappy
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import check_in, give_phone, hire
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import slow

PEOPLE, PHONES = 10, 10  # of the noisy organization, and of each of its people
QUIET_PHONE = "quiet-phone"
ANSWERS_AFTER = 0.15  # seconds
PER_SECOND = 2  # concerns of the quiet organization
LONGEST = 2.0  # seconds from a concern of the quiet organization until its push is accepted, at p99
PATIENCE = 120.0


@dataclass(frozen=True)
class Figures:
    """Figures of the run.

    `waiting` are the messages of the noisy organization that waited when the quiet one began, and when it ended.
    `alone` and `beside` are the seconds from a concern of the quiet one until Firebase accepted its push: while nobody
    else did anything, and beside the noisy one.
    """

    noisy_concerns: int
    waiting: tuple[int, int]
    calls: int
    alone: list[float]
    beside: list[float]

    @property
    def unrung(self) -> int:
        return self.calls - len(self.alone) - len(self.beside)

    def __str__(self) -> str:
        shown = "; ".join(
            f"{name} p50 {percentile(seconds, 0.5):.2f} s, p99 {percentile(seconds, 0.99):.2f} s,"
            f" longest {max(seconds):.2f} s"
            for name, seconds in (("alone", self.alone), ("beside it", self.beside))
        )
        return (
            f"{self.noisy_concerns} concerns on {PEOPLE * PHONES} phones of one organization, of whose messages"
            f" {self.waiting[0]} waited at first and {self.waiting[1]} at last, answers after"
            f" {ANSWERS_AFTER * 1000:.0f} ms; {self.calls} calls of another one until Firebase accepted them: {shown};"
            f" {self.unrung} not accepted within {PATIENCE:.0f} s"
        )

    def broken(self) -> list[str]:
        waited = percentile(self.beside, 0.99)
        guarantees = {
            "a call of the quiet organization was not rung": self.unrung > 0,
            f"the quiet organization waited for more than {LONGEST:.0f} s at p99": waited > LONGEST,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


class Flood:
    """Concerns of the noisy organization, as many as it takes for `backlog` of its messages to wait."""

    def __init__(self, database: Database, backlog: int) -> None:
        self._database, self._backlog = database, backlog
        self._shop = _open_noisy(database)
        self._stopping, self._thread = Event(), Thread(target=self._go_on, name="flood")
        self.high, self.concerns = Event(), 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def waiting(self) -> int:
        """Count the deliveries that are not done, and those that wait to be decided on."""
        mine = (OutboxMessage.organization_id == self._shop.organization_id, OutboxMessage.done_at.is_(None))
        with self._database.reading(ALL_TENANTS) as session:
            kinds = session.execute(select(OutboxMessage.kind, func.count()).where(*mine).group_by(OutboxMessage.kind))
            return sum(count * (PEOPLE * PHONES if kind == "find_recipients" else 1) for kind, count in kinds)

    def _go_on(self) -> None:
        while not self._stopping.is_set():
            if self.waiting() < self._backlog:
                log_unhappy(self._database, self._shop)
                self.concerns += 1
            else:
                self.high.set()
                self._stopping.wait(0.1)


def run_chaos(url: str, folder: Path, *, backlog: int, calls: int) -> Figures:
    """Let the quiet organization call alone, then beside a noisy one that keeps so many messages waiting."""
    database = Database(url, DatabaseRole.WORKER)
    quiet = make_shop(database, "quiet", at=database.clock())
    give_phone(database, quiet, "manager", QUIET_PHONE, kind=AddressKind.FCM_TOKEN, at=database.clock())
    with FcmStandIn(folder) as fcm, running_workers(url, fcm):
        fcm.answer = slow(ANSWERS_AFTER)
        alone = _call(database, quiet, fcm, calls)
        with Flood(database, backlog) as flood:
            if not flood.high.wait(PATIENCE):
                raise TimeoutError(f"{flood.waiting()} messages wait after {PATIENCE} s, not {backlog}")
            at_first = flood.waiting()
            beside = _call(database, quiet, fcm, calls)
            at_last = flood.waiting()
    database.close()
    return Figures(flood.concerns, (at_first, at_last), 2 * calls, alone, beside)


def _call(database: Database, shop: Shop, fcm: FcmStandIn, calls: int) -> list[float]:
    """Log concerns at a steady pace; return the seconds until the push of each was accepted, of those that were."""

    def log(_number: int, due: float) -> tuple[str, float]:
        return str(log_unhappy(database, shop)), due

    due_at = dict(at_a_steady_pace(log, per_second=PER_SECOND, ended=lambda number: number == calls))
    ends_at = time.monotonic() + PATIENCE
    accepted: dict[str, float] = {}
    while len(accepted) < calls and time.monotonic() < ends_at:
        time.sleep(0.1)
        posts = [post for post in fcm.accepted if post.address == QUIET_PHONE]
        accepted = {post.message["data"]["concern_id"]: post.at + ANSWERS_AFTER for post in posts}
        accepted = {concern: at for concern, at in accepted.items() if concern in due_at}
    return [accepted[concern] - due for concern, due in due_at.items() if concern in accepted]


def _open_noisy(database: Database) -> Shop:
    """Make an organization with ten people on shift, each with ten phones."""
    at = database.clock()
    shop = make_shop(database, "noisy", at=at, on_shift=())
    people = [f"person-{number}" for number in range(PEOPLE)]
    for person in people:
        hire(database, shop, person, at=at)
        for number in range(PHONES):
            give_phone(database, shop, person, f"{person}-phone-{number}", kind=AddressKind.FCM_TOKEN, at=at)
    check_in(database, shop, *people, at=at)
    return shop


def long_run(folder: Path, _seed: int) -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        yield run_chaos(url, folder, backlog=3000, calls=120)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
