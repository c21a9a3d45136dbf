"""How long things took, counted in steps of two per cent: percentiles within one per cent, whatever was added up.

A DDSketch without collapsing (Masson, Rim and Lee, VLDB 2019): the step of a value is the ceiling of its logarithm to
the base GAMMA. Packed, each step that was met is one 16-bit word, ten bits for the step and six for how often; what
was met more often takes several words. So the packed form of two histograms together is one after the other.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.reports.percentiles import MEDIAN, NOTHING, P90, Spread

RELATIVE_ERROR: Final = 0.01
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
STEPS: Final = 1024  # the last one stands for twenty years and more
MOST: Final = 63  # times that one word can count

_TIMES_BITS: Final = MOST.bit_length()
# What a step says it was: the middle of its bounds, in the measure of relative error. The first is no time at all.
_VALUES: Final = np.concatenate([[0.0], 2 * GAMMA ** np.arange(STEPS - 1, dtype=float) / (GAMMA + 1)])

Counts = NDArray[np.int64]


def counts_of(seconds: Iterable[int], times: Iterable[int]) -> Counts:
    """How often each step was met by these whole seconds, each of which was met so many times."""
    values = np.fromiter(seconds, dtype=float)
    steps = np.ceil(np.log(np.maximum(values, 1)) / np.log(GAMMA)) + 1
    steps = np.where(values > 0, np.minimum(steps, STEPS - 1), 0).astype(np.int64)
    weights = np.fromiter(times, dtype=np.int64, count=len(steps))
    return np.bincount(steps, weights=weights, minlength=STEPS).astype(np.int64)


def pack(counts: Counts) -> bytes:
    """The histogram as it is kept."""
    full, rest = np.divmod(counts, MOST)
    steps = np.arange(STEPS) << _TIMES_BITS
    words = np.concatenate([np.repeat(steps | MOST, full), (steps | rest)[rest > 0]])
    return words.astype("<u2").tobytes()


def unpack(packed: Iterable[bytes]) -> Counts:
    """The counts of all these packed histograms together."""
    words = np.frombuffer(b"".join(packed), dtype="<u2")
    return np.bincount(words >> _TIMES_BITS, weights=words & MOST, minlength=STEPS).astype(np.int64)


def spread(counts: Counts) -> Spread:
    """Median and 90th percentile in minutes, by linear interpolation between the two neighbouring ranks."""
    n = int(counts.sum())
    return Spread(_minutes(counts, MEDIAN, n), _minutes(counts, P90, n), n) if n else NOTHING


def _minutes(counts: Counts, tenths: int, n: int) -> float:
    below, rest = divmod((n - 1) * tenths, 10)
    ranks = [below, below + 1 if rest else below]
    lower, upper = _VALUES[np.searchsorted(counts.cumsum(), ranks, side="right")]
    return float(lower * (10 - rest) + upper * rest) / 600
