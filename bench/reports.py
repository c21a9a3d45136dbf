"""Time reports over a year of many stores, beside raw SQL and DuckDB in the same run: `make bench-reports`."""

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

from bench.history import LAST_DAY, History
from bench.organization import BenchOrganization, measure_seconds, organization_with_history
from bench.table import Line, missed_targets, report
from models.db.dirty_days import DirtyDay
from models.reports.rollups.rebuild import CAUSE_REBUILD_DELAY, REBUILD_BATCH
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.reports import refresh_all_rollups, refresh_rollups

ROUNDS, LOGGED_CONCERNS = 9, 60
SQL_ROUNDS = 2  # each takes minutes with 10 million rows
MIN_DUCKDB_RATIO, MIN_SQL_RATIO, MAX_GROWTH = 10, 100, 1.2  # of the year by region and month
MAX_MARKING_SHARE = 0.1  # of the time of logging
MAX_DIRTY_DAY_MS = 4
MONTH, WEEK = "date_trunc('month', business_date)", "date_trunc('week', business_date)"

COUNTS = """
    count(*), count(*) FILTER (WHERE mood <= 2), count(*) FILTER (WHERE outcome = 'recovered'),
    count(*) FILTER (WHERE outcome = 'lost'), sum(mood_after - mood),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_take),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_to_take),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_resolve),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds_to_resolve)
"""
CONTROL_STMT = (
    "SELECT {keys}, {counts} FROM concern JOIN store ON store.id = concern.store_id WHERE {condition} GROUP BY {keys}"
)


@dataclass
class Case:
    """Times of one report query in seconds, by who answered it: Amends over HTTP, raw SQL, DuckDB."""

    name: str
    path: str
    keys: str
    condition: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"amends": [], "sql": [], "duckdb": []})

    def control_stmt(self) -> str:
        return CONTROL_STMT.format(keys=self.keys, counts=COUNTS, condition=self.condition)

    def ratio(self, control: str) -> float:
        """Return the time of a control relative to ours."""
        return median(self.seconds[control]) / median(self.seconds["amends"])

    def __str__(self) -> str:
        first, *_ = seconds = self.seconds["amends"]
        line = f"{self.name:28} {median(seconds) * 1000:6.0f} ms over HTTP, first {first * 1000:6.0f} ms"
        for control, label in (("sql", "raw SQL"), ("duckdb", "DuckDB")):
            if times := self.seconds[control]:
                line += f"; {label} {median(times) * 1000:7.0f} ms, {self.ratio(control):6.1f} x as long"
        return line


@dataclass
class Figures:
    """Times of all report queries, of marking and of recomputing, in seconds; rows and bytes of each rollup table."""

    organization: BenchOrganization
    cases: list[Case]
    year_with_a_third: float  # the first of the cases, with a third of the concerns
    recompute_day: float  # one dirty day, in a batch of the worker
    recompute_causes: float  # the causes of one month of a store
    rollup_sizes: dict[str, tuple[int, int]]
    logging_without_dirty_days: list[float]
    logging_with_dirty_days: list[float]

    @property
    def marking_share(self) -> float:
        """Return the share of marking a day as dirty in the time of logging."""
        return 1 - median(self.logging_without_dirty_days) / median(self.logging_with_dirty_days)

    @property
    def growth(self) -> float:
        """Return the time of the first case relative to its time with a third of the concerns."""
        return median(self.cases[0].seconds["amends"]) / self.year_with_a_third

    def __str__(self) -> str:
        sizes = ", ".join(
            f"{table} {rows} rows, {size / 2**20:.0f} MiB" for table, (rows, size) in self.rollup_sizes.items()
        )
        day = f"recomputing a dirty day takes {self.recompute_day * 1000:.1f} ms"
        causes = f"the causes of a month {self.recompute_causes * 1000:.1f} ms"
        return "\n".join(
            [
                str(self.organization),
                *(f"  {case}" for case in self.cases),
                f"  the year with a third of the concerns {self.year_with_a_third * 1000:.0f} ms",
                f"  rollups: {sizes}",
                f"  {day}, {causes}; marking a day as dirty is {self.marking_share:.1%} of the time of logging",
            ]
        )

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        year, *others = self.cases
        return [
            Line(f"{year.name}: DuckDB's time relative to ours", year.ratio("duckdb"), minimum=MIN_DUCKDB_RATIO),
            Line(f"{year.name}: raw SQL's time relative to ours", year.ratio("sql"), minimum=MIN_SQL_RATIO),
            Line(f"{year.name}: relative to its time with a third of the concerns", self.growth, maximum=MAX_GROWTH),
            *(Line(f"{case.name}: raw SQL's time relative to ours", case.ratio("sql")) for case in others),
            Line(
                "marking a day as dirty, relative to the time of logging", self.marking_share, maximum=MAX_MARKING_SHARE
            ),
            Line("recomputing a dirty day, in ms", self.recompute_day * 1000, maximum=MAX_DIRTY_DAY_MS),
        ]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


