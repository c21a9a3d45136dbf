"""DDSketch: durations counted in buckets two per cent wide, for percentiles within one per cent of any sum of sketches.

A DDSketch without collapsing (Masson, Rim and Lee, VLDB 2019): the bucket of a value is the ceiling of its logarithm to
the base GAMMA. In packed form each bucket that holds anything is one 16-bit word: ten bits for the bucket and six for
its count. A larger count takes several words. Packed sketches are therefore added by concatenating them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.reports.stats.percentiles import MEDIAN, NO_PERCENTILES, P90, Percentiles, Values
from models.reports.stats.rounding import round_significant

RELATIVE_ERROR: Final = 0.01
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
BUCKETS: Final = 1024  # the last one holds twenty years and more
MAX_COUNT: Final = 63  # the count that fits into one word

_COUNT_BITS: Final = MAX_COUNT.bit_length()
# The value that stands for each bucket: its centre in terms of relative error. The first bucket is zero seconds.
_BUCKET_VALUES: Final = np.concatenate([[0.0], 2 * GAMMA ** np.arange(BUCKETS - 1, dtype=float) / (GAMMA + 1)])

_LOG_GAMMA: Final = np.log(GAMMA)
_WORD: Final = np.dtype("<u2")
_COMPACT_FROM: Final = 64 * _WORD.itemsize  # bytes; below this, compacting saves too little

Counts = NDArray[np.int64]


def pack_values(seconds: Values) -> bytes:
    """Return the packed sketch of these whole seconds, with one word for each value."""
    buckets = np.ceil(np.log(np.maximum(seconds, 1)) / _LOG_GAMMA) + 1
    buckets = np.where(seconds > 0, np.minimum(buckets, BUCKETS - 1), 0).astype(_WORD)
    return (buckets << _COUNT_BITS | 1).tobytes()


def compact(packed: bytes) -> bytes:
    """Return the same sketch in as few words as possible, if it is long."""
    return packed if len(packed) <= _COMPACT_FROM else _pack_counts(unpack(packed))


def unpack(packed: bytes) -> Counts:
    """Return the count of each bucket of a packed sketch, or of several ones that were concatenated."""
    words = np.frombuffer(packed, dtype=_WORD)
    return np.bincount(words >> _COUNT_BITS, weights=words & MAX_COUNT, minlength=BUCKETS).astype(np.int64)


def _pack_counts(counts: Counts) -> bytes:
    full_words, rest = np.divmod(counts, MAX_COUNT)
    buckets = np.arange(BUCKETS) << _COUNT_BITS
    words = np.concatenate([np.repeat(buckets | MAX_COUNT, full_words), (buckets | rest)[rest > 0]])
    return words.astype(_WORD).tobytes()


def percentiles_of_sketch(counts: Counts) -> Percentiles:
    """Return median and 90th percentile in minutes, each within RELATIVE_ERROR, then rounded.

    Interpolates linearly between the two neighbouring ranks, as PERCENTILE_CONT does.
    """
    n = int(counts.sum())
    return Percentiles(_minutes(counts, MEDIAN, n), _minutes(counts, P90, n), n) if n else NO_PERCENTILES


def _minutes(counts: Counts, tenths: int, n: int) -> float:
    rank, rest = divmod((n - 1) * tenths, 10)
    ranks = [rank, rank + 1 if rest else rank]
    lower, upper = _BUCKET_VALUES[np.searchsorted(counts.cumsum(), ranks, side="right")]
    return round_significant(float(lower * (10 - rest) + upper * rest) / 600)
