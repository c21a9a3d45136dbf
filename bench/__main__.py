"""All benchmarks, one after the other, and their results in one table: `make bench`.

The benchmarks share their organizations, load and processes with the tests: they import tests.support and
tests.chaos.drivers, and so run from a checkout only.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Protocol

from bench import dispatch, guidance, latency, reports, serving
from bench.history import History
from bench.table import Line
from tests.chaos.drivers.chaos_run import machine, say


class Figures(Protocol):
    """What one bench found."""

    @property
    def lines(self) -> list[Line]: ...


def main(history: History) -> int:
    """Print what each found, then the table; 1 when something promised does not hold."""
    of_reports = partial(reports.measured, history)
    benches: list[Callable[[], Iterator[Figures]]] = [
        *(bench.measured for bench in (latency, dispatch, guidance, serving)),
        of_reports,
    ]
    say(machine())
    lines: list[Line] = []
    for figures in chain.from_iterable(bench() for bench in benches):
        say(str(figures))
        lines += figures.lines
    say("\n".join(["", "| what | today | promised |", "|---|---|---|", *map(str, lines)]))
    return int(any(line.broken for line in lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--concerns", type=int, default=10_000_000)
    sys.exit(main(History(parser.parse_args().concerns, stores=2000, days=365)))
