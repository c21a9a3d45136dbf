"""The sums are kept, as the worker and the command line do it."""

from collections.abc import Iterator

from models.db.session import Database
from models.reports.rollups.rebuild import (
    REBUILD_BATCH,
    organizations_with_dirty_rollups,
    rebuild_all_cause_months,
    rebuild_all_days,
    rebuild_organization,
)


def refresh(database: Database, *, at_once: int = REBUILD_BATCH) -> int:
    """Work out some of what is marked of one organization; how much, 0 when there is nothing to do."""
    at = database.clock()
    for organization_id in organizations_with_dirty_rollups(database, at=at):
        if done := rebuild_organization(database, organization_id, at=at, batch_size=at_once):
            return done
    return 0


def refresh_everything(database: Database) -> Iterator[int]:
    """Work out all that is marked, rested or not; some at a time, how much."""
    yield from rebuild_all_days(database)
    yield from rebuild_all_cause_months(database)
