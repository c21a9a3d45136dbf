"""PostgreSQL crashes under load. `make chaos-postgres` is the long version."""

from pathlib import Path

from tests.chaos.drivers.chaos_run import fresh_postgresql, new_seed
from tests.chaos.drivers.crashed_database import run_chaos


def test_a_crash_of_postgresql_is_a_503_for_a_moment_and_loses_nothing(tmp_path: Path) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    with fresh_postgresql() as (server, url):  # not the one that other tests are using
        figures = run_chaos(server, url, tmp_path, crashes=1, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert figures.answers[503] > 0
    assert figures.concerns > 0
