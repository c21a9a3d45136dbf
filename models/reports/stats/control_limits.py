"""Control limits of a funnel plot: the range in which a store differs from all stores together by chance alone.

After Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine 2005: the larger the
denominator of a store, the narrower its limits. The limits are exact, from the binomial distribution for shares and
from the Poisson distribution for counts. Of stores that do not differ, at most one in twenty lies outside the 95 %
limits.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.policy_defaults import MIN_RATE_DENOMINATOR
from models.reports.stats.rate import Rate
from models.reports.stats.rounding import COUNT_DECIMALS, RATE_DECIMALS, round_ratio

TAIL_PROBABILITIES: Final = {"95": 0.025, "99.8": 0.001}  # on either side of the distribution
MAX_DEVIATIONS: Final = 12  # standard deviations from the mean; the probability beyond is negligible


@dataclass(frozen=True)
class ControlLimits:
    """Limits of the range that chance alone explains, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class ControlPoint:
    """Figure of one store and its `target`, the figure of all stores together.

    `outside` is the key of the widest limits that the value lies outside of, or None. `figure` names the figure.
    """

    value: float
    target: float
    limits: dict[str, ControlLimits]
    outside: str | None
    figure: str = ""


def compare_rate(rate: Rate, overall: Rate) -> ControlPoint | None:
    """Compare a store's rate with that of all stores.

    Returns None for a denominator below MIN_RATE_DENOMINATOR, and where the overall rate is 0 or 1.
    """
    n = rate.denominator
    if n < MIN_RATE_DENOMINATOR or not 0 < overall.numerator < overall.denominator:
        return None
    target = overall.numerator / overall.denominator
    odds = target / (1 - target)
    first, last = _countable_range(n * target, n * target * (1 - target))
    counts = np.arange(first + 1, min(last, n) + 1)
    distribution = _from_ratios(first, (n - counts + 1) / counts * odds)
    return _control_point(rate.numerator, n, overall, distribution, decimals=RATE_DECIMALS)


def compare_count(count: int, exposure: int, overall: Rate, *, per: int) -> ControlPoint | None:
    """Compare a store's count with the one that the overall rate would give for its exposure.

    Args:
        count: the events of the store, such as its concerns.
        exposure: what the count is relative to, such as its transactions.
        overall: count and exposure of all stores together.
        per: the exposure for which the figures of the result are given, such as 1000 transactions.

    Returns None for an exposure below MIN_RATE_DENOMINATOR, and where there are no events at all.
    """
    if exposure < MIN_RATE_DENOMINATOR or not overall.numerator:
        return None
    expected = exposure * overall.numerator / overall.denominator
    first, last = _countable_range(expected, expected)
    counts = np.arange(first + 1, last + 1)
    distribution = _from_ratios(first, expected / counts)
    return _control_point(count, exposure, overall, distribution, per=per, decimals=COUNT_DECIMALS)


@dataclass(frozen=True)
class _Distribution:
    """Probabilities of `first` and of each count after it."""

    first: int
    probabilities: NDArray[np.float64]

    def limits(self, tail: float) -> tuple[int, int]:
        """Return the lowest and the highest count whose tail, itself included, is at least this probable."""
        below = np.cumsum(self.probabilities)
        above = np.cumsum(self.probabilities[::-1])
        return self.first + int(np.argmax(below >= tail)), self.first + len(above) - 1 - int(np.argmax(above >= tail))


def _countable_range(mean: float, variance: float) -> tuple[int, int]:
    """Return the first and the last count that has to be considered."""
    width = MAX_DEVIATIONS * sqrt(variance) + MAX_DEVIATIONS
    return max(0, int(mean - width)), int(mean + width)


def _from_ratios(first: int, ratios: NDArray[np.float64]) -> _Distribution:
    """Return the distribution whose probabilities have these ratios, each to the one before it."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    return _Distribution(first, weights / weights.sum())


def _control_point(
    count: int, exposure: int, overall: Rate, distribution: _Distribution, *, per: int = 1, decimals: int
) -> ControlPoint:
    def figure(events: int, of: int) -> float:
        return round_ratio(events * per, of, decimals)

    count_limits = {name: distribution.limits(tail) for name, tail in TAIL_PROBABILITIES.items()}
    outside = [name for name, (low, high) in count_limits.items() if not low <= count <= high]
    limits = {
        name: ControlLimits(figure(low, exposure), figure(high, exposure)) for name, (low, high) in count_limits.items()
    }
    target = figure(overall.numerator, overall.denominator)
    return ControlPoint(figure(count, exposure), target, limits, outside[-1] if outside else None)
