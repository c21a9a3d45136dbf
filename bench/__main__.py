"""Run all benchmarks one after the other and print their results in one table: `make bench`.

The benchmarks share their organizations, load and processes with the tests: they import tests.support and
tests.chaos.drivers, and so run from a checkout only.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from bench import dispatch, guidance, latency, phone, reports, serving, staff_import
from bench.history import History
from bench.table import Figures, Line
from tests.chaos.drivers.chaos_run import machine, say


def main(history: History) -> int:
    """Print the figures of each benchmark, then the table; return 1 when a target was missed."""
    reports_bench = partial(reports.run_bench, history)
    benches: list[Callable[[], Iterator[Figures]]] = [
        *(bench.run_bench for bench in (latency, dispatch, guidance, staff_import, phone, serving)),
        reports_bench,
    ]
    say(machine())
    lines: list[Line] = []
    for figures in chain.from_iterable(bench() for bench in benches):
        say(str(figures))
        lines += figures.lines
    say("\n".join(["", "| measured | found | target |", "|---|---|---|", *map(str, lines)]))
    return int(any(line.is_missed for line in lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--concerns", type=int, default=10_000_000)
    sys.exit(main(History(parser.parse_args().concerns, stores=2000, days=365)))
