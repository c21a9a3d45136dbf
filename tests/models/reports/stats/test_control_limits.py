"""Limits for comparing stores: of those that do not differ few are flagged, and those that do are found."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reports.stats.control_limits import ControlPoint, compare_count, compare_rate
from models.reports.stats.rate import Rate

STORES, PER = 400, 1000


def sum_of(shares: list[Rate]) -> Rate:
    return Rate(sum(it.numerator for it in shares), sum(it.denominator for it in shares))


def chain(chance: Random, rates: list[float]) -> list[Rate]:
    """What stores of very different sizes show, each by its own rate."""
    sizes = [int(10 ** chance.uniform(1, 3.5)) for _ in rates]
    return [Rate(sum(chance.random() < rate for _ in range(n)), n) for rate, n in zip(rates, sizes, strict=True)]


def judged(stores: list[Rate]) -> list[ControlPoint]:
    of_all = sum_of(stores)
    return [it for it in (compare_rate(store, of_all) for store in stores) if it is not None]


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5, 0.85, 0.97])
def test_of_stores_that_do_not_differ_at_most_one_in_twenty_is_flagged(rate: float) -> None:
    flagged = [store.outside for store in judged(chain(Random(1), [rate] * STORES)) if store.outside]
    assert len(flagged) <= 0.05 * STORES
    assert flagged.count("99.8") <= 0.01 * STORES


def test_of_counts_that_do_not_differ_at_most_one_in_twenty_is_flagged() -> None:
    chance = Random(2)
    sizes = [chance.randint(50, 9000) for _ in range(STORES)]
    stores = [Rate(sum(chance.random() < 0.004 for _ in range(n)), n) for n in sizes]
    found = [compare_count(it.numerator, it.denominator, sum_of(stores), per=PER) for it in stores]
    assert sum(it is not None and it.outside is not None for it in found) <= 0.05 * STORES


def test_a_store_that_does_differ_is_found() -> None:
    chance = Random(3)
    ordinary = chain(chance, [0.8] * STORES)
    worse, better = (Rate(sum(chance.random() < rate for _ in range(300)), 300) for rate in (0.6, 0.95))
    of_all = sum_of([*ordinary, worse, better])
    told = [compare_rate(store, of_all) for store in (worse, better)]
    assert [it.outside for it in told if it] == ["99.8", "99.8"]
    assert told[0] is not None
    assert told[0].value < told[0].limits["99.8"].low < told[0].limits["95"].low < told[0].target


@given(st.integers(10, 400), st.floats(0.01, 0.99), st.data())
def test_the_limits_are_those_of_the_binomial_distribution(n: int, rate: float, data: st.DataObject) -> None:
    of_all = Rate(round(rate * 10_000), 10_000)
    count = data.draw(st.integers(0, n))
    control = compare_rate(Rate(count, n), of_all)
    assert control is not None
    p = of_all.numerator / of_all.denominator

    def likely(k: int) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    tails = (math.fsum(likely(k) for k in range(count + 1)), math.fsum(likely(k) for k in range(count, n + 1)))
    if abs(min(tails) - 0.025) > 1e-9:
        assert (control.outside is not None) == (min(tails) < 0.025)


def test_what_nothing_can_be_said_of_is_not_judged() -> None:
    assert compare_rate(Rate(3, 9), Rate(50, 100)) is None
    assert compare_rate(Rate(10, 10), Rate(100, 100)) is None
    assert compare_count(0, 500, Rate(0, 1000), per=PER) is None
    assert compare_count(3, 9, Rate(5, 1000), per=PER) is None
