"""Control limits: few stores that do not differ lie outside, and stores that do differ are recognized."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reports.stats.control_limits import ControlPoint, compare_count, compare_rate
from models.reports.stats.rate import Rate

STORES, PER = 400, 1000


def overall_rate(rates: list[Rate]) -> Rate:
    return Rate(sum(rate.numerator for rate in rates), sum(rate.denominator for rate in rates))


def random_rates(rng: Random, probabilities: list[float]) -> list[Rate]:
    """Return a rate for each store by its own probability. The stores are of very different sizes."""
    sizes = [int(10 ** rng.uniform(1, 3.5)) for _ in probabilities]
    return [
        Rate(sum(rng.random() < probability for _ in range(n)), n)
        for probability, n in zip(probabilities, sizes, strict=True)
    ]


def control_points(rates: list[Rate]) -> list[ControlPoint]:
    overall = overall_rate(rates)
    return [point for point in (compare_rate(rate, overall) for rate in rates) if point is not None]


@pytest.mark.parametrize("probability", [0.02, 0.2, 0.5, 0.85, 0.97])
def test_at_most_one_in_twenty_rates_of_equal_stores_lies_outside(probability: float) -> None:
    points = control_points(random_rates(Random(1), [probability] * STORES))
    outside = [point.outside for point in points if point.outside]
    assert len(outside) <= 0.05 * STORES
    assert outside.count("99.8") <= 0.01 * STORES


def test_at_most_one_in_twenty_counts_of_equal_stores_lies_outside() -> None:
    rng = Random(2)
    sizes = [rng.randint(50, 9000) for _ in range(STORES)]
    rates = [Rate(sum(rng.random() < 0.004 for _ in range(n)), n) for n in sizes]
    points = [compare_count(rate.numerator, rate.denominator, overall_rate(rates), per=PER) for rate in rates]
    assert sum(point is not None and point.outside is not None for point in points) <= 0.05 * STORES


def test_a_store_that_differs_lies_outside() -> None:
    rng = Random(3)
    equal = random_rates(rng, [0.8] * STORES)
    worse, better = (Rate(sum(rng.random() < probability for _ in range(300)), 300) for probability in (0.6, 0.95))
    overall = overall_rate([*equal, worse, better])
    points = [compare_rate(rate, overall) for rate in (worse, better)]
    assert [point.outside for point in points if point] == ["99.8", "99.8"]
    assert points[0] is not None
    assert points[0].value < points[0].limits["99.8"].low < points[0].limits["95"].low < points[0].target


@given(st.integers(10, 400), st.floats(0.01, 0.99), st.data())
def test_the_limits_are_those_of_the_binomial_distribution(n: int, probability: float, data: st.DataObject) -> None:
    overall = Rate(round(probability * 10_000), 10_000)
    count = data.draw(st.integers(0, n))
    point = compare_rate(Rate(count, n), overall)
    assert point is not None
    p = overall.numerator / overall.denominator

    def binomial(k: int) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    tails = (math.fsum(binomial(k) for k in range(count + 1)), math.fsum(binomial(k) for k in range(count, n + 1)))
    if abs(min(tails) - 0.025) > 1e-9:
        assert (point.outside is not None) == (min(tails) < 0.025)


def test_there_is_no_comparison_without_enough_events_or_a_difference() -> None:
    assert compare_rate(Rate(3, 9), Rate(50, 100)) is None
    assert compare_rate(Rate(10, 10), Rate(100, 100)) is None
    assert compare_count(0, 500, Rate(0, 1000), per=PER) is None
    assert compare_count(3, 9, Rate(5, 1000), per=PER) is None
