"""Histograms: counts exact, percentiles within one per cent, and two of them together are one after the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.reports.stats.ddsketch import MAX_COUNT, compact, pack_values, percentiles_of_sketch, unpack
from tests.support.assertions import matches_recount
from tests.support.oracle.recovery_recount import spread as recounted

YEAR = 365 * 24 * 3600
SECONDS = st.lists(st.integers(0, 20 * YEAR), max_size=60)


def histogram(seconds: list[int]) -> bytes:
    return pack_values(np.array(seconds, dtype=np.int64))


@given(SECONDS)
def test_percentiles_are_within_one_per_cent_whatever_was_measured(seconds: list[int]) -> None:
    from_histogram = vars(percentiles_of_sketch(unpack(histogram(seconds))))
    assert matches_recount(from_histogram, recounted(value / 60 for value in seconds))  # type: ignore[arg-type]  # any number


@given(st.lists(SECONDS, max_size=5))
def test_histograms_together_are_one_after_the_other(parts: list[list[int]]) -> None:
    together = unpack(b"".join(map(histogram, parts)))
    assert np.array_equal(together, unpack(histogram([value for part in parts for value in part])))


@given(SECONDS, st.integers(1, 10 * MAX_COUNT))
def test_in_fewer_words_it_says_the_same(seconds: list[int], times: int) -> None:
    often = histogram(seconds * times)
    assert np.array_equal(unpack(compact(often)), unpack(often))
    assert len(compact(often)) <= len(often)


def test_what_was_met_often_takes_few_words() -> None:
    assert len(compact(histogram([60] * 10 * MAX_COUNT))) == 10 * len(histogram([60]))


def test_nothing_is_nothing() -> None:
    assert histogram([]) == compact(b"") == b""
    assert vars(percentiles_of_sketch(unpack(b""))) == {"median": None, "p90": None, "n": 0}
