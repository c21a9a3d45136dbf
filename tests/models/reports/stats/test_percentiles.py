"""Median and 90th percentile: exact, and rounded to a decimal of a minute."""

import math
import statistics
from random import Random

import numpy as np

from models.reports.stats.percentiles import percentiles_of


def median_p90_n(seconds: list[int]) -> tuple[float | None, float | None, int]:
    """Return median and 90th percentile in minutes, and how many values there are."""
    percentiles = percentiles_of(np.array(seconds, dtype=np.int64))
    return percentiles.median, percentiles.p90, percentiles.n


def test_every_percentile_of_one_value_is_that_value() -> None:
    assert median_p90_n([90]) == (1.5, 1.5, 1)


def test_a_percentile_between_two_values_is_interpolated() -> None:
    assert median_p90_n([600, 0]) == (5.0, 9.0, 2)


def test_equal_values_count_each() -> None:
    assert median_p90_n([60, 60, 60]) == (1.0, 1.0, 3)
    assert median_p90_n([0, 60, 60, 60, 120]) == (1.0, 1.6, 5)


def test_a_percentile_at_a_rank_is_the_value_of_that_rank() -> None:
    assert median_p90_n([60 * value for value in range(11)]) == (5.0, 9.0, 11)


def test_percentiles_are_those_of_the_standard_library() -> None:
    rng = Random(7)
    for size in (2, 3, 9, 10, 12, 99, 100, 1000):
        seconds = [rng.randrange(10**6) for _ in range(size)]
        median, p90, n = median_p90_n(seconds)
        tenths = statistics.quantiles(seconds, n=10, method="inclusive")  # the method of PERCENTILE_CONT
        assert n == len(seconds)
        assert math.isclose(median, tenths[4] / 60, abs_tol=0.05 + 1e-9)
        assert math.isclose(p90, tenths[8] / 60, abs_tol=0.05 + 1e-9)


def test_no_values_have_no_percentiles() -> None:
    assert median_p90_n([]) == (None, None, 0)
