"""The two profiles of the suite: `quick` runs before every commit, `deep` runs what takes long.

`AMENDS_PROFILE=deep` chooses the second one; `make check-deep` sets it. Each test runs in at least one of the two:

- without a mark: in the quick profile;
- `deep`: in the deep profile only;
- `deep_on(kind)`: on the database of that kind in the deep profile only, on the other one in the quick profile;
- `longer`: in both, with more examples or a longer run in the deep profile.

A test with `deep_on` and `longer` runs on that kind in the deep profile only, on the other one in both.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

PROFILES = ("quick", "deep")
PROFILE = os.environ.get("AMENDS_PROFILE", "quick")
DEEP = PROFILE == "deep"

MARKERS = (
    "deep: takes long; runs in the deep profile only",
    "deep_on(kind): runs on this kind of database in the deep profile only",
    "longer: runs in both profiles, longer in the deep one",
)
longer = pytest.mark.longer
T = TypeVar("T")

# Both profiles remember no examples, and wait for a busy machine. A fixture that lasts as long as the test is fine:
# each example makes an organization of its own.
for name in PROFILES:
    settings.register_profile(
        name, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def configure(config: pytest.Config) -> None:
    """Load the profile, and make its marks known.

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
    kind = dict(item.user_properties)["database"]
    deep = item.get_closest_marker("deep") or any(kind in mark.args for mark in item.iter_markers("deep_on"))
    if deep:
        return DEEP
    return not DEEP or item.get_closest_marker("longer") is not None
