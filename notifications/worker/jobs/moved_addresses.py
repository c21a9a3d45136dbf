"""Job for moved addresses: no phone is rung by two organizations."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from models.db.session import ALL_TENANTS, Database
from notifications.decide.moved_addresses import find_moved, tell_or_retire
from notifications.worker.jobs.every import Every
from notifications.worker.own_transactions import for_each_in_own_transaction

MOVED_INTERVAL = timedelta(seconds=10)


class MovedAddressJob:
    """Looks a few times a minute for addresses that were registered in another organization since."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(MOVED_INTERVAL)

    def run(self) -> int:
        """Tell or retire the phones, each in its own transaction; return for how many something was done."""
        at = self._database.clock()
        if not self.every.due(at):
            return 0
        self.every.restart(at)
        with self._database.reading(ALL_TENANTS) as session:
            moved = find_moved(session)
        return for_each_in_own_transaction(
            self._database,
            moved,
            self._tell,
            fields=lambda item: {"job": "moved_addresses", "device_id": str(item[0])},
        )

    def _tell(self, session: Session, item: tuple[UUID, datetime]) -> bool:
        device_id, moved_at = item
        return tell_or_retire(session, device_id, moved_at, at=self._database.clock())
