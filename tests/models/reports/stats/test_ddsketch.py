"""DDSketch: counts are exact, percentiles within one per cent, and sketches are added by concatenating them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.reports.stats.ddsketch import MAX_COUNT, compact, pack_values, percentiles_of_sketch, unpack
from tests.support.assertions import matches_recount
from tests.support.oracle.recovery_recount import percentiles

YEAR = 365 * 24 * 3600
SECONDS = st.lists(st.integers(0, 20 * YEAR), max_size=60)


def sketch(seconds: list[int]) -> bytes:
    return pack_values(np.array(seconds, dtype=np.int64))


@given(SECONDS)
def test_percentiles_are_within_one_per_cent_of_the_exact_ones(seconds: list[int]) -> None:
    from_sketch = vars(percentiles_of_sketch(unpack(sketch(seconds))))
    assert matches_recount(from_sketch, percentiles(value / 60 for value in seconds))  # type: ignore[arg-type]  # floats will do


@given(st.lists(SECONDS, max_size=5))
def test_concatenated_sketches_are_the_sketch_of_all_values(parts: list[list[int]]) -> None:
    concatenated = unpack(b"".join(map(sketch, parts)))
    assert np.array_equal(concatenated, unpack(sketch([value for part in parts for value in part])))


@given(SECONDS, st.integers(1, 10 * MAX_COUNT))
def test_a_compacted_sketch_has_the_same_counts_in_no_more_bytes(seconds: list[int], times: int) -> None:
    repeated = sketch(seconds * times)
    assert np.array_equal(unpack(compact(repeated)), unpack(repeated))
    assert len(compact(repeated)) <= len(repeated)


def test_many_equal_values_take_one_word_for_each_max_count() -> None:
    assert len(compact(sketch([60] * 10 * MAX_COUNT))) == 10 * len(sketch([60]))


def test_no_values_make_an_empty_sketch_without_percentiles() -> None:
    assert sketch([]) == compact(b"") == b""
    assert vars(percentiles_of_sketch(unpack(b""))) == {"median": None, "p90": None, "n": 0}
