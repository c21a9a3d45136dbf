"""What is promised of speed, and what was found today: the table of `make bench`."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One promise: what was found, and the least or the most that it may be."""

    what: str
    found: float
    least: float | None = None
    most: float | None = None

    @property
    def broken(self) -> bool:
        too_little = self.least is not None and self.found < self.least
        return too_little or (self.most is not None and self.found > self.most)

    @property
    def promised(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"

    def __str__(self) -> str:
        return f"| {self.what} | {self.found:.3g} | {self.promised}{' **not kept**' if self.broken else ''} |"


def broken(lines: Iterable[Line]) -> list[str]:
    """What is not kept."""
    return [f"{line.what}: {line.found:.3g}, promised {line.promised}" for line in lines if line.broken]
