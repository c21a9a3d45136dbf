"""What a worker says of itself: that it lives, whether escalation keeps up, whether pushes get through."""

from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy.orm import Session

from models.heartbeat import Heartbeat
from notifications.channels import AddressKind, DeliveryOutcome, Letter, Verdict
from notifications.escalation import overdue

BEAT_EVERY = timedelta(seconds=5)
LATE_STEP = timedelta(seconds=30)
DOWN_AFTER = 3  # pushes in a row that did not get through


class Health:
    """One worker's. What it notes may come from many threads."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._beat_at: datetime | None = None
        self._failures = 0
        self._noting = Lock()

    def note(self, letter: Letter, verdict: Verdict) -> None:
        """Any answer but LATER shows that the push service is there; an alarm, that it is out of use for all."""
        if letter.address_kind is AddressKind.LOG:
            return  # a terminal never fails, and says nothing about pushes
        failed = verdict.alarm or verdict.outcome is DeliveryOutcome.LATER
        with self._noting:
            self._failures = self._failures + (DOWN_AFTER if verdict.alarm else 1) if failed else 0

    @property
    def push(self) -> str:
        return "degraded" if self._failures >= DOWN_AFTER else "ok"

    def due(self, at: datetime) -> bool:
        """Whether it is time for a sign of life. A clock that was set back makes it due."""
        return self._beat_at is None or not timedelta(0) <= at - self._beat_at < BEAT_EVERY

    def beat(self, session: Session, at: datetime) -> None:
        """What /readyz shows."""
        behind = overdue(session, at=at, by=LATE_STEP)
        Heartbeat.beat(session, self._worker, overdue_steps=behind, push=self.push, at=at)
        self._beat_at = at

    def stop(self, session: Session) -> None:
        """It ends in good order."""
        Heartbeat.stop(session, self._worker)
