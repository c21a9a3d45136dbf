"""Rate with its numerator and denominator."""

from dataclasses import dataclass

from models.policy_defaults import MIN_RATE_DENOMINATOR


@dataclass(frozen=True)
class Rate:
    """Numerator over denominator. The value is None for a denominator below MIN_RATE_DENOMINATOR."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator >= MIN_RATE_DENOMINATOR else None
