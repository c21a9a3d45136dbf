"""The worker keeps the sums that reports are read from; nobody waits for it, for what is marked is counted anew."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from models.db.engines import DATABASE_UNAVAILABLE
from models.db.session import Database
from models.reports.rollups.rebuild import REBUILD_BATCH, organizations_with_dirty_rollups, rebuild_organization

log = structlog.get_logger(__name__)
ROLLUP_INTERVAL = timedelta(seconds=5)  # a day on which much happens is worked out once for all of it


class RollupJob:
    """Some days and months of one organization in a round of the worker: no call waits behind those of all of them.

    Every few seconds whoever has marks gets in line; who has more than are done at once gets in line again, at its end.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at: datetime | None = None
        self._line: dict[UUID, None] = {}

    def refresh(self) -> int:
        """Work out some of what is marked of whose turn it is; how many still stand in line."""
        at = self._database.clock()
        if self._at is None or not timedelta(0) <= at - self._at < ROLLUP_INTERVAL:
            self._at = at
            self._line |= dict.fromkeys(organizations_with_dirty_rollups(self._database, at=at))
        if not self._line:
            return 0
        organization_id = next(iter(self._line))
        del self._line[organization_id]
        try:
            done = rebuild_organization(self._database, organization_id, at=at, at_once=REBUILD_BATCH)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception:  # whatever it is, it must not hold up the letters, nor the sums of others
            log.exception("unexpected error", job="rollups", organization_id=str(organization_id))
        else:
            if done >= REBUILD_BATCH:
                self._line[organization_id] = None
        return len(self._line)
