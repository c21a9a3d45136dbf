"""Measure requests per second under the web server of production, beside two controls: `make bench-serving`."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from structlog.testing import capture_logs

from bench.history import LAST_DAY, History, fill_change_feed, write_history
from bench.load import PHONES, LoadResult, Request, run_load, run_on_schedule
from bench.table import Line, missed_targets, report
from tests.chaos.drivers.chaos_run import fresh_postgresql, say
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop

ROUNDS, SECONDS = 5, 3.0
SMALL, LARGE = History(10_000, stores=20, days=365), History(1_000_000, stores=20, days=365)
ONE_WORKER = {"WEB_WORKERS": "1", "WEB_THREADS": str(PHONES)}
CONCERN_DATA = {"mood": 2, "category": "food", "cause": "cold", "place": "table-12", "their_words": "It is stone cold."}


@dataclass
class Figures:
    """Results of each request, by its label.

    `half_rate` is logging at half of its greatest rate, `memory` the MiB of a web process after the first round and
    at the end.
    """

    cases: dict[str, LoadResult]
    half_rate: LoadResult
    memory: tuple[float, float] = (0, 0)
    requests: int = field(init=False)

    def __post_init__(self) -> None:
        self.requests = sum(len(result.seconds) for result in self.cases.values())

    def ratio(self, name: str, to: str) -> float:
        return self.cases[name].rate / self.cases[to].rate

    def __str__(self) -> str:
        lines = [
            f"  {name:34} {result.rate:6.0f}/s, {self.ratio(name, 'a bare answer'):5.3f} of a bare answer; p50 "
            f"{result.p50 * 1000:6.1f} ms, p99 {result.p99 * 1000:6.1f} ms; {result.refused} refused"
            for name, result in self.cases.items()
        ]
        return "\n".join([f"{PHONES} phones, {ROUNDS} rounds of {SECONDS:g} s for each request, in turn", *lines])

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        sqlite = self.cases["log a concern, SQLite"]
        list_growth = self.cases["list 25 of 1,000,000"].p50 / self.cases["list 25 of 10,000"].p50
        before, after = self.memory
        return [
            Line(
                "logging a concern, as a share of handwritten rows",
                self.ratio("log a concern", "handwritten rows"),
                minimum=0.5,
            ),
            Line(
                "logging a concern, as a share of a bare answer",
                self.ratio("log a concern", "a bare answer"),
                minimum=0.08,
            ),
            Line(
                "listing 25 concerns of a store, as a share of a bare answer",
                self.ratio("list 25 of 1,000,000", "a bare answer"),
                minimum=0.18,
            ),
            Line("median of that list with 1,000,000 concerns, relative to 10,000", list_growth, maximum=1.15),
            Line(
                "p99 of logging at half the greatest rate, relative to its p50",
                self.half_rate.p99 / self.half_rate.p50,
                maximum=5,
            ),
            Line("a daily log, as a share of a bare answer", self.ratio("a daily log", "a bare answer")),
            Line(
                "export of 1,000 changes, as a share of a bare answer", self.ratio("export of 1,000", "a bare answer")
            ),
            Line("SQLite: logging relative to PostgreSQL", sqlite.rate / self.cases["log a concern"].rate, minimum=0.8),
            Line("SQLite: p99 in ms", sqlite.p99 * 1000, maximum=500),
            Line("SQLite: refused", sqlite.refused, maximum=0),
            Line("memory of a web process in MiB", after, maximum=80),
            Line(f"... growth in MiB after {self.requests} requests", after - before),
        ]

    def missed_targets(self) -> list[str]:
        refused = [f"{name}: {result.refused} refused" for name, result in self.cases.items() if result.refused]
        return [*refused, *missed_targets(self.lines)]


@contextmanager
def running_organization(url: str, folder: Path, history: History | None = None) -> Iterator[tuple[App, Shop, Web]]:
    """Yield an organization, with the history if there is one, and its web."""
    folder.mkdir()
    with closing(App(url)) as app:
        app.clock.at = datetime.now(UTC)  # the web process cannot be given another clock
        shop = make_shop(app.back_office, at=app.clock())
        if history:
            write_history(url, app, shop, history)
            fill_change_feed(url)
        with running_web(url, folder, **ONE_WORKER) as web:
            yield app, shop, web


@contextmanager
def running_controls(url: str, app: App, shop: Shop, folder: Path) -> Iterator[Web]:
    """Yield the web of the controls: a bare answer and handwritten rows."""
    concern = log_concern(app, shop, **CONCERN_DATA)["id"]
    with running_web(
        url, folder, "bench.handwritten_rows:create_app()", COPIED_CONCERN=concern, **ONE_WORKER
    ) as controls:
        yield controls


def log_request(url: str, path: str, shop: Shop) -> Request:
    """Return a request that logs a concern that rings, with an idempotency key of its own each time."""
    body = json.dumps(CONCERN_DATA).encode()
    return Request(url, "POST", path, shop.tokens["floor"], lambda: body, lambda: {"Idempotency-Key": uuid4().hex})


def measure(folder: Path, url: str, large_url: str, *, large: History = LARGE, seconds: float = SECONDS) -> Figures:
    """Run each request in turn, round by round."""
    lite_url = f"sqlite:///{folder}/amends.db"
    migrate(lite_url)
    with (
        capture_logs(),
        running_organization(url, folder / "small", SMALL) as (app, shop, web),
        running_organization(large_url, folder / "large", large) as (_, large_shop, large_web),
        running_organization(lite_url, folder / "lite") as (_, lite_shop, lite),
        running_controls(url, app, shop, folder) as controls,
    ):
        small_list, large_list = (
            f"/v1/concerns?store_id={_store_id(history_url)}&limit=25" for history_url in (url, large_url)
        )
        requests = {
            "a bare answer": Request(controls.url, "GET", "/healthz"),
            "log a concern": log_request(web.url, "/v1/concerns", shop),
            "handwritten rows": log_request(controls.url, "/", shop),
            "list 25 of 10,000": Request(web.url, "GET", small_list, shop.tokens["admin"]),
            "list 25 of 1,000,000": Request(large_web.url, "GET", large_list, large_shop.tokens["admin"]),
            "a daily log": Request(
                web.url, "GET", f"/v1/stores/{_store_id(url)}/recovery-logs/{LAST_DAY}", shop.tokens["admin"]
            ),
            "export of 1,000": Request(web.url, "GET", "/v1/exports/changes?limit=1000", shop.tokens["exports-key"]),
            "log a concern, SQLite": log_request(lite.url, "/v1/concerns", lite_shop),
        }
        cases = {name: LoadResult() for name in requests}
        before = 0.0
        for _ in range(ROUNDS):
            for name, request in requests.items():
                run_load(request, cases[name], for_seconds=seconds)
            before = before or memory_mib(web)
        half_rate = run_on_schedule(
            requests["log a concern"], per_second=max(cases["log a concern"].rates) / 2, for_seconds=3 * seconds
        )
        return Figures(cases, half_rate, (before, memory_mib(web)))


def _store_id(url: str) -> str:
    """Return the id of one of the stores of the history."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        store_id = connection.scalars(sa.text("SELECT id::text FROM store WHERE slug = 'copy-7'")).one()
    engine.dispose()
    return str(store_id)


def memory_mib(web: Web) -> float:
    """Return the MiB of the only worker process, with its share of memory that is shared with others (PSS)."""
    (worker,) = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
    (line,) = [row for row in Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines() if row.startswith("Pss:")]
    return int(line.split()[1]) / 1024


def run_bench() -> Iterator[Figures]:
    """Run the benchmark on a fresh PostgreSQL."""
    with fresh_postgresql() as (server, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        say(f"writing {SMALL} and {LARGE} ...")
        large_url = server.create_database("large")
        migrate(large_url)
        yield measure(Path(folder), url, large_url)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
