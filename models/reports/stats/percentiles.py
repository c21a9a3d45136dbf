"""Median and 90th percentile, defined as PERCENTILE_CONT of SQL, exact but for the one decimal that is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.reports.stats.rounding import LOG_MINUTE_DECIMALS, round_ratio

MEDIAN, P90 = 5, 9  # in tenths of the distance from the smallest to the largest rank

Values = NDArray[np.int64]


@dataclass(frozen=True)
class Percentiles:
    """Median and 90th percentile of `n` durations, in minutes; None where `n` is 0."""

    median: float | None
    p90: float | None
    n: int


NO_PERCENTILES = Percentiles(None, None, 0)


def percentiles_of(seconds: Values) -> Percentiles:
    """Return the percentiles of these whole seconds, in any order: exact, then rounded to a decimal of a minute."""
    if not len(seconds):
        return NO_PERCENTILES
    ordered: list[int] = np.sort(seconds).tolist()
    return Percentiles(_minutes(ordered, MEDIAN), _minutes(ordered, P90), len(ordered))


def _minutes(ordered: Sequence[int], tenths: int) -> float:
    """Interpolate linearly between the two neighbouring ranks, in whole numbers up to the last division."""
    lower, rest = divmod((len(ordered) - 1) * tenths, 10)
    upper = lower + 1 if rest else lower
    return round_ratio(ordered[lower] * (10 - rest) + ordered[upper] * rest, 600, LOG_MINUTE_DECIMALS)
