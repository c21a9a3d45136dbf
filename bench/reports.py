"""Reports over a year of a large chain, over HTTP, beside raw SQL and DuckDB in the same run: `make bench-reports`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import duckdb
import psycopg
from sqlalchemy import make_url
from structlog.testing import capture_logs

from bench.history import LAST_DAY, History, write
from bench.table import Line, broken
from models.mark import Mark
from models.reports.refresh import mark_everything, refresh, refresh_everything
from tests.factories import Shop, make_shop
from tests.ordeals.trial import fresh_postgresql, report, say
from tests.ordeals.web import Web, running_web
from tests.world import World

ROUNDS, LOGGED = 5, 60
FASTER_THAN_DUCKDB, FASTER_THAN_SQL = 10, 100  # the year by region and month
MOST_OF_LOGGING, MOST_FOR_A_DAY = 0.1, 4  # a share; milliseconds
ROUNDS_OF_SQL = 2  # of 10 million rows it takes minutes
MONTH, WEEK = "date_trunc('month', business_date)", "date_trunc('week', business_date)"

COUNTED = """
    count(*), count(*) FILTER (WHERE mood <= 2), count(*) FILTER (WHERE outcome = 'recovered'),
    count(*) FILTER (WHERE outcome = 'lost'), sum(mood_after - mood),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_take),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_to_take),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_resolve),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_to_resolve)
"""
BESIDE = "SELECT {keys}, {counted} FROM concern JOIN store ON store.id = concern.store_id WHERE {which} GROUP BY {keys}"


@dataclass
class Case:
    """One question, and how long it took each of those that were asked it."""

    name: str
    path: str
    keys: str
    which: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"amends": [], "sql": [], "duckdb": []})

    def question(self) -> str:
        return BESIDE.format(keys=self.keys, counted=COUNTED, which=self.which)

    def ratio(self, to: str) -> float:
        return median(self.seconds[to]) / median(self.seconds["amends"])

    def __str__(self) -> str:
        told = f"{self.name:28} {median(self.seconds['amends']) * 1000:8.0f} ms over HTTP"
        for to in ("sql", "duckdb"):
            if self.seconds[to]:
                told += f"; {to} {median(self.seconds[to]) * 1000:7.0f} ms, {self.ratio(to):6.1f} x as long"
        return told


@dataclass
class Figures:
    """What came of it. `kept` is rows and bytes of what is kept; `without` and `marked` are seconds of logging."""

    history: History
    cases: list[Case]
    written_in: float
    rebuilt: float
    days: int
    a_batch: float  # seconds for each day, as the worker does it
    kept: dict[str, tuple[int, int]]
    without: list[float]
    marked: list[float]

    @property
    def share(self) -> float:
        """How much of the time of logging goes into the mark."""
        return 1 - median(self.without) / median(self.marked)

    def __str__(self) -> str:
        kept = ", ".join(f"{table} {rows} rows, {size / 2**20:.0f} MiB" for table, (rows, size) in self.kept.items())
        return "\n".join(
            [
                f"{self.history}, written in {self.written_in:.0f} s; {self.days} days kept in {self.rebuilt:.0f} s",
                *(f"  {case}" for case in self.cases),
                f"  kept: {kept}",
                f"  a marked day takes {self.a_batch * 1000:.1f} ms; the mark is {self.share:.1%} of the time to log",
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """The rows of the table."""
        year, *others = self.cases
        return [
            Line(f"{year.name}: DuckDB, of our time", year.ratio("duckdb"), least=FASTER_THAN_DUCKDB),
            Line(f"{year.name}: raw SQL, of our time", year.ratio("sql"), least=FASTER_THAN_SQL),
            *(Line(f"{case.name}: raw SQL, of our time", case.ratio("sql")) for case in others),
            Line("the mark of a change, of the time of logging", self.share, most=MOST_OF_LOGGING),
            Line("a marked day in ms", self.a_batch * 1000, most=MOST_FOR_A_DAY),
        ]

    def broken(self) -> list[str]:
        return broken(self.lines)


def cases_of(history: History, store: str) -> list[Case]:
    """The questions: over whole months and parts of them, over one store's last quarter, and one store's last day."""
    year = f"from={history.first_day}&to={LAST_DAY}"
    from_, to = history.first_day + timedelta(days=5), LAST_DAY - timedelta(days=5)
    some = f"from={from_}&to={to}"
    quarter = LAST_DAY - timedelta(days=90)
    reports = "/v1/reports/recovery"
    its = f"store_id = '{store}' AND business_date"
    return [
        Case("year by region and month", f"{reports}?{year}&group_by=region,month", f"region_id, {MONTH}", "true"),
        Case(
            "the same without ten days",
            f"{reports}?{some}&group_by=region,month",
            f"region_id, {MONTH}",
            f"business_date BETWEEN '{from_}' AND '{to}'",
        ),
        Case("year by category", f"{reports}?{year}&group_by=category", "category_id", "true"),
        Case(
            "a store's quarter by week",
            f"{reports}?from={quarter}&to={LAST_DAY}&store_id={store}&group_by=week",
            WEEK,
            f"{its} >= '{quarter}'",
        ),
        Case("a store's log", f"/v1/stores/{store}/recovery-logs/{LAST_DAY}", "store_id", f"{its} = '{LAST_DAY}'"),
    ]


def measure(url: str, folder: Path, history: History) -> Figures:
    """Write the history, keep its sums, and ask everybody the same in turn."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with capture_logs(), closing(World(url)) as world, psycopg.connect(conninfo, autocommit=True) as sql:
        world.clock.at = datetime.now(UTC)  # the web has no other
        shop = make_shop(world.back_office, at=world.clock())
        written_in = timed(lambda: write(url, world, shop, history))
        rebuilt_in, days = rebuild(world)
        sql.execute("VACUUM ANALYZE")
        (store,) = sql.execute("SELECT id::text FROM store WHERE slug = 'copy-7'").fetchone() or ("",)
        cases = cases_of(history, store)
        beside = parquet(sql, folder)
        with running_web(url, folder) as web:
            for number in range(ROUNDS):
                for case in cases:
                    ask(case, web, shop, beside)
                    if number < ROUNDS_OF_SQL:
                        case.seconds["sql"].append(timed(partial(sql.execute, case.question())))
        a_batch = a_batch_of(world, sql)
        without, marked_ = logging(world, shop)
        return Figures(history, cases, written_in, rebuilt_in, days, a_batch, kept(sql), without, marked_)


