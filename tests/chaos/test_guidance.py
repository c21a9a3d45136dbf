"""Guidance in an organization with many concerns. `make bench-guidance` is the long version."""

from bench.guidance import CONCERN_DATA, measure
from tests.support.databases import Databases


def test_the_bench_logs_with_and_without_guidance_in_turn(databases: Databases) -> None:
    with databases.alone("postgresql") as url:
        figures = measure(url, count=3000, rounds=2, requests=3)
    assert CONCERN_DATA["cause"] == "cold"
    kinds = (figures.without_guidance, figures.warm_cache, figures.cold_cache, figures.guidance_only)
    assert [len(seconds) for seconds in kinds] == [6] * 4
    assert "guidance is" in str(figures)
    (line,) = figures.lines  # whether its target is met depends on the machine
    assert line.value == figures.share("warm_cache")
