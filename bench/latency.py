"""Measure the seconds from a logged concern to Firebase, with the real web and worker: `make bench-latency`."""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bench.table import Line, missed_targets, report
from models.alerts.alert import Alert
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from tests.chaos.drivers.chaos_run import fresh_postgresql, percentile
from tests.chaos.drivers.concern_load import at_a_steady_pace, not_rung, open_shop, wait_until_sent
from tests.chaos.drivers.web_processes import running_web
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import slow

FCM_DELAY = 0.15  # seconds that the stand-in takes for each message, as Firebase does
MAX_P50, MAX_P99 = 1.0, 5.0  # seconds from the moment a concern was due to be sent
TIMEOUT = 60.0  # seconds


@dataclass
class Figures:
    """Times of concerns on their way to a phone, in seconds.

    `answered` and `accepted` (by Firebase) count from the moment a POST was due on the schedule, `recipients_found`
    from the start of a step until the worker has found its recipients. `unrung` is the number of alerts not rung.
    """

    per_second: float
    answered: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    recipients_found: list[float] = field(default_factory=list)
    unrung: int = 0

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{len(self.answered)} concerns, {self.per_second:g} per second on a schedule; {self.unrung} not rung",
                *(
                    f"  {name:36} p50 {percentile(values, 0.5) * 1000:5.0f} ms, p99 "
                    f"{percentile(values, 0.99) * 1000:5.0f} ms, longest {max(values) * 1000:5.0f} ms"
                    for name, values in {
                        "the API answered": self.answered,
                        "Firebase accepted it": self.accepted,
                        "the recipients of a step were found": self.recipients_found,
                    }.items()
                ),
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        return [
            Line(
                "a concern until Firebase accepts it, at 20 per second: p50 in s",
                percentile(self.accepted, 0.5),
                maximum=MAX_P50,
            ),
            Line("... p99 in s", percentile(self.accepted, 0.99), maximum=MAX_P99),
        ]

    def missed_targets(self) -> list[str]:
        has_unrung = self.unrung > 0 or len(self.accepted) < len(self.answered)
        return [*(["an alert was not rung"] if has_unrung else []), *missed_targets(self.lines)]


def measure(url: str, folder: Path, *, per_second: float, seconds: float) -> Figures:
    """Log concerns over HTTP at the moments of a schedule, whether earlier ones are answered or not."""
    database = Database(url, DatabaseRole.WORKER)
    shop, figures = open_shop(database), Figures(per_second)
    with FcmStandIn(folder) as fcm, running_workers(url, fcm), running_web(url, folder) as web:
        fcm.answer = slow(FCM_DELAY)

        def log_concern(_number: int, due: float) -> tuple[str, float]:
            body = {"mood": 2, "store_id": str(shop.store_id)}
            answer = web.request("POST", "/v1/concerns", shop.tokens["floor"], json=body)
            figures.answered.append(time.monotonic() - due)
            return str(answer.json()["alert"]["id"]), due

        count = int(per_second * seconds)
        due_at = dict(at_a_steady_pace(log_concern, per_second=per_second, ended=lambda number: number == count))
        wait_until_sent(database, TIMEOUT)
        posts = fcm.accepted
    figures.accepted = [post.at + FCM_DELAY - due_at[post.message["data"]["alert_id"]] for post in posts]
    with database.reading(ALL_TENANTS) as session:
        alerts = session.scalars(select(Alert)).unique().all()
        figures.recipients_found = [
            (alert.recipients_found_at - alert.run_started_at).total_seconds()
            for alert in alerts
            if alert.recipients_found_at
        ]
    figures.unrung = not_rung(database)
    database.close()
    return figures


def run_bench() -> Iterator[Figures]:
    """Run the benchmark for a minute."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        yield measure(url, Path(folder), per_second=20, seconds=60)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
