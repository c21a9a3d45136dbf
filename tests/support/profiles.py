"""The two profiles of the suite: `quick` runs before every commit, `deep` runs what takes long.

`AMENDS_PROFILE=deep` chooses the second one; `make check-deep` sets it. Each test runs in at least one of the two:

- without a marker: in the quick profile;
- `deep`: in the deep profile only;
- in a file or folder of `QUICK_ON`: in the quick profile on the kind of database named there, in the deep one on the
  other kind only; a test that runs on one kind anyway is not concerned;
- in a file or folder of `ONCE`: in the quick profile on one kind of database, on the other one never;
- `longer`: in the deep profile too, with more examples or a longer run than in the quick one.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).resolve().parents[1]
PROFILES = ("quick", "deep")
PROFILE = os.environ.get("AMENDS_PROFILE", "quick")
DEEP = PROFILE == "deep"

MARKERS = (
    "deep: takes long; runs in the deep profile only",
    "longer: runs in both profiles, longer in the deep one",
)
# Where the database does not matter, or where one is enough for every commit: the kind that the quick profile uses.
QUICK_ON = {
    # The form of requests and answers, and the commands, are the same whatever is below.
    "api/cli": "sqlite",
    "api/pages": "sqlite",
    "api/web/test_metrics.py": "sqlite",
    "api/web/test_problems.py": "sqlite",
    "api/web/test_request_context.py": "sqlite",
    "api/resources/recovery_logs/test_csv.py": "sqlite",
    # What is decided and what a message says. What workers do to the same rows at once runs on both.
    "notifications/decide": "sqlite",
    "notifications/worker/jobs/test_day_end.py": "sqlite",
    "notifications/worker/test_back_off.py": "sqlite",
    "notifications/worker/test_circuit_breaker.py": "sqlite",
    "notifications/worker/test_delivery.py": "sqlite",
    # Permissions, scope and look-up are the same code on both.
    "tenant_isolation/test_access_matrix.py": "sqlite",
    # Long runs are tried where most organizations work.
    "chaos": "postgresql",
    "contract": "postgresql",
    "scenarios/test_individuals.py": "sqlite",
    "scenarios/test_month_of_shifts.py": "sqlite",
    "scenarios/test_polling_phone.py": "sqlite",
    "scenarios/test_report_statements.py": "postgresql",
    "scenarios/test_shared_phone_evening.py": "sqlite",
    "scenarios/test_statements.py": "postgresql",
    "scenarios/test_year_of_changes.py": "sqlite",
    "api/resources/reports/test_merged_words.py": "sqlite",
    "api/resources/reports/test_recovery_recount.py": "postgresql",
    "api/resources/reports/test_rollups.py": "postgresql",
    "api/resources/reports/test_row_reports_recount.py": "postgresql",
    # Real processes. The first start, in test_main_job.py, is on SQLite.
    "end_to_end/test_stories.py": "postgresql",
}
# What asks the database for nothing that the two could answer otherwise.
ONCE = {"api/schemas": "sqlite", "notifications/messages": "sqlite", "end_to_end/test_main_job.py": "sqlite"}
longer = pytest.mark.longer
T = TypeVar("T")

# Both profiles remember no examples, and wait for a busy machine. A fixture that lasts as long as the test is fine:
# each example makes an organization of its own.
for name in PROFILES:
    settings.register_profile(
        name, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def configure(config: pytest.Config) -> None:
    """Load the profile, and make its markers known.

    Raises:
        pytest.UsageError: there is no profile of that name.
    """
    if PROFILE not in PROFILES:
        raise pytest.UsageError(f"AMENDS_PROFILE is {PROFILE!r}; it may be one of {', '.join(PROFILES)}")
    settings.load_profile(PROFILE)
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def by_profile(*, quick: T, deep: T) -> T:
    """Return what belongs to the profile that runs. The test that uses it is marked `longer`."""
    return deep if DEEP else quick


def examples(*, quick: int, deep: int) -> Callable[[Any], Any]:
    """Say how many examples a property is tried with in each profile; goes above `given`."""

    def decorate(test: Any) -> Any:
        return longer(settings(max_examples=by_profile(quick=quick, deep=deep))(test))

    return decorate


def is_selected(item: pytest.Item) -> bool:
    """Tell whether the profile that runs has this test."""
    if item.get_closest_marker("deep"):
        return DEEP
    kind = dict(item.user_properties)["database"]
    is_longer = item.get_closest_marker("longer") is not None
    if (only := _kind_in(ONCE, item)) is not None:
        return kind == only and (not DEEP or is_longer)
    if (quick := _kind_in(QUICK_ON, item)) is not None:
        return DEEP is (kind != quick)
    return not DEEP or is_longer


def _kind_in(kinds: dict[str, str], item: pytest.Item) -> str | None:
    """Return the kind of database that stands there for a test that could run on both."""
    kind = dict(item.user_properties)["database"]
    if kind == "neither" or any(mark.args[0] == "database_kind" for mark in item.iter_markers("parametrize")):
        return None
    path = item.path.relative_to(TESTS)
    return next((kinds[str(part)] for part in (path, *path.parents) if str(part) in kinds), None)