def report_cases(history: History, store_id: str) -> list[Case]:
    """Return the queries: over whole months and parts of them, over a store's last quarter, and a store's last day."""
    year = f"from={history.first_day}&to={LAST_DAY}"
    from_, to = history.first_day + timedelta(days=5), LAST_DAY - timedelta(days=5)
    shortened = f"from={from_}&to={to}"
    quarter = LAST_DAY - timedelta(days=90)
    reports = "/v1/reports/recovery"
    store_day = f"store_id = '{store_id}' AND business_date"
    return [
        Case("year by region and month", f"{reports}?{year}&group_by=region,month", f"region_id, {MONTH}", "true"),
        Case(
            "the same without ten days",
            f"{reports}?{shortened}&group_by=region,month",
            f"region_id, {MONTH}",
            f"business_date BETWEEN '{from_}' AND '{to}'",
        ),
        Case("year by category", f"{reports}?{year}&group_by=category", "category_id", "true"),
        Case(
            "a store's quarter by week",
            f"{reports}?from={quarter}&to={LAST_DAY}&store_id={store_id}&group_by=week",
            WEEK,
            f"{store_day} >= '{quarter}'",
        ),
        Case(
            "a store's daily log",
            f"/v1/stores/{store_id}/recovery-logs/{LAST_DAY}",
            "store_id",
            f"{store_day} = '{LAST_DAY}'",
        ),
    ]


def measure(organization: BenchOrganization, year_with_a_third: float) -> Figures:
    """Run each query over HTTP, in DuckDB and as raw SQL in turn, then time recomputing and logging."""
    cases = report_cases(organization.history, organization.store_id)
    database = open_duckdb(organization.sql, organization.folder)
    for number in range(ROUNDS):
        for case in cases:
            time_report(organization, case)
            case.seconds["duckdb"].append(
                measure_seconds(lambda case=case: database.execute(case.control_stmt()).fetchall())
            )
            if number < SQL_ROUNDS:
                case.seconds["sql"].append(measure_seconds(partial(organization.sql.execute, case.control_stmt())))
    for _ in refresh_all_rollups(organization.app.back_office):
        pass
    recompute_day, recompute_causes = time_dirty_days(organization), time_cause_months(organization.app)
    without_dirty_days, with_dirty_days = time_logging(organization.app, organization.shop)
    return Figures(
        organization,
        cases,
        year_with_a_third,
        recompute_day,
        recompute_causes,
        rollup_sizes(organization.sql),
        without_dirty_days,
        with_dirty_days,
    )


def time_year_report(organization: BenchOrganization) -> float:
    """Return the seconds that the first of the queries takes over HTTP."""
    year, *_ = report_cases(organization.history, organization.store_id)
    for _ in range(ROUNDS):
        time_report(organization, year)
    return median(year.seconds["amends"])


def time_report(organization: BenchOrganization, case: Case) -> None:
    """Add the seconds that a report takes over HTTP while people write: a day is dirty, and recomputed afterwards."""
    mark_days_dirty(organization.sql, stores=1)
    case.seconds["amends"].append(organization.time_request(case.path))
    refresh_rollups(organization.app.back_office)


