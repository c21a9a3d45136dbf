"""Median and 90th percentile, exactly."""

import math
import statistics
from random import Random

import numpy as np

from models.reports.stats.percentiles import percentiles_of


def of(seconds: list[int]) -> tuple[float | None, float | None, int]:
    """Median, p90 and n, in minutes."""
    it = percentiles_of(np.array(seconds, dtype=np.int64))
    return it.median, it.p90, it.n


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert of([90]) == (1.5, 1.5, 1)


def test_between_two_values_the_way_is_shared() -> None:
    assert of([600, 0]) == (5.0, 9.0, 2)


def test_values_that_tie_are_each_counted() -> None:
    assert of([60, 60, 60]) == (1.0, 1.0, 3)
    assert of([0, 60, 60, 60, 120]) == (1.0, 1.6, 5)


def test_a_percentile_that_falls_on_a_value_is_that_value() -> None:
    assert of([60 * value for value in range(11)]) == (5.0, 9.0, 11)


def test_they_are_those_of_the_standard_library() -> None:
    rng = Random(7)
    for size in (2, 3, 9, 10, 12, 99, 100, 1000):
        group = [rng.randrange(10**6) for _ in range(size)]
        median, p90, n = of(group)
        tenths = statistics.quantiles(group, n=10, method="inclusive")  # documented as PERCENTILE_CONT's way
        assert n == len(group)
        assert math.isclose(median, tenths[4] / 60, rel_tol=1e-12)
        assert math.isclose(p90, tenths[8] / 60, rel_tol=1e-12)


def test_of_nothing_there_is_nothing_to_read_off() -> None:
    assert of([]) == (None, None, 0)
