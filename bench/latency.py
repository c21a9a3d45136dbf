"""How long from a logged concern to Firebase, with the real web and worker: `make bench-latency`."""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bench.table import Line, broken
from models.alerts.alert import Alert
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from tests.chaos.drivers.chaos_run import fresh_postgresql, percentile, report
from tests.chaos.drivers.concern_load import at_a_steady_pace, not_rung, open_shop, wait_until_sent
from tests.chaos.drivers.web_processes import running_web
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import slow

ANSWERS_AFTER = 0.15  # seconds that the stand-in takes for each message, as Firebase does
MEDIAN, P99 = 1.0, 5.0  # seconds from the moment a concern was due to be sent
PATIENCE = 60.0


@dataclass
class Figures:
    """What came of it, in seconds.

    `answered` and `accepted` (by Firebase) count from the moment a POST was due on the schedule, `lateness` from the
    start of a step to when the worker found out whom it reaches.
    """

    per_second: float
    answered: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    unrung: int = 0

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{len(self.answered)} concerns, {self.per_second:g} a second on a schedule; {self.unrung} not rung",
                *(
                    f"  {name:34} p50 {percentile(values, 0.5) * 1000:5.0f} ms, p99 "
                    f"{percentile(values, 0.99) * 1000:5.0f} ms, longest {max(values) * 1000:5.0f} ms"
                    for name, values in {
                        "POST answered": self.answered,
                        "accepted by Firebase": self.accepted,
                        "a step found whom it reaches": self.lateness,
                    }.items()
                ),
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """The rows of the table."""
        return [
            Line(
                "a concern until Firebase accepts it, at 20 a second: p50 in s",
                percentile(self.accepted, 0.5),
                most=MEDIAN,
            ),
            Line("... p99 in s", percentile(self.accepted, 0.99), most=P99),
        ]

    def broken(self) -> list[str]:
        unrung = self.unrung > 0 or len(self.accepted) < len(self.answered)
        return [*(["an alert was not rung"] if unrung else []), *broken(self.lines)]


def measure(url: str, folder: Path, *, per_second: float, seconds: float) -> Figures:
    """Log concerns over HTTP at the moments of a schedule, whatever became of those before."""
    database = Database(url, DatabaseRole.WORKER)
    shop, figures = open_shop(database), Figures(per_second)
    with FcmStandIn(folder) as fcm, running_workers(url, fcm), running_web(url, folder) as web:
        fcm.answer = slow(ANSWERS_AFTER)

        def log(_number: int, due: float) -> tuple[str, float]:
            body = {"mood": 2, "store_id": str(shop.store_id)}
            answer = web.request("POST", "/v1/concerns", shop.tokens["floor"], json=body)
            figures.answered.append(time.monotonic() - due)
            return str(answer.json()["alert"]["id"]), due

        count = int(per_second * seconds)
        due_at = dict(at_a_steady_pace(log, per_second=per_second, ended=lambda number: number == count))
        wait_until_sent(database, PATIENCE)
        posts = fcm.accepted
    figures.accepted = [post.at + ANSWERS_AFTER - due_at[post.message["data"]["alert_id"]] for post in posts]
    with database.reading(ALL_TENANTS) as session:
        alerts = session.scalars(select(Alert)).unique().all()
        figures.lateness = [
            (alert.recipients_found_at - alert.run_started_at).total_seconds()
            for alert in alerts
            if alert.recipients_found_at
        ]
    figures.unrung = not_rung(database)
    database.close()
    return figures


def measured() -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        yield measure(url, Path(folder), per_second=20, seconds=60)


if __name__ == "__main__":
    sys.exit(report(measured()))
