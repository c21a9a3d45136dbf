"""Small charts: where the bars of a picture stand. Its template gives them patterns, so that one ink is enough."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240.0, 64.0
FLOOR, HEADROOM = 52.0, 9.0  # below the one stand the labels, above the other the numbers
GAP = 0.2  # of a column


@dataclass(frozen=True)
class Column:
    """What is counted in one place of the axis, once for each series."""

    label: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Bar:
    """One bar, in the units of the picture."""

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
    """Bars side by side, as high as what they count; every `labelled`th column has room for its label."""

    columns: Sequence[Column]
    labelled: int = 1

    @property
    def empty(self) -> bool:
        return not self._most

    @property
    def bars(self) -> list[Bar]:
        """What there is to draw: nothing has no bar."""
        return [
            self._bar(number, series, count)
            for number, column in enumerate(self.columns)
            for series, count in enumerate(column.counts)
            if count
        ]

    @property
    def labels(self) -> list[tuple[float, str]]:
        """Which text stands under which place."""
        return [
            (round((number + 0.5) * self._pitch, 1), column.label)
            for number, column in enumerate(self.columns)
            if number % self.labelled == 0
        ]

    @property
    def in_words(self) -> str:
        """The numbers, for who does not see the picture."""
        return ", ".join(f"{of.label}: {' / '.join(map(str, of.counts))}" for of in self.columns if any(of.counts))

    @property
    def _pitch(self) -> float:
        return WIDTH / len(self.columns)

    @property
    def _most(self) -> int:
        return max((count for column in self.columns for count in column.counts), default=0)

    def _bar(self, number: int, series: int, count: int) -> Bar:
        width = self._pitch * (1 - GAP) / len(self.columns[number].counts)
        height = round((FLOOR - HEADROOM) * count / self._most, 1)
        left = self._pitch * (number + GAP / 2) + series * width
        return Bar(round(left, 1), round(FLOOR - height, 1), round(width, 1), height, count, series)
