"""Killed workers lose no notification. `make chaos` is the long version."""

from pathlib import Path

import pytest

from tests.chaos.drivers.chaos_run import new_seed
from tests.chaos.drivers.killed_workers import run_chaos
from tests.support.app import App
from tests.support.databases import only_on_postgresql, only_on_sqlite
from tests.support.profiles import by_profile, longer


@longer  # about 25 notifications a second, and the leases of the killed to run out
@only_on_postgresql
def test_kills_over_many_notifications_lose_none(app: App, tmp_path: Path) -> None:
    kills, sent = by_profile(quick=(4, 60), deep=(20, 300))
    withstand(app, tmp_path, kills=kills, notifications=sent)


@pytest.mark.deep  # as above
@only_on_sqlite
def test_a_few_kills_on_the_embedded_database_lose_none_either(app: App, tmp_path: Path) -> None:
    withstand(app, tmp_path, kills=4, notifications=60)


def withstand(app: App, folder: Path, *, kills: int, notifications: int) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = run_chaos(app.url, folder, kills=kills, notifications=notifications, seed=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.lost == 0
    # However slow the machine: only what was in hand at a kill can be sent a second time.
    assert figures.duplicates <= figures.in_hand
