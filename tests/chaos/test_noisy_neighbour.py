"""One organization that floods the outbox does not hold up another. `make chaos-neighbour` says for how long."""

from pathlib import Path

import pytest

from tests.chaos.drivers.noisy_neighbour import run_chaos
from tests.support.app import App
from tests.support.databases import only_on_postgresql


@pytest.mark.deep  # a hundred phones, and minutes until their messages are sent
@only_on_postgresql
def test_a_quiet_organization_rings_beside_a_noisy_one(app: App, tmp_path: Path) -> None:
    figures = run_chaos(app.url, tmp_path, backlog=600, calls=20)
    print(figures)  # noqa: T201 what a failure has to show, whatever it is
    assert figures.unrung == 0
    assert min(figures.waiting) > 0  # each was accepted while the other organization's waited
