"""Alerts under random sequences of events: no alert is lost, one person takes it. `make model` is longer."""

from tests.chaos.drivers.alert_state_machine import run_chaos
from tests.chaos.drivers.chaos_run import new_seed
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.profiles import by_profile, longer


# More than five seconds: some hundred requests, with rounds of the worker between them.
@longer
@only_on_sqlite
def test_no_order_of_events_forgets_anybody(app: App) -> None:
    seed = new_seed()
    print(f"seed {seed}")  # noqa: T201 what a failure has to show, whatever it is
    figures = run_chaos(app, examples=by_profile(quick=3, deep=8), seed_=seed)
    print(figures)  # noqa: T201 likewise
    assert figures.broken() == []
    assert figures.concerns > 0
