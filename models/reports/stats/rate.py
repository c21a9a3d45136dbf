"""Rate with its numerator and denominator."""

from dataclasses import dataclass

from models.policy_defaults import MIN_RATE_DENOMINATOR
from models.reports.stats.rounding import RATE_DECIMALS, round_ratio


@dataclass(frozen=True)
class Rate:
    """Numerator over denominator, rounded. The value is None for a denominator below MIN_RATE_DENOMINATOR."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        if self.denominator < MIN_RATE_DENOMINATOR:
            return None
        return round_ratio(self.numerator, self.denominator, RATE_DECIMALS)
