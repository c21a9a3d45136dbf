"""End of a shift by itself: computed once, when it begins, so that it holds by the clock alone."""

from datetime import datetime, timedelta

from models.organizations.store import Store
from models.policy_defaults import LONGEST_SHIFT, NEXT_DAY_SHIFT

# A store that does not shut within a week never does.
_WEEK = timedelta(days=8)


def shift_ends_at(store: Store, started_at: datetime) -> datetime:
    """Return when a shift ends by itself that begins at this instant.

    With the business day; where the store is open at that moment, when it next shuts; after LONGEST_SHIFT at the
    latest. A shift that begins within NEXT_DAY_SHIFT before the day's end counts for the day that begins then. The
    hours are those of the moment it begins: whoever works on through changed hours is asked before the end.
    """
    longest = started_at + LONGEST_SHIFT
    if not store.shifts_end_daily:
        return longest
    _, day_end = store.day_bounds(store.business_date(started_at + NEXT_DAY_SHIFT))
    shuts_at = store.shuts_after(day_end, within=_WEEK) if store.is_open(day_end) else None
    return min(longest, shuts_at or day_end)
