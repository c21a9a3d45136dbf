"""Concerns at a steady pace through the real web and worker. `make bench-latency` is the long version."""

from pathlib import Path

from bench.latency import measure
from tests.support.databases import Databases, only_on_postgresql


@only_on_postgresql
def test_every_concern_of_three_seconds_arrives(databases: Databases, database_kind: str, tmp_path: Path) -> None:
    with databases.alone(database_kind) as url:
        figures = measure(url, tmp_path, per_second=20, seconds=3)
    print(figures)  # noqa: T201 for information; the duration depends on the machine
    assert figures.unrung == 0
    assert len(figures.answered) == len(figures.accepted) == 60
