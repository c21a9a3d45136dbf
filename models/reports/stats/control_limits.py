"""Comparing stores fairly: limits within which a store differs from all of them together by chance alone.

A funnel plot (Spiegelhalter, Statistics in Medicine 2005): the more a store has to show, the narrower its limits. They
are exact, of the binomial distribution for shares and of the Poisson distribution for counts, so that of stores that do
not differ at most one in twenty lies outside the 95 % limits.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.policy_defaults import MIN_RATE_DENOMINATOR
from models.reports.stats.rate import Rate

TAIL_PROBABILITIES: Final = {"95": 0.025, "99.8": 0.001}  # of the distribution, on either side
MAX_DEVIATIONS: Final = 12  # standard deviations, beyond which nothing is left to count


@dataclass(frozen=True)
class ControlLimits:
    """What lies from `low` to `high` may well be chance."""

    low: float
    high: float


@dataclass(frozen=True)
class ControlPoint:
    """A figure of one store beside that of all. `outside` names the widest limits it lies outside of, if any."""

    value: float
    target: float
    limits: dict[str, ControlLimits]
    outside: str | None


def compare_rate(share: Rate, of_all: Rate) -> ControlPoint | None:
    """Whether a share differs from that of all; None where too few are behind it, or all shares are alike."""
    n = share.denominator
    if n < MIN_RATE_DENOMINATOR or not 0 < of_all.numerator < of_all.denominator:
        return None
    target = of_all.numerator / of_all.denominator
    odds = target / (1 - target)
    first, last = _countable_range(n * target, n * target * (1 - target))
    times = np.arange(first + 1, min(last, n) + 1)
    return _control_point(share.numerator, target, n, _from_ratios(first, (n - times + 1) / times * odds))


def compare_count(count: int, exposure: int, of_all: Rate, *, per: int) -> ControlPoint | None:
    """Whether so many in so much `exposure` differ from what all have; figures are for each `per` of it."""
    if exposure < MIN_RATE_DENOMINATOR or not of_all.numerator:
        return None
    expected = exposure * of_all.numerator / of_all.denominator
    first, last = _countable_range(expected, expected)
    times = np.arange(first + 1, last + 1)
    return _control_point(count, expected / exposure * per, exposure / per, _from_ratios(first, expected / times))


@dataclass(frozen=True)
class _Distribution:
    """How likely `first` is, and each number after it."""

    first: int
    chances: NDArray[np.float64]

    def within(self, tail: float) -> tuple[int, int]:
        """The lowest and the highest number that neither tail is too small for."""
        below = np.cumsum(self.chances)
        above = np.cumsum(self.chances[::-1])
        return self.first + int(np.argmax(below >= tail)), self.first + len(above) - 1 - int(np.argmax(above >= tail))


def _countable_range(mean: float, variance: float) -> tuple[int, int]:
    width = MAX_DEVIATIONS * sqrt(variance) + MAX_DEVIATIONS
    return max(0, int(mean - width)), int(mean + width)


def _from_ratios(first: int, ratios: NDArray[np.float64]) -> _Distribution:
    """From how much likelier each number is than the one before it."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    return _Distribution(first, weights / weights.sum())


def _control_point(count: int, target: float, unit: float, distribution: _Distribution) -> ControlPoint:
    within = {name: distribution.within(tail) for name, tail in TAIL_PROBABILITIES.items()}
    outside = [name for name, (low, high) in within.items() if not low <= count <= high]
    limits = {name: ControlLimits(low / unit, high / unit) for name, (low, high) in within.items()}
    return ControlPoint(count / unit, target, limits, outside[-1] if outside else None)
