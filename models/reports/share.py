"""A rate with what it was made from."""

from dataclasses import dataclass

FEWEST = 10  # a rate of less than this many says nothing about a store, and much about a person


@dataclass(frozen=True)
class Share:
    """A rate with what it was made from. Its value is None where the denominator is under 10."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator >= FEWEST else None
