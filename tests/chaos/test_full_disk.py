"""A full disk. `make chaos-disk` is the long version."""

from pathlib import Path

from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.full_disk import run_chaos


def test_a_full_disk_refuses_writes_and_nothing_else_until_there_is_space(tmp_path: Path) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = run_chaos(tmp_path, fills=4, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert figures.refused["log"] > 0
