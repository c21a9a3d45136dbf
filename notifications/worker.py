"""The worker: claims what is due, sends it outside any transaction, records what became of it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from models.credentials import StaffSession
from models.idempotency import AnsweredRequest
from models.outbox import LEASE, Outgoing, Task
from models.session import EVERYTHING, Database
from notifications.channels import AddressKind, Channel, Letter, Verdict
from notifications.delivery import back_off, letter_for, set_aside, settle
from notifications.escalation import climb_due, reach, recall
from notifications.health import Health

log = structlog.get_logger(__name__)
T = TypeVar("T")

DECISIONS: Mapping[Task, Callable[..., None]] = {Task.REACH: reach, Task.RECALL: recall}
LETTERS = (Task.RING, Task.WITHDRAW)
DECIDED_AT_ONCE = 32
SENT_AT_ONCE = 16
TIDY_EVERY = timedelta(hours=1)
PATIENCE = 1.0  # seconds a round waits for its letters; those that take longer do not hold up the next round

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)  # or busy: nothing is wrong with the row


class Worker:
    """Does the work of the outbox in rounds. Any number of them may run side by side.

    A row that fails never holds up the others. A worker that dies leaves leases behind, which run out after `lease`:
    longer than the slowest channel takes for one letter, or a letter in good hands would be sent a second time.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[AddressKind, Channel],
        *,
        name: str,
        lease: timedelta = LEASE,
        patience: float = PATIENCE,
    ) -> None:
        self._database, self._channels, self._lease, self._patience = database, channels, lease, patience
        self._health = Health(name)
        self._pool = ThreadPoolExecutor(SENT_AT_ONCE, thread_name_prefix="send")
        self._sending: set[Future[None]] = set()
        self._tidied_at: datetime | None = None

    def work_once(self) -> int:
        """One round: climb, decide, send. Returns how much there was to do."""
        self._beat()
        self._tidy()
        return self._climb() + self._decide() + self._send()

    def close(self) -> None:
        """Finish what is being sent, and let go of the channels."""
        self._pool.shutdown(wait=True)
        for channel in set(self._channels.values()):
            channel.close()
        with self._database.writing(EVERYTHING) as session:
            self._health.stop(session)

    def _beat(self) -> None:
        at = self._database.clock()
        if self._health.due(at):
            with self._database.writing(EVERYTHING) as session:
                self._health.beat(session, at)

    def _tidy(self) -> None:
        """Once an hour, forget the keys of answered requests and the sign-ins that have had their time."""
        at = self._database.clock()
        if self._tidied_at is not None and at - self._tidied_at < TIDY_EVERY:
            return
        self._tidied_at = at
        with self._database.writing(EVERYTHING) as session:
            AnsweredRequest.forget_old(session, at=at)
            StaffSession.forget_expired(session, at=at)

    def _climb(self) -> int:
        with self._database.writing(EVERYTHING) as session:
            return climb_due(session, at=self._database.clock())

    def _decide(self) -> int:
        """Turn 'a step began' and 'it was answered' into one task per phone, each in its own transaction."""
        claimed = self._claim(tuple(DECISIONS), limit=DECIDED_AT_ONCE)
        for task in claimed:
            try:
                self._held(task, self._decide_one)
            except Exception as error:  # noqa: BLE001 whatever it is, it must not hold up the others
                self._fail(task, error)
        return len(claimed)

    def _decide_one(self, session: Session, task: Outgoing) -> None:
        at = self._database.clock()
        DECISIONS[task.task](session, task, at=at)
        task.finish(at=at)

    def _send(self) -> int:
        """Claim no more than can be sent at once, so that nothing waits under a lease behind a slow connection."""
        claimed = self._claim(LETTERS, limit=SENT_AT_ONCE - len(self._sending))
        begun = {self._pool.submit(self._deliver, task) for task in claimed}
        wait(begun, timeout=self._patience)
        self._sending = {future for future in self._sending | begun if not future.done()}
        return len(claimed)

    def _deliver(self, claimed: Outgoing) -> None:
        """One letter, in a thread of the pool: written, sent with no transaction open, recorded."""
        try:
            letter = self._held(claimed, self._write)
            if letter is not None:
                verdict = self._channels[letter.address_kind].deliver(letter)
                self._note(letter, verdict)
                self._held(claimed, lambda session, task: self._settle(session, task, letter, verdict))
        except Exception as error:  # noqa: BLE001 as above
            self._fail(claimed, error)

    def _write(self, session: Session, task: Outgoing) -> Letter | None:
        return letter_for(session, task, at=self._database.clock())

    def _settle(self, session: Session, task: Outgoing, letter: Letter, verdict: Verdict) -> None:
        settle(session, task, letter, verdict, at=self._database.clock())

    def _note(self, letter: Letter, verdict: Verdict) -> None:
        self._health.note(letter, verdict)
        if verdict.reason != "sent":
            log.warning("not sent", reason=verdict.reason, alarm=verdict.alarm)

    def _claim(self, tasks: tuple[Task, ...], *, limit: int) -> list[Outgoing]:
        if limit <= 0:
            return []
        with self._database.writing(EVERYTHING) as session:
            at = self._database.clock()
            return list(Outgoing.claim(session, tasks, at=at, limit=limit, lease=self._lease))

    def _held(self, claimed: Outgoing, do: Callable[[Session, Outgoing], T]) -> T | None:
        """Do something with a claimed row in one transaction of its organization; nothing if the lease was lost."""
        with self._database.writing(claimed.organization_id) as session:
            task = Outgoing.held(session, claimed)
            if task is None:
                log.warning("lease lost", task=claimed.task, outbox_id=str(claimed.id))
                return None
            return do(session, task)

    def _fail(self, claimed: Outgoing, error: Exception) -> None:
        """What nobody foresaw counts against the row, and a few of them set it aside; a database that is away does not.

        Where even this cannot be written down, the lease runs out by itself.
        """
        away = isinstance(error, DATABASE_AWAY)
        note = log.warning if away else log.error
        note("database away" if away else "unforeseen", task=claimed.task, outbox_id=str(claimed.id), exc_info=error)

        def fail(session: Session, task: Outgoing) -> None:
            at = self._database.clock()
            until, reason = at + back_off(task.tries), type(error).__name__
            if away:
                task.put_off(until=until, reason=reason)
                return
            task.poison(until=until, reason=reason, at=at)
            if task.set_aside_at:
                log.error("set aside", task=task.task, outbox_id=str(task.id), reason=reason)
                set_aside(session, task, at=at)

        try:
            self._held(claimed, fail)
        except Exception as second:  # noqa: BLE001 as above
            log.warning("not even put off", outbox_id=str(claimed.id), error=type(second).__name__)
