"""The worker: claims what is due, sends it outside any transaction, records what became of it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.concern import Concern
from models.heartbeat import Heartbeat
from models.outbox import Outgoing, Task
from models.session import EVERYTHING, Database
from notifications.channels import AddressKind, Channel, DeliveryOutcome, Letter, Verdict
from notifications.delivery import back_off, letter_for, settle
from notifications.escalation import climb_due, overdue, reach, recall

log = structlog.get_logger(__name__)

BATCH = 32
SENDS_AT_ONCE = 16
BEAT_EVERY = timedelta(seconds=5)
LATE_STEP = timedelta(seconds=30)
DOWN_AFTER = 3  # failures of a channel in a row

DECISIONS: Mapping[Task, Callable[..., None]] = {Task.REACH: reach, Task.RECALL: recall}


class Worker:
    """Does the work of the outbox in rounds. Any number of them may run side by side."""

    def __init__(self, database: Database, channels: Mapping[AddressKind, Channel], *, name: str) -> None:
        self._database, self._channels, self._name = database, channels, name
        self._pool = ThreadPoolExecutor(SENDS_AT_ONCE, thread_name_prefix="send")
        self._failures = 0
        self._beat_at: datetime | None = None

    def work_once(self) -> int:
        """One round: climb, decide, send. Returns how much there was to do."""
        self._beat()
        done = self._climb() + self._decide()
        return done + self._send()

    def close(self) -> None:
        """Finish what is being sent, and let go of the channels."""
        self._pool.shutdown(wait=True)
        for channel in set(self._channels.values()):
            channel.close()

    def _climb(self) -> int:
        with self._database.writing(EVERYTHING) as session:
            return climb_due(session, at=self._database.clock())

    def _decide(self) -> int:
        """Turn 'a step began' and 'it was answered' into one task per phone, each in its own transaction."""
        claimed = self._claim(tuple(DECISIONS))
        for task in claimed:
            try:
                self._with(task, partial(self._decide_one, at=self._database.clock()))
            except Exception as error:  # noqa: BLE001 whatever it is, it must not hold up the others
                self._poison(task, error)
        return len(claimed)

    def _decide_one(self, session: Session, task: Outgoing, *, at: datetime) -> None:
        DECISIONS[task.task](session, task, at=at)
        task.finish(at=at)

    def _send(self) -> int:
        """Send in a bounded pool, with no transaction open; record each answer as it comes."""
        claimed = self._claim((Task.RING, Task.WITHDRAW))
        sending: dict[Future[Verdict], Outgoing] = {}
        for task in claimed:
            try:
                if letter := self._write_letter(task):
                    sending[self._pool.submit(self._channels[letter.address_kind].deliver, letter)] = task
            except Exception as error:  # noqa: BLE001 as above
                self._poison(task, error)
        for future in as_completed(sending):
            task = sending[future]
            try:
                self._record(task, future.result())
            except Exception as error:  # noqa: BLE001 as above
                self._poison(task, error)
        return len(claimed)

    def _claim(self, tasks: Sequence[Task]) -> Sequence[Outgoing]:
        with self._database.writing(EVERYTHING) as session:
            return Outgoing.claim(session, tasks, at=self._database.clock(), limit=BATCH)

    def _write_letter(self, claimed: Outgoing) -> Letter | None:
        letters: list[Letter] = []

        def write(session: Session, task: Outgoing) -> None:
            at = self._database.clock()
            concern = session.scalars(
                select(Concern).where(Concern.id == task.alert.concern_id).options(*Concern.shown_with())
            ).one()
            letter = letter_for(task, concern, at=at)
            if letter is None:
                task.finish(at=at)
            else:
                letters.append(letter)

        self._with(claimed, write)
        return letters[0] if letters else None

    def _record(self, claimed: Outgoing, verdict: Verdict) -> None:
        self._watch(verdict)

        def record(session: Session, task: Outgoing) -> None:
            if more := settle(task, verdict, at=self._database.clock()):
                session.add(more)

        self._with(claimed, record)

    def _with(self, claimed: Outgoing, do: Callable[[Session, Outgoing], None]) -> None:
        """Do something with a claimed row in one transaction of its organization; nothing if the lease was lost."""
        with self._database.writing(claimed.organization_id) as session:
            task = Outgoing.held(session, claimed)
            if task is None:
                log.warning("lease lost", task=claimed.task, outbox_id=str(claimed.id))
                return
            do(session, task)

    def _poison(self, claimed: Outgoing, error: Exception) -> None:
        """What nobody foresaw counts against the row; after a few of them it is set aside."""
        log.error("unforeseen", task=claimed.task, outbox_id=str(claimed.id), exc_info=error)
        at = self._database.clock()

        def poison(_session: Session, task: Outgoing) -> None:
            task.poison(until=at + back_off(task.tries), reason=type(error).__name__, at=at)

        self._with(claimed, poison)

    def _watch(self, verdict: Verdict) -> None:
        failed = verdict.alarm or verdict.outcome is DeliveryOutcome.LATER
        self._failures = self._failures + (DOWN_AFTER if verdict.alarm else 1) if failed else 0
        if failed:
            log.warning("not sent", reason=verdict.reason, alarm=verdict.alarm)

    def _beat(self) -> None:
        """Say that this worker lives, how late the escalation is and how push does: what /readyz shows."""
        at = self._database.clock()
        if self._beat_at is not None and at - self._beat_at < BEAT_EVERY:
            return
        self._beat_at = at
        with self._database.writing(EVERYTHING) as session:
            beat = session.get(Heartbeat, self._name) or Heartbeat(worker=self._name)
            session.add(beat)
            beat.at = at
            beat.overdue_steps = overdue(session, at=at, by=LATE_STEP)
            beat.push = "degraded" if self._failures >= DOWN_AFTER else "ok"
