"""Measure the import of 7,500 people by a key while concerns are logged, on both databases: `make bench-people`."""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.load import LoadResult, run_load
from bench.serving import log_request
from bench.table import Line, missed_targets, report
from models.access import KeyScope
from models.staff.credentials.api_key import ApiKey
from tests.chaos.drivers.chaos_run import fresh_postgresql
from tests.chaos.drivers.concern_load import at_a_steady_pace
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.imports import csv_text
from tests.support.factories.organizations import Shop, make_shop, make_store

PEOPLE, STORES = 7_500, 300
LINES = 1_000  # of a file: what docs/imports.md advises
CONCERNS_PER_SECOND = 10.0
ROUNDS = 3
WARM_UP = 3.0  # seconds: a web process compiles its statements with the first requests
MAX_SECONDS, MAX_P99 = 60.0, 2.0
COLUMNS = ("employee_number", "login", "name", "role", "stores", "left")


@dataclass
class Figures:
    """Seconds of the dry runs and of the imports of all files, and the answers to the concerns logged meanwhile."""

    database: str
    lines_of_file: int
    dry_runs: list[float] = field(default_factory=list)
    imports: list[float] = field(default_factory=list)
    repeats: list[float] = field(default_factory=list)
    concerns: LoadResult = field(default_factory=LoadResult)

    @property
    def total(self) -> float:
        return sum(self.dry_runs) + sum(self.imports)

    def __str__(self) -> str:
        return "\n".join(
            [
                (
                    f"{self.database}: {PEOPLE} people in {STORES} stores, files of {self.lines_of_file} lines; "
                    f"{len(self.concerns.seconds)} concerns meanwhile, {CONCERNS_PER_SECOND:g} per second"
                ),
                *(
                    f"  {name:24} {sum(seconds):6.1f} s, longest file {max(seconds):5.2f} s"
                    for name, seconds in {
                        "dry run": self.dry_runs,
                        "import": self.imports,
                        "the same files once more": self.repeats,
                    }.items()
                ),
                (
                    f"  {'logging a concern':24} p50 {self.concerns.p50 * 1000:.0f} ms, p99 "
                    f"{self.concerns.p99 * 1000:.0f} ms, longest {max(self.concerns.seconds) * 1000:.0f} ms; "
                    f"{self.concerns.refused} refused"
                ),
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        return [
            Line(f"{self.database}: {PEOPLE} people, dry run and import, in s", self.total, maximum=MAX_SECONDS),
            Line(f"{self.database}: p99 of logging meanwhile, in s", self.concerns.p99, maximum=MAX_P99),
            Line(f"{self.database}: concerns refused meanwhile", self.concerns.refused, maximum=0),
        ]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


def files(lines_of_file: int) -> list[bytes]:
    """Return the files of all people: 25 of each store, one of them its manager."""
    people = [
        {
            "employee_number": f"{number:05}",
            "login": f"person-{number}",
            "name": f"Person {number}",
            "role": "floor" if number % 25 else "manager",
            "stores": f"store-{number // 25}",
        }
        for number in range(PEOPLE)
    ]
    parts = [people[start : start + lines_of_file] for start in range(0, PEOPLE, lines_of_file)]
    return [csv_text(COLUMNS, part).encode() for part in parts]


def make_organization(app: App) -> Shop:
    """Make an organization with 300 more stores, nobody in them, and a key of its personnel system."""
    app.clock.at = datetime.now(UTC)  # the web process cannot be given another clock
    shop = make_shop(app.back_office, at=app.clock())
    with app.back_office.writing(shop.organization_id) as session:
        session.add_all(make_store(f"store-{number}", shop.region_id) for number in range(STORES))
        organization, scopes = {"organization_id": shop.organization_id}, {KeyScope.STAFF_WRITE}
        for number in range(ROUNDS):  # a key may import 20 files an hour: smaller ones need a key for each round
            key = ApiKey.create(session, **organization, name="personnel", scopes=scopes, at=app.clock())
            shop.tokens[f"personnel-{number}"] = str(key.secret)
    return shop


def measure(database: str, url: str, folder: Path, *, lines_of_file: int) -> Figures:
    """Send all files: dry runs, then imports, then the imports again, while concerns are logged on a schedule."""
    figures, ended = Figures(database, lines_of_file), threading.Event()
    folder.mkdir()
    with closing(App(url)) as app:
        shop = make_organization(app)
        with running_web(url, folder) as web:
            run_load(log_request(web.url, "/v1/concerns", shop), LoadResult(), for_seconds=WARM_UP)
            logging = threading.Thread(target=partial(log_until, ended, web, shop, figures.concerns))
            logging.start()
            try:
                rounds = (figures.dry_runs, figures.imports, figures.repeats)
                for number, seconds in enumerate(rounds):
                    send = partial(send_file, web, shop.tokens[f"personnel-{number}"], dry_run=seconds is rounds[0])
                    seconds += [timed(partial(send, file)) for file in files(lines_of_file)]
            finally:
                ended.set()
                logging.join()
    return figures


def send_file(web: Web, token: str, file: bytes, *, dry_run: bool) -> None:
    query, headers = {"dry_run": "true"} if dry_run else {}, {"Content-Type": "text/csv"}
    answer = web.request("POST", "/v1/imports/staff", token, params=query, data=file, headers=headers)
    assert answer.status_code == 200, answer.text[:500]


def timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def log_until(ended: threading.Event, web: Web, shop: Shop, result: LoadResult) -> None:
    """Log concerns at a steady pace; seconds count from the moment that one was due, so that waiting is included."""
    request = log_request(web.url, "/v1/concerns", shop)

    def send_request(_number: int, due: float) -> None:
        with closing(request.connect()) as connection:
            result.refused += request.send(connection) >= 300
        result.seconds.append(time.monotonic() - due)

    at_a_steady_pace(send_request, per_second=CONCERNS_PER_SECOND, ended=lambda _: ended.is_set(), hands=16)


def run_bench(lines_of_file: int = LINES) -> Iterator[Figures]:
    """Run the benchmark on a fresh database of each kind."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        lite_url = f"sqlite:///{folder}/amends.db"
        migrate(lite_url)
        for database, database_url in (("PostgreSQL", url), ("SQLite", lite_url)):
            yield measure(database, database_url, Path(folder) / database, lines_of_file=lines_of_file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=LINES, help="lines of a file")
    sys.exit(report(run_bench(parser.parse_args().lines)))
