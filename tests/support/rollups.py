"""The sums are kept, as the worker and the command line do it."""

from collections.abc import Iterator

from models.db.session import Database
from models.reports.rollups.rebuild import (
    DAYS_AT_ONCE,
    marked_organizations,
    refresh_every_day,
    refresh_every_month,
    refresh_one,
)


def refresh(database: Database, *, at_once: int = DAYS_AT_ONCE) -> int:
    """Work out some of what is marked of one organization; how much, 0 when there is nothing to do."""
    at = database.clock()
    for organization_id in marked_organizations(database, at=at):
        if done := refresh_one(database, organization_id, at=at, at_once=at_once):
            return done
    return 0


def refresh_everything(database: Database) -> Iterator[int]:
    """Work out all that is marked, rested or not; some at a time, how much."""
    yield from refresh_every_day(database)
    yield from refresh_every_month(database)
