"""Cleanup job: deletes what has expired, and blanks what was typed and nobody corrected."""

from datetime import timedelta

from models.concerns.concern import Concern
from models.db.idempotency import IdempotencyKey
from models.db.session import ALL_TENANTS, Database
from models.outbox.admin import DELETE_BATCH, delete_done
from models.recovery.feedback_request import FeedbackRequest
from models.staff.credentials.invitation import Invitation
from models.staff.device import Device
from models.staff.enrolment import Enrolment
from notifications.decide.expired_sign_ins import end_expired_sign_ins
from notifications.worker.jobs.every import Every

CLEANUP_INTERVAL = timedelta(hours=1)


class CleanupJob:
    """Deletes expired idempotency keys, sessions and codes, and outbox messages that were done long ago.

    Retires the phones that were not used for long, and blanks what was typed long ago with concerns, and from where
    links for feedback were made. There may be many messages and concerns, so that each round takes a batch of them,
    until none is left.
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
            FeedbackRequest.forget_origins(session, at=at)
            blanked = Concern.blank_as_typed(session, at=at, limit=DELETE_BATCH)
            deleted = delete_done(session, at=at)
        if max(blanked, deleted) < DELETE_BATCH:
            self.every.restart(at)
