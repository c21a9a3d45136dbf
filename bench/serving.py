"""How fast it answers, under the server it has in production, beside its controls: `make bench-serving`."""

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

from bench.history import LAST_DAY, History, tell, write
from bench.load import PHONES, Measured, Request, on_schedule, without_a_pause
from bench.table import Line, broken
from tests.chaos.drivers.chaos_run import fresh_postgresql, report, say
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop

ROUNDS, SECONDS = 5, 3.0
SMALL, LARGE = History(10_000, stores=20, days=365), History(1_000_000, stores=20, days=365)
ONE_WORKER = {"WEB_WORKERS": "1", "WEB_THREADS": str(PHONES)}
TOLD = {"mood": 2, "category": "food", "cause": "cold", "place": "table-12", "their_words": "It is stone cold."}


@dataclass
class Figures:
    """What came of it, by name; `half` is logging at half of its greatest rate, `memory` MiB of a web process."""

    cases: dict[str, Measured]
    half: Measured
    memory: tuple[float, float] = (0, 0)
    requests: int = field(init=False)

    def __post_init__(self) -> None:
        self.requests = sum(len(measured.seconds) for measured in self.cases.values())

    def ratio(self, name: str, to: str) -> float:
        return self.cases[name].rate / self.cases[to].rate

    def __str__(self) -> str:
        lines = [
            f"  {name:34} {measured.rate:6.0f}/s, {self.ratio(name, 'hello'):5.3f} of hello; p50 "
            f"{measured.p50 * 1000:6.1f} ms, p99 {measured.p99 * 1000:6.1f} ms; {measured.refused} refused"
            for name, measured in self.cases.items()
        ]
        return "\n".join([f"{PHONES} phones, {ROUNDS} rounds of {SECONDS:g} s each in turn", *lines])

    @property
    def lines(self) -> list[Line]:
        """The rows of the table."""
        sqlite, aged = self.cases["log, SQLite"], self.cases["list 25 of 1,000,000"].p50
        before, after = self.memory
        return [
            Line("log a concern, of the same rows in Core", self.ratio("log", "the rows in Core"), least=0.5),
            Line("log a concern, of hello", self.ratio("log", "hello"), least=0.08),
            Line("list 25 of a store, of hello", self.ratio("list 25 of 1,000,000", "hello"), least=0.18),
            Line(
                "its median with 1,000,000, of that with 10,000", aged / self.cases["list 25 of 10,000"].p50, most=1.15
            ),
            Line("p99 at half the greatest rate, of its p50", self.half.p99 / self.half.p50, most=5),
            Line("a day's log, of hello", self.ratio("a day's log", "hello")),
            Line("a page of 1,000 of the export, of hello", self.ratio("export 1,000", "hello")),
            Line("SQLite: logging, of PostgreSQL's rate", sqlite.rate / self.cases["log"].rate, least=0.8),
            Line("SQLite: p99 in ms", sqlite.p99 * 1000, most=500),
            Line("SQLite: refused", sqlite.refused, most=0),
            Line("memory of a web process in MiB", after, most=80),
            Line(f"... more after {self.requests} requests", after - before),
        ]

    def broken(self) -> list[str]:
        refused = [f"{name}: {one.refused} refused" for name, one in self.cases.items() if one.refused]
        return [*refused, *broken(self.lines)]


@contextmanager
def organization(url: str, folder: Path, history: History | None = None) -> Iterator[tuple[App, Shop, Web]]:
    """An organization with its web server, and with as much history as is wanted."""
    folder.mkdir()
    with closing(App(url)) as app:
        app.clock.at = datetime.now(UTC)  # the web has no other
        shop = make_shop(app.back_office, at=app.clock())
        if history:
            write(url, app, shop, history)
            tell(url)
        with running_web(url, folder, **ONE_WORKER) as web:
            yield app, shop, web


@contextmanager
def controls(url: str, app: App, shop: Shop, folder: Path) -> Iterator[Web]:
    """The twin of logging, and the bare answer."""
    concern = log_concern(app, shop, **TOLD)["id"]
    with running_web(url, folder, "bench.twin:create_app()", TWIN_OF=concern, **ONE_WORKER) as twin:
        yield twin


def logging(url: str, path: str, shop: Shop) -> Request:
    """A described concern that rings, under a key of its own."""
    body = json.dumps(TOLD).encode()
    return Request(url, "POST", path, shop.tokens["floor"], lambda: body, lambda: {"Idempotency-Key": uuid4().hex})


def measure(folder: Path, url: str, large_url: str, *, large: History = LARGE, seconds: float = SECONDS) -> Figures:
    """Ask each in turn, round by round."""
    lite_url = f"sqlite:///{folder}/amends.db"
    migrate(lite_url)
    with (
        capture_logs(),
        organization(url, folder / "small", SMALL) as (app, shop, web),
        organization(large_url, folder / "large", large) as (_, large_shop, large_web),
        organization(lite_url, folder / "lite") as (_, lite_shop, lite),
        controls(url, app, shop, folder) as twin,
    ):
        listed, aged_listed = (
            f"/v1/concerns?store_id={_copy(history_url)}&limit=25" for history_url in (url, large_url)
        )
        requests = {
            "hello": Request(twin.url, "GET", "/healthz"),
            "log": logging(web.url, "/v1/concerns", shop),
            "the rows in Core": logging(twin.url, "/", shop),
            "list 25 of 10,000": Request(web.url, "GET", listed, shop.tokens["admin"]),
            "list 25 of 1,000,000": Request(large_web.url, "GET", aged_listed, large_shop.tokens["admin"]),
            "a day's log": Request(
                web.url, "GET", f"/v1/stores/{_copy(url)}/recovery-logs/{LAST_DAY}", shop.tokens["admin"]
            ),
            "export 1,000": Request(web.url, "GET", "/v1/exports/changes?limit=1000", shop.tokens["exports-key"]),
            "log, SQLite": logging(lite.url, "/v1/concerns", lite_shop),
        }
        cases = {name: Measured() for name in requests}
        before = 0.0
        for _ in range(ROUNDS):
            for name, request in requests.items():
                without_a_pause(request, cases[name], for_seconds=seconds)
            before = before or memory_of(web)
        half = on_schedule(requests["log"], per_second=max(cases["log"].rates) / 2, for_seconds=3 * seconds)
        return Figures(cases, half, (before, memory_of(web)))


def _copy(url: str) -> str:
    """One of the stores of the history."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        store_id = connection.scalars(sa.text("SELECT id::text FROM store WHERE slug = 'copy-7'")).one()
    engine.dispose()
    return str(store_id)


def memory_of(web: Web) -> float:
    """MiB of the one process that answers, with its share of what it has in common with others (PSS)."""
    (worker,) = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
    (line,) = [it for it in Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines() if it.startswith("Pss:")]
    return int(line.split()[1]) / 1024


def measured() -> Iterator[Figures]:
    with fresh_postgresql() as (server, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        say(f"{SMALL} and {LARGE} are being written down ...")
        large_url = server.create_database("large")
        migrate(large_url)
        yield measure(Path(folder), url, large_url)


if __name__ == "__main__":
    sys.exit(report(measured()))
