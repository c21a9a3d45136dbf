"""Guidance in an organization with many concerns. `make bench-guidance` is the long version."""

from bench.guidance import TOLD, measure
from tests.support.databases import Databases


def test_the_bench_logs_with_and_without_hints_in_turn(databases: Databases) -> None:
    with databases.alone("postgresql") as url:
        figures = measure(url, count=3000, rounds=2, requests=3)
    assert TOLD["cause"] == "cold"
    assert [len(kind) for kind in (figures.without, figures.warm, figures.cold, figures.alone)] == [6] * 4
    assert "guidance is" in str(figures)
    (line,) = figures.lines  # whether it is kept depends on the machine
    assert line.found == figures.share("warm")
