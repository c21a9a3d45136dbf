"""Median and 90th percentile, read off by the database."""

import math
import statistics
from random import Random

import pytest
import sqlalchemy as sa

from models.reports.percentiles import neighbours, spread
from models.session import Database, DatabaseRole


def from_the_database(url: str, *groups: list[int]) -> list[tuple[float | None, float | None, int]]:
    """Median, p90 and n of each group of seconds, in minutes."""
    table = sa.values(sa.column("it", sa.Integer), sa.column("seconds", sa.Integer), name="measured")
    rows = [(number, seconds) for number, group in enumerate(groups) for seconds in group]
    measured = table.data(rows).cte("measured_cte")
    question = neighbours(sa.select(measured), measured.c.seconds, [measured.c.it])
    database = Database(url, DatabaseRole.WORKER)
    found: dict[int, dict[int, int]] = {}
    sizes = {}
    with database.engine.connect() as connection:
        for row in connection.execute(question):
            found.setdefault(row.key_0, {})[row.place] = row.seconds
            sizes[row.key_0] = row.n
    database.close()
    spreads = [spread(sizes[number], found[number]) for number in range(len(groups))]
    return [(it.median, it.p90, it.n) for it in spreads]


def test_of_one_value_every_percentile_is_that_value(database_url: str) -> None:
    assert from_the_database(database_url, [90]) == [(1.5, 1.5, 1)]


def test_between_two_values_the_way_is_shared(database_url: str) -> None:
    assert from_the_database(database_url, [600, 0]) == [(5.0, 9.0, 2)]


def test_values_that_tie_are_each_counted(database_url: str) -> None:
    assert from_the_database(database_url, [60, 60, 60], [0, 60, 60, 60, 120]) == [(1.0, 1.0, 3), (1.0, 1.6, 5)]


def test_a_percentile_that_falls_on_a_value_is_that_value(database_url: str) -> None:
    eleven = [60 * value for value in range(11)]
    assert from_the_database(database_url, eleven) == [(5.0, 9.0, 11)]


def test_they_are_those_of_the_standard_library(database_url: str) -> None:
    rng = Random(7)
    groups = [[rng.randrange(10**6) for _ in range(size)] for size in (2, 3, 9, 10, 12, 99, 100, 1000)]
    for group, (median, p90, n) in zip(groups, from_the_database(database_url, *groups), strict=True):
        tenths = statistics.quantiles(group, n=10, method="inclusive")  # documented as PERCENTILE_CONT's way
        assert n == len(group)
        assert math.isclose(median, tenths[4] / 60, rel_tol=1e-12)
        assert math.isclose(p90, tenths[8] / 60, rel_tol=1e-12)


def test_of_nothing_there_is_nothing_to_read_off(database_url: str) -> None:
    with pytest.raises(KeyError):
        spread(1, {})
