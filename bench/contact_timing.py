"""Try 10,000 contacts beyond the budget, of which the time must not tell whose they are: `make bench-contacts`."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import sqlalchemy as sa
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from api.web.rate_limits import make_rate_limiter
from bench.table import Line, missed_targets, report
from models.policy_defaults import MAX_CONTACTS_OF_PERSON
from tests.chaos.drivers.chaos_run import fresh_postgresql
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.organizations import Shop, make_shop

CONTACTS, CUSTOMERS, WARM_UP = 10_000, 50, 20
MAX_DIFFERENCE = 0.1

Request = Callable[[str], TestResponse]


@dataclass
class Figures:
    """Seconds of each request that named a contact, by whether it is somebody's, and the answers but for their ids."""

    door: str
    database: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"hit": [], "miss": []})
    answers: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: {"hit": set(), "miss": set()})

    @property
    def medians(self) -> dict[str, float]:
        return {kind: median(values) for kind, values in self.seconds.items()}

    @property
    def difference(self) -> float:
        return max(self.medians.values()) / min(self.medians.values()) - 1

    def __str__(self) -> str:
        medians = ", ".join(f"{kind} {value * 1000:.2f} ms" for kind, value in self.medians.items())
        same = "the same" if self.answers["hit"] == self.answers["miss"] else f"DIFFERENT: {self.answers}"
        return f"{self.door}, {self.database}: medians of {len(self.seconds['hit'])}: {medians}; answers {same}"

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        different = len(self.answers["hit"] ^ self.answers["miss"])
        return [
            Line(
                f"{self.door}, {self.database}: hit relative to miss, less 1", self.difference, maximum=MAX_DIFFERENCE
            ),
            Line(f"{self.door}, {self.database}: statuses and sizes of one kind only", different, maximum=0),
        ]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


def measure(url: str) -> Iterator[Figures]:
    """Ask with known and unknown contacts in random order, with nothing left of the budget."""
    database = sa.make_url(url).get_backend_name()
    with capture_logs(), closing(App(url)) as app:  # printing log events is not what is measured
        shop = make_shop(app.back_office)
        known = []
        for number in range(CUSTOMERS):
            app.forget_hits()
            known.append(f"+3519123456{number:02}")
            assert _ask(app, shop, "/v1/customers", "elsewhere", phone=known[-1]).status_code == 201
        own = _ask(app, shop, "/v1/customers", name="Ana").json["id"]
        app.limiter = make_rate_limiter("database", url)
        for _ in range(MAX_CONTACTS_OF_PERSON):
            assert _ask(app, shop, "/v1/customers/search", phone=known[0]).status_code == 200
        doors: dict[str, Request] = {
            "search": lambda phone: _ask(app, shop, "/v1/customers/search", phone=phone),
            "new customer": lambda phone: _ask(app, shop, "/v1/customers", phone=phone),
            "changed customer": lambda phone: _ask(app, shop, f"/v1/customers/{own}", method="PATCH", phone=phone),
            "concern": lambda phone: _ask(app, shop, "/v1/concerns", mood=3, customer={"phone": phone}),
        }
        for door, request in doors.items():
            yield _measure_door(Figures(door, database), request, known, CONTACTS // len(doors))
        app.limiter.counter.close()  # type: ignore[attr-defined]


def _ask(app: App, shop: Shop, path: str, by: str = "floor", *, method: str = "POST", **body: Any) -> TestResponse:
    headers = {"If-Match": "*"} if method == "PATCH" else {}
    return app.request(method, path, (shop, by), json=body, headers=headers)


def _measure_door(figures: Figures, request: Request, known: list[str], contacts: int) -> Figures:
    random = Random(1)
    for number in range(WARM_UP + contacts):
        kind = random.choice(["hit", "miss"])
        phone = random.choice(known) if kind == "hit" else f"+3519199{random.randrange(100_000):05}"
        begun = time.perf_counter()
        answer = request(phone)
        seconds = time.perf_counter() - begun
        assert answer.status_code in (201, 429), answer.text
        if number >= WARM_UP:
            figures.seconds[kind].append(seconds)
            figures.answers[kind].add((answer.status_code, len(answer.data)))
    return figures


def run_bench() -> Iterator[Figures]:
    """Run the benchmark on both databases."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        yield from measure(url)
    with fresh_postgresql() as (_, url):
        yield from measure(url)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
