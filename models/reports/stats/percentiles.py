"""Median and 90th percentile after PERCENTILE_CONT, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEDIAN, P90 = 5, 9  # in tenths of the way from the smallest to the largest

Values = NDArray[np.int64]


@dataclass(frozen=True)
class Percentiles:
    """How long something took, in minutes, over the `n` times it happened."""

    median: float | None
    p90: float | None
    n: int


NO_PERCENTILES = Percentiles(None, None, 0)


def percentiles_of(seconds: Values) -> Percentiles:
    """The percentiles of all these whole seconds, in any order."""
    in_order: list[int] = np.sort(seconds).tolist()
    return (
        Percentiles(_minutes(in_order, MEDIAN), _minutes(in_order, P90), len(in_order)) if in_order else NO_PERCENTILES
    )


def _minutes(in_order: Sequence[int], tenths: int) -> float:
    """Linear interpolation between the two neighbouring ranks; whole numbers up to the last step."""
    below, rest = divmod((len(in_order) - 1) * tenths, 10)
    above = below + 1 if rest else below
    return (in_order[below] * (10 - rest) + in_order[above] * rest) / 600
