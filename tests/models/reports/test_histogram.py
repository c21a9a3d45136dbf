"""Histograms: counts exact, percentiles within one per cent, and two of them together are one after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.reports.histogram import MOST, STEPS, counts_of, pack, spread, unpack
from tests.agreement import agrees
from tests.recount import spread as recounted

YEAR = 365 * 24 * 3600
SECONDS = st.lists(st.integers(0, 20 * YEAR), max_size=60)


def histogram(seconds: list[int]) -> bytes:
    return pack(counts_of(seconds, [1] * len(seconds)))


@given(SECONDS)
def test_percentiles_are_within_one_per_cent_whatever_was_measured(seconds: list[int]) -> None:
    from_histogram = vars(spread(unpack([histogram(seconds)])))
    assert agrees(from_histogram, recounted(value / 60 for value in seconds))  # type: ignore[arg-type]  # any number


@given(st.lists(SECONDS, max_size=5))
def test_histograms_together_are_one_after_the_other(parts: list[list[int]]) -> None:
    together = unpack([b"".join(map(histogram, parts))])
    assert np.array_equal(together, unpack(map(histogram, parts)))
    assert np.array_equal(together, unpack([histogram([value for part in parts for value in part])]))


@given(st.integers(0, STEPS - 1), st.integers(1, 10 * MOST))
def test_what_was_met_often_is_counted_to_the_last_time(step: int, times: int) -> None:
    counts = np.zeros(STEPS, np.int64)
    counts[step] = times
    assert np.array_equal(unpack([pack(counts)]), counts)


def test_nothing_is_nothing() -> None:
    assert pack(unpack([])) == b""
    assert vars(spread(unpack([b""]))) == {"median": None, "p90": None, "n": 0}
