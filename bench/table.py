"""Measured values and their targets: the table of `make bench`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.drivers.chaos_run import machine, say


@dataclass(frozen=True)
class Line:
    """One line of the table: a measured value and the minimum or maximum that is its target, if it has one."""

    label: str
    value: float
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_missed(self) -> bool:
        too_small = self.minimum is not None and self.value < self.minimum
        return too_small or (self.maximum is not None and self.value > self.maximum)

    @property
    def target(self) -> str:
        if self.minimum is not None:
            return f">= {self.minimum:g}"
        return "" if self.maximum is None else f"<= {self.maximum:g}"

    def __str__(self) -> str:
        return f"| {self.label} | {self.value:.3g} | {self.target}{', **missed**' if self.is_missed else ''} |"


class Figures(Protocol):
    """Figures of a benchmark, printed by `str`."""

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        ...

    def missed_targets(self) -> list[str]:
        """Return the targets that were missed."""
        ...


def missed_targets(lines: Iterable[Line]) -> list[str]:
    """Return each missed target with the measured value."""
    return [f"{line.label}: {line.value:.3g}, target {line.target}" for line in lines if line.is_missed]


def report(results: Iterable[Figures]) -> int:
    """Print the machine and the figures as they come; return 1 when a target was missed."""
    say(machine())
    all_met = True
    for figures in results:
        say(str(figures))
        for target in figures.missed_targets():
            all_met = False
            say(f"MISSED: {target}")
    return 0 if all_met else 1
