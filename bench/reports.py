"""Reports over a year of a large chain, over HTTP, beside raw SQL and DuckDB in the same run: `make bench-reports`."""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import duckdb
import psycopg

from bench.chain import Chain, a_chain, timed
from bench.history import LAST_DAY, History
from bench.table import Line, broken
from models.db.dirty_days import DirtyDay
from models.reports.rollups.rebuild import CAUSE_REBUILD_DELAY, REBUILD_BATCH
from tests.chaos.drivers.chaos_run import report
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.reports import refresh_all_rollups, refresh_rollups

ROUNDS, LOGGED = 9, 60
FASTER_THAN_DUCKDB, FASTER_THAN_SQL, SLOWER = 10, 100, 1.2  # the year by region and month
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
        first, *_ = mine = self.seconds["amends"]
        line = f"{self.name:28} {median(mine) * 1000:6.0f} ms over HTTP, the first time {first * 1000:6.0f} ms"
        for to in ("sql", "duckdb"):
            if self.seconds[to]:
                line += f"; {to} {median(self.seconds[to]) * 1000:7.0f} ms, {self.ratio(to):6.1f} x as long"
        return line


@dataclass
class Figures:
    """What came of it. `kept` is rows and bytes of what is kept; `without` and `marked` are seconds of logging."""

    chain: Chain
    cases: list[Case]
    third: float  # seconds for the first of the cases, with a third of the concerns
    a_batch: float  # seconds for each day, as the worker does it
    causes: float  # seconds for the causes of a store's month
    kept: dict[str, tuple[int, int]]
    without: list[float]
    marked: list[float]

    @property
    def share(self) -> float:
        """How much of the time of logging goes into the mark."""
        return 1 - median(self.without) / median(self.marked)

    @property
    def slower(self) -> float:
        """How much longer the first of the cases takes with three times as many concerns."""
        return median(self.cases[0].seconds["amends"]) / self.third

    def __str__(self) -> str:
        sizes = ", ".join(f"{table} {rows} rows, {size / 2**20:.0f} MiB" for table, (rows, size) in self.kept.items())
        per_day = f"a marked day takes {self.a_batch * 1000:.1f} ms"
        per_month = f"now and then the causes of its month {self.causes * 1000:.1f} ms"
        return "\n".join(
            [
                str(self.chain),
                *(f"  {case}" for case in self.cases),
                f"  the year with a third of the concerns {self.third * 1000:.0f} ms",
                f"  kept: {sizes}",
                f"  {per_day}, and {per_month}; the mark is {self.share:.1%} of the time to log",
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """The rows of the table."""
        year, *others = self.cases
        return [
            Line(f"{year.name}: DuckDB, of our time", year.ratio("duckdb"), least=FASTER_THAN_DUCKDB),
            Line(f"{year.name}: raw SQL, of our time", year.ratio("sql"), least=FASTER_THAN_SQL),
            Line(f"{year.name}: of its time with a third of the concerns", self.slower, most=SLOWER),
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


def measure(chain: Chain, third: float) -> Figures:
    """Ask everybody the same in turn; `third` is what the year took with so many of the concerns."""
    cases = cases_of(chain.history, chain.store)
    beside = parquet(chain.sql, chain.folder)
    for number in range(ROUNDS):
        for case in cases:
            ask(chain, case)
            case.seconds["duckdb"].append(timed(lambda case=case: beside.execute(case.question()).fetchall()))
            if number < ROUNDS_OF_SQL:
                case.seconds["sql"].append(timed(partial(chain.sql.execute, case.question())))
    for _ in refresh_all_rollups(chain.app.back_office):
        pass
    a_batch, causes = a_batch_of(chain), causes_of(chain.app)
    without, marked = logging(chain.app, chain.shop)
    return Figures(chain, cases, third, a_batch, causes, kept(chain.sql), without, marked)


def time_of_the_year(chain: Chain) -> float:
    """Seconds that the first of the questions takes, asked like that."""
    year, *_ = cases_of(chain.history, chain.store)
    for _ in range(ROUNDS):
        ask(chain, year)
    return median(year.seconds["amends"])


def ask(chain: Chain, case: Case) -> None:
    """As while people write: a day is marked before, and the worker comes after."""
    mark(chain.sql, stores=1)
    case.seconds["amends"].append(chain.ask(case.path))
    refresh_rollups(chain.app.back_office)


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


def mark(sql: psycopg.Connection, *, stores: int) -> None:
    """DirtyDay the last day of some stores, as when something has just happened there."""
    sql.execute(
        "INSERT INTO dirty_day (organization_id, id, store_id, business_date, month) SELECT organization_id,"
        " gen_random_uuid(), store_id, business_date, date_trunc('month', business_date)::date FROM rollup_day"
        " WHERE business_date = %s ORDER BY random() LIMIT %s",
        [LAST_DAY, stores],
    )


def a_batch_of(chain: Chain) -> float:
    """Seconds for each day, when one day each of many stores is marked, as on an evening."""
    seconds = []
    for _ in range(ROUNDS):
        mark(chain.sql, stores=REBUILD_BATCH)
        seconds.append(for_each(chain.app))
    return median(seconds)


def causes_of(app: App) -> float:
    """Seconds for the causes of each of these stores' months, once they have rested."""
    app.clock.at += 2 * CAUSE_REBUILD_DELAY
    return for_each(app)


def for_each(app: App) -> float:
    """Seconds, divided by all that the worker works out at once."""
    begun = time.perf_counter()
    done = refresh_rollups(app.back_office)
    return (time.perf_counter() - begun) / done


def logging(app: App, shop: Shop) -> tuple[list[float], list[float]]:
    """Seconds that logging takes without marks and with them, in turn."""
    without: list[float] = []
    marked: list[float] = []

    def log() -> None:
        body = {"mood": 2, "category": "food", "cause": "cold", "their_words": "It is stone cold."}
        answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
        assert answer.status_code == 201, answer.text

    for _ in range(LOGGED):
        with patch.object(DirtyDay, "rows", lambda *_: []):
            without.append(timed(log))
        marked.append(timed(log))
    return without, marked


def kept(sql: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Rows and bytes, with their indexes."""
    sizes = {}
    for table in ("rollup_day", "rollup_month", "rollup_cause"):
        size = f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"  # noqa: S608 our own words
        row = sql.execute(size).fetchone()
        sizes[table] = row or (0, 0)
    return sizes


def measured(history: History) -> Iterator[Figures]:
    """The same stores and days with a third of the concerns, of which only the year is asked; and with all."""
    with a_chain(replace(history, concerns=history.concerns // 3)) as chain:
        third = time_of_the_year(chain)
    with a_chain(history) as chain:
        yield measure(chain, third)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--concerns", type=int, default=10_000_000)
    parser.add_argument("--stores", type=int, default=2000)
    arguments = parser.parse_args()
    sys.exit(report(measured(History(arguments.concerns, arguments.stores, days=365))))
