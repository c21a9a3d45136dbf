"""Bar charts: the geometry of their bars. The template draws them with patterns, so that they print in one ink."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240.0, 64.0
BASELINE, HEADROOM = 52.0, 9.0  # room for the labels below, and for the numbers above
GAP = 0.2  # of a column


@dataclass(frozen=True)
class Column:
    """A place on the axis with a count per series."""

    label: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Bar:
    """A bar, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    count: int
    series: int

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Chart:
    """Grouped bars; only every `labelled`th column shows its label, because labels need room."""

    columns: Sequence[Column]
    labelled: int = 1

    @property
    def empty(self) -> bool:
        return not self._highest

    @property
    def bars(self) -> list[Bar]:
        """Return the bars to draw. A count of 0 has none."""
        return [
            self._bar(number, series, count)
            for number, column in enumerate(self.columns)
            for series, count in enumerate(column.counts)
            if count
        ]

    @property
    def labels(self) -> list[tuple[float, str]]:
        """Return the labels with their x."""
        return [
            (round((number + 0.5) * self._pitch, 1), column.label)
            for number, column in enumerate(self.columns)
            if number % self.labelled == 0
        ]

    @property
    def in_words(self) -> str:
        """Return the numbers as text, for screen readers."""
        return ", ".join(
            f"{column.label}: {' / '.join(map(str, column.counts))}" for column in self.columns if any(column.counts)
        )

    @property
    def _pitch(self) -> float:
        return WIDTH / len(self.columns)

    @property
    def _highest(self) -> int:
        return max((count for column in self.columns for count in column.counts), default=0)

    def _bar(self, number: int, series: int, count: int) -> Bar:
        width = self._pitch * (1 - GAP) / len(self.columns[number].counts)
        height = round((BASELINE - HEADROOM) * count / self._highest, 1)
        left = self._pitch * (number + GAP / 2) + series * width
        return Bar(round(left, 1), round(BASELINE - height, 1), round(width, 1), height, count, series)
