"""How long things took, counted in steps of two per cent: percentiles within one per cent, whatever was added up.

A DDSketch without collapsing (Masson, Rim and Lee, VLDB 2019): the step of a value is the ceiling of its logarithm to
the base GAMMA. Packed, each step that was met is one 16-bit word, ten bits for the step and six for how often; what
was met more often takes several words. So the packed form of two histograms together is one after the other.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.reports.stats.percentiles import MEDIAN, NO_PERCENTILES, P90, Percentiles, Values

RELATIVE_ERROR: Final = 0.01
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
BUCKETS: Final = 1024  # the last one stands for twenty years and more
MAX_COUNT: Final = 63  # times that one word can count

_COUNT_BITS: Final = MAX_COUNT.bit_length()
# What a step says it was: the middle of its bounds, in the measure of relative error. The first is no time at all.
_BUCKET_VALUES: Final = np.concatenate([[0.0], 2 * GAMMA ** np.arange(BUCKETS - 1, dtype=float) / (GAMMA + 1)])

_LOG_GAMMA: Final = np.log(GAMMA)
_WORD: Final = np.dtype("<u2")
_COMPACT_FROM: Final = 64 * _WORD.itemsize

Counts = NDArray[np.int64]


def pack_values(seconds: Values) -> bytes:
    """The histogram of these whole seconds, a word for each of them."""
    steps = np.ceil(np.log(np.maximum(seconds, 1)) / _LOG_GAMMA) + 1
    steps = np.where(seconds > 0, np.minimum(steps, BUCKETS - 1), 0).astype(_WORD)
    return (steps << _COUNT_BITS | 1).tobytes()


def compact(together: bytes) -> bytes:
    """The same histogram in as few words as it takes, where there are many."""
    return together if len(together) <= _COMPACT_FROM else _pack(unpack(together))


def unpack(together: bytes) -> Counts:
    """How often each step was met, in packed histograms one after the other."""
    words = np.frombuffer(together, dtype=_WORD)
    return np.bincount(words >> _COUNT_BITS, weights=words & MAX_COUNT, minlength=BUCKETS).astype(np.int64)


def _pack(counts: Counts) -> bytes:
    full, rest = np.divmod(counts, MAX_COUNT)
    steps = np.arange(BUCKETS) << _COUNT_BITS
    words = np.concatenate([np.repeat(steps | MAX_COUNT, full), (steps | rest)[rest > 0]])
    return words.astype(_WORD).tobytes()


def percentiles_of_sketch(counts: Counts) -> Percentiles:
    """Median and 90th percentile in minutes, by linear interpolation between the two neighbouring ranks."""
    n = int(counts.sum())
    return Percentiles(_minutes(counts, MEDIAN, n), _minutes(counts, P90, n), n) if n else NO_PERCENTILES


def _minutes(counts: Counts, tenths: int, n: int) -> float:
    below, rest = divmod((n - 1) * tenths, 10)
    ranks = [below, below + 1 if rest else below]
    lower, upper = _BUCKET_VALUES[np.searchsorted(counts.cumsum(), ranks, side="right")]
    return float(lower * (10 - rest) + upper * rest) / 600
