"""Claimed outbox messages: taken under a lease, changed behind its fence token, rescheduled when they fail."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from models.db.failures import is_unavailable
from models.db.session import ALL_TENANTS, Database
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.worker.delivery import after_dead_letter, back_off

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Claims:
    """Access to the outbox messages that one worker has claimed. It may be used from many threads."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database, self._lease = database, lease

    def claim(
        self,
        kinds: Sequence[OutboxKind],
        *,
        limit: int,
        only: ColumnElement[bool] | None = None,
        oldest_first: bool = False,
    ) -> list[OutboxMessage]:
        """Lease up to `limit` due messages of these kinds, in fair order or the oldest first."""
        if limit <= 0:
            return []
        with self._database.writing(ALL_TENANTS) as session:
            at = self._database.clock()
            return list(
                OutboxMessage.claim(
                    session, kinds, at=at, limit=limit, lease=self._lease, only=only, oldest_first=oldest_first
                )
            )

    def give_back(self, claimed: Iterable[OutboxMessage]) -> None:
        """End the leases of messages that were claimed and not begun."""
        with self._database.writing(ALL_TENANTS) as session:
            OutboxMessage.give_back(session, claimed)

    def lock(
        self, session: Session, claimed: OutboxMessage, *, options: Sequence[ExecutableOption] = ()
    ) -> OutboxMessage | None:
        """Return the message, locked until the transaction ends, or None when its lease was lost."""
        outbox_message = OutboxMessage.lock_claimed(session, claimed, options=options)
        if outbox_message is None:
            log.warning("lease lost", **log_fields(claimed))
        return outbox_message

    def with_claimed(
        self,
        claimed: OutboxMessage,
        do: Callable[[Session, OutboxMessage], T],
        *,
        options: Sequence[ExecutableOption] = (),
    ) -> T | None:
        """Call `do` with the message in a transaction of its organization. Return None when its lease was lost."""
        with self._database.writing(claimed.organization_id) as session:
            outbox_message = self.lock(session, claimed, options=options)
            return None if outbox_message is None else do(session, outbox_message)

    def record_failure(self, claimed: OutboxMessage, error: Exception) -> None:
        """Reschedule a message that failed; after a few unexpected errors, dead-letter it.

        An unavailable database does not count against the message. When even this cannot be written, the lease runs
        out by itself.
        """

        def reschedule(session: Session, outbox_message: OutboxMessage) -> None:
            at = self._database.clock()
            until, reason = at + back_off(outbox_message.attempts), type(error).__name__
            if is_unavailable(error):
                outbox_message.retry_at(until=until, reason=reason)
                return
            outbox_message.record_failure(until=until, reason=reason, at=at)
            if outbox_message.dead_lettered_at:
                log.error("message dead-lettered", **log_fields(outbox_message), reason=reason)
                after_dead_letter(session, outbox_message, at=at)

        try:
            self.with_claimed(claimed, reschedule)
        except Exception as second:  # noqa: BLE001 whatever it is, it must not hold up the other messages
            log.warning("message not rescheduled", **log_fields(claimed), error=type(second).__name__)


def log_fields(outbox_message: OutboxMessage) -> dict[str, str]:
    """Return the fields that name a message in the log."""
    return {"kind": outbox_message.kind, "outbox_id": str(outbox_message.id)}
