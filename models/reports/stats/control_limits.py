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
from models.reports.stats.rate import Share

TAILS: Final = {"95": 0.025, "99.8": 0.001}  # of the distribution, on either side
REACH: Final = 12  # standard deviations, beyond which nothing is left to count


@dataclass(frozen=True)
class Limits:
    """What lies from `low` to `high` may well be chance."""

    low: float
    high: float


@dataclass(frozen=True)
class Control:
    """A figure of one store beside that of all. `outside` names the widest limits it lies outside of, if any."""

    value: float
    target: float
    limits: dict[str, Limits]
    outside: str | None


def share_beside(share: Share, of_all: Share) -> Control | None:
    """Whether a share differs from that of all; None where too few are behind it, or all shares are alike."""
    n = share.denominator
    if n < MIN_RATE_DENOMINATOR or not 0 < of_all.numerator < of_all.denominator:
        return None
    target = of_all.numerator / of_all.denominator
    odds = target / (1 - target)
    first, last = _reach(n * target, n * target * (1 - target))
    times = np.arange(first + 1, min(last, n) + 1)
    return _control(share.numerator, target, n, _from_ratios(first, (n - times + 1) / times * odds))


def rate_beside(count: int, exposure: int, of_all: Share, *, per: int) -> Control | None:
    """Whether so many in so much `exposure` differ from what all have; figures are for each `per` of it."""
    if exposure < MIN_RATE_DENOMINATOR or not of_all.numerator:
        return None
    expected = exposure * of_all.numerator / of_all.denominator
    first, last = _reach(expected, expected)
    times = np.arange(first + 1, last + 1)
    return _control(count, expected / exposure * per, exposure / per, _from_ratios(first, expected / times))


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


def _reach(mean: float, variance: float) -> tuple[int, int]:
    width = REACH * sqrt(variance) + REACH
    return max(0, int(mean - width)), int(mean + width)


def _from_ratios(first: int, ratios: NDArray[np.float64]) -> _Distribution:
    """From how much likelier each number is than the one before it."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    return _Distribution(first, weights / weights.sum())


def _control(count: int, target: float, unit: float, distribution: _Distribution) -> Control:
    within = {name: distribution.within(tail) for name, tail in TAILS.items()}
    outside = [name for name, (low, high) in within.items() if not low <= count <= high]
    limits = {name: Limits(low / unit, high / unit) for name, (low, high) in within.items()}
    return Control(count / unit, target, limits, outside[-1] if outside else None)
