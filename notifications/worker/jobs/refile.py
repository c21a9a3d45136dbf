"""Re-filing job: moves the concerns of merged categories and causes to the surviving ones.

No request waits for it: until a merge is done, every answer reads through it.
"""

from datetime import timedelta
from uuid import UUID

from models.db.session import Database
from models.operations.merge_words import organizations_to_refile, refile_slice
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import errors_logged

REFILE_INTERVAL = timedelta(seconds=5)


class RefileJob:
    """Re-files a slice of one organization in each round, so that no alert waits behind the concerns of all.

    Organizations with a merge that is not done enter a queue; one that has more than a slice enters it again at its
    end. Without any merge it costs one small statement in each interval.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(REFILE_INTERVAL)
        self._queue: dict[UUID, None] = {}

    def run(self) -> int:
        """Re-file a slice of the organization whose turn it is; return how many organizations the queue still has."""
        at = self._database.clock()
        if self.every.due(at):
            self.every.restart(at)
            self._queue |= dict.fromkeys(organizations_to_refile(self._database))
        if not self._queue:
            return 0
        organization_id = next(iter(self._queue))
        del self._queue[organization_id]
        with errors_logged({"job": "refile", "organization_id": str(organization_id)}):
            with self._database.writing(organization_id) as session:
                has_more = refile_slice(session, at=at)
            if has_more:
                self._queue[organization_id] = None
        return len(self._queue)
