"""Cleanup job: deletes what has expired."""

from datetime import timedelta

from models.db.idempotency import IdempotencyKey
from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import DELETE_BATCH, delete_done
from models.staff.credentials.invitation import Invitation
from models.staff.device import Device
from models.staff.enrolment import Enrolment
from notifications.decide.expired_sign_ins import end_expired_sign_ins
from notifications.worker.jobs.every import Every

CLEANUP_INTERVAL = timedelta(hours=1)


class CleanupJob:
    """Deletes expired idempotency keys, sessions and codes, and outbox messages that were done long ago.

    Retires the phones that were not used for long.
    There may be many messages, so that each round deletes a batch of them, until none is left.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.every = Every(CLEANUP_INTERVAL)

    def run(self) -> None:
        at = self._database.clock()
        if not self.every.due(at):
            return
        with self._database.writing(ALL_TENANTS) as session:
            IdempotencyKey.delete_expired(session, at=at)
            end_expired_sign_ins(session, at=at)
            Invitation.delete_expired(session, at=at)
            Enrolment.delete_expired(session, at=at)
            Device.retire_unseen(session, at=at)
            deleted = delete_done(session, at=at)
        if deleted < DELETE_BATCH:
            self.every.restart(at)
