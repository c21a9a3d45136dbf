"""A reader of the export beside eight writers. `make chaos-export` is the long version."""

from pathlib import Path

from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.followed_changes import run_chaos
from tests.support.databases import Databases


def test_a_reader_of_the_export_misses_nothing_of_what_eight_write(databases: Databases, tmp_path: Path) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    with databases.alone("postgresql") as url:
        figures = run_chaos(url, tmp_path, seconds=2, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
