"""Rollup job: rebuilds the rollups whose days have changed.

No request waits for it: until a dirty day is rebuilt, reports count it from its rows.
"""

from datetime import timedelta
from uuid import UUID

from models.db.session import Database
from models.reports.rollups.rebuild import REBUILD_BATCH, organizations_with_dirty_rollups, rebuild_organization
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import errors_logged

ROLLUP_INTERVAL = timedelta(seconds=5)  # a day that changes often is rebuilt once for all changes of this time


class RollupJob:
    """Rebuilds a batch of one organization in each round, so that no alert waits behind the rollups of all.

    Organizations with dirty days enter a queue; one that has more than a batch enters it again at its end.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(ROLLUP_INTERVAL)
        self._queue: dict[UUID, None] = {}

    def run(self) -> int:
        """Rebuild a batch of the organization whose turn it is; return how many organizations the queue still has."""
        at = self._database.clock()
        if self.every.due(at):
            self.every.restart(at)
            self._queue |= dict.fromkeys(organizations_with_dirty_rollups(self._database, at=at))
        if not self._queue:
            return 0
        organization_id = next(iter(self._queue))
        del self._queue[organization_id]
        with errors_logged({"job": "rollups", "organization_id": str(organization_id)}):
            # It opens transactions of its own.
            done = rebuild_organization(self._database, organization_id, at=at, batch_size=REBUILD_BATCH)
            if done >= REBUILD_BATCH:
                self._queue[organization_id] = None
        return len(self._queue)