def open_duckdb(sql: psycopg.Connection, folder: Path) -> duckdb.DuckDBPyConnection:
    """Copy the rows into Parquet files; return a DuckDB connection that reads them."""
    concern_columns = (
        "id, store_id, category_id, mood, mood_after, outcome, business_date, seconds_to_take, seconds_to_resolve"
    )
    for table, columns in (("concern", concern_columns), ("store", "id, region_id")):
        source = folder / f"{table}.csv"
        copy = f"COPY (SELECT {columns} FROM {table}) TO STDOUT CSV HEADER"  # noqa: S608 our own names
        with source.open("wb") as file, sql.cursor().copy(copy) as out:
            for block in out:
                file.write(block)
        duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{folder}/{table}.parquet'")
        source.unlink()
    database = duckdb.connect()
    for table in ("concern", "store"):
        database.execute(f"CREATE VIEW {table} AS FROM '{folder}/{table}.parquet'")
    return database


def mark_days_dirty(sql: psycopg.Connection, *, stores: int) -> None:
    """Mark the last day of some stores as dirty, as a change there does."""
    sql.execute(
        "INSERT INTO dirty_day (organization_id, id, store_id, business_date, month) SELECT organization_id,"
        " gen_random_uuid(), store_id, business_date, date_trunc('month', business_date)::date FROM rollup_day"
        " WHERE business_date = %s ORDER BY random() LIMIT %s",
        [LAST_DAY, stores],
    )


def time_dirty_days(organization: BenchOrganization) -> float:
    """Return the seconds that recomputing a dirty day takes, in a batch with one day of each of many stores."""
    seconds = []
    for _ in range(ROUNDS):
        mark_days_dirty(organization.sql, stores=REBUILD_BATCH)
        seconds.append(time_per_rollup(organization.app))
    return median(seconds)


def time_cause_months(app: App) -> float:
    """Return the seconds that recomputing the causes of a store's month takes, once their delay has passed."""
    app.clock.at += 2 * CAUSE_REBUILD_DELAY
    return time_per_rollup(app)


def time_per_rollup(app: App) -> float:
    """Return the seconds of one batch of the worker, divided by the number of rollups in it."""
    begun = time.perf_counter()
    recomputed = refresh_rollups(app.back_office)
    return (time.perf_counter() - begun) / recomputed


def time_logging(app: App, shop: Shop) -> tuple[list[float], list[float]]:
    """Return the seconds that logging takes without dirty days and with them, measured in turn."""
    without_dirty_days: list[float] = []
    with_dirty_days: list[float] = []

    def log_concern() -> None:
        body = {"mood": 2, "category": "food", "cause": "cold", "their_words": "It is stone cold."}
        answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
        assert answer.status_code == 201, answer.text

    for _ in range(LOGGED_CONCERNS):
        with patch.object(DirtyDay, "rows", lambda *_: []):
            without_dirty_days.append(measure_seconds(log_concern))
        with_dirty_days.append(measure_seconds(log_concern))
    return without_dirty_days, with_dirty_days


def rollup_sizes(sql: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Return the rows of each rollup table and its bytes, indexes included."""
    sizes = {}
    for table in ("rollup_day", "rollup_month", "rollup_cause"):
        stmt = f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"  # noqa: S608 our own names
        row = sql.execute(stmt).fetchone()
        sizes[table] = row or (0, 0)
    return sizes


def run_bench(history: History) -> Iterator[Figures]:
    """Run the year's report with a third of the concerns, then the whole benchmark with all of them."""
    with organization_with_history(replace(history, concerns=history.concerns // 3)) as organization:
        year_with_a_third = time_year_report(organization)
    with organization_with_history(history) as organization:
        yield measure(organization, year_with_a_third)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--concerns", type=int, default=10_000_000)
    parser.add_argument("--stores", type=int, default=2000)
    arguments = parser.parse_args()
    sys.exit(report(run_bench(History(arguments.concerns, arguments.stores, days=365))))