def timed(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def rebuild(world: World) -> tuple[float, int]:
    """Seconds, and days, as `flask --app wsgi reports rebuild` does it."""
    begun = time.perf_counter()
    days = sum(mark_everything(world.back_office))
    for _ in refresh_everything(world.back_office):
        pass
    return time.perf_counter() - begun, days


def parquet(sql: psycopg.Connection, folder: Path) -> duckdb.DuckDBPyConnection:
    """The same rows for DuckDB, in a file of its own kind."""
    columns = "id, store_id, category_id, mood, mood_after, outcome, business_date, seconds_to_take, seconds_to_resolve"
    for table, what in (("concern", columns), ("store", "id, region_id")):
        source = folder / f"{table}.csv"
        copy = f"COPY (SELECT {what} FROM {table}) TO STDOUT CSV HEADER"  # noqa: S608 our own words
        with source.open("wb") as file, sql.cursor().copy(copy) as out:
            for block in out:
                file.write(block)
        duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{folder}/{table}.parquet'")
        source.unlink()
    beside = duckdb.connect()
    for table in ("concern", "store"):
        beside.execute(f"CREATE VIEW {table} AS FROM '{folder}/{table}.parquet'")
    return beside


def ask(case: Case, web: Web, shop: Shop, beside: duckdb.DuckDBPyConnection) -> None:
    token = shop.tokens["admin"]

    def over_http() -> None:
        answer = web.request("GET", case.path, token)
        assert answer.status_code == 200, answer.text

    case.seconds["amends"].append(timed(over_http))
    case.seconds["duckdb"].append(timed(lambda: beside.execute(case.question()).fetchall()))


def a_batch_of(world: World, sql: psycopg.Connection) -> float:
    """Seconds for each day, when one day each of many stores is marked, as on an evening."""
    seconds = []
    for _ in range(ROUNDS):
        sql.execute(
            "INSERT INTO rollup_dirty (organization_id, id, store_id, business_date, month) SELECT organization_id,"
            " gen_random_uuid(), store_id, business_date, date_trunc('month', business_date)::date FROM kept_day"
            " WHERE business_date = %s LIMIT 64",
            [LAST_DAY],
        )
        begun = time.perf_counter()
        days = refresh(world.back_office)
        seconds.append((time.perf_counter() - begun) / max(days, 1))
    return median(seconds)


def logging(world: World, shop: Shop) -> tuple[list[float], list[float]]:
    """Seconds that logging takes without marks and with them, in turn."""
    without: list[float] = []
    marked: list[float] = []

    def log() -> None:
        told = {"mood": 2, "category": "food", "cause": "cold", "their_words": "It is stone cold."}
        answer = world.request("POST", "/v1/concerns", (shop, "floor"), json=told)
        assert answer.status_code == 201, answer.text

    for _ in range(LOGGED):
        with patch.object(Mark, "rows", lambda *_: []):
            without.append(timed(log))
        marked.append(timed(log))
    return without, marked


def kept(sql: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Rows and bytes, with their indexes."""
    found = {}
    for table in ("kept_day", "kept_month", "kept_cause"):
        size = f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"  # noqa: S608 our own words
        row = sql.execute(size).fetchone()
        found[table] = row or (0, 0)
    return found


def measured(history: History) -> Iterator[Figures]:
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        say(f"{history.concerns} concerns are being written down ...")
        yield measure(url, Path(folder), history)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--concerns", type=int, default=10_000_000)
    parser.add_argument("--stores", type=int, default=2000)
    told = parser.parse_args()
    sys.exit(report(measured(History(told.concerns, told.stores, days=365))))
