"""Many people take the same alert at the same moment. `make chaos-takes` is the long version."""

from pathlib import Path

from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.take_race import run_chaos
from tests.support.databases import Databases


def test_of_fifty_who_tap_one_goes_and_the_others_learn_who(
    databases: Databases, database_kind: str, tmp_path: Path
) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    with databases.alone(database_kind) as url:
        figures = run_chaos(url, tmp_path, taps=50, alerts=3, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert (figures.won, figures.told_who) == ({1: 3}, 3 * 49)
