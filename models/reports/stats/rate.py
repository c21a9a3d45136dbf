"""A rate with what it was made from."""

from dataclasses import dataclass

from models.policy_defaults import MIN_RATE_DENOMINATOR


@dataclass(frozen=True)
class Rate:
    """A rate with what it was made from. Its value is None where the denominator is under 10."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator >= MIN_RATE_DENOMINATOR else None
