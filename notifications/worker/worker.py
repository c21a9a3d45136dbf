"""The worker: claims what is due, sends it outside any transaction, records what became of it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import ColumnElement, not_, or_, true
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.base import ExecutableOption

from models.alerts.notification import Notification
from models.db.engines import DATABASE_AWAY
from models.db.session import EVERYTHING, Database
from models.outbox.admin import note_kept_back
from models.outbox.message import LEASE, Outgoing, Task
from notifications.channels.base import AddressKind, Channel, Letter, Verdict
from notifications.decide.approvals import let_expire
from notifications.decide.escalation import climb_due, climb_one, due, give_back, reach, recall
from notifications.decide.follow_ups import let_break, remind
from notifications.decide.informational import tell
from notifications.messages.compose import INGREDIENTS, letters_for
from notifications.worker.circuit_breaker import Breaker, service_of
from notifications.worker.delivery import back_off, set_aside, settle
from notifications.worker.jobs.cleanup import Tidying
from notifications.worker.jobs.day_end import Days
from notifications.worker.jobs.heartbeat import Health
from notifications.worker.jobs.rollups import Sums
from notifications.worker.jobs.watchdog import Auditor
from notifications.worker.lane import Lane
from notifications.worker.own_transactions import one_by_one

log = structlog.get_logger(__name__)
T = TypeVar("T")

DECISIONS: Mapping[Task, Callable[..., None]] = {
    Task.REACH: reach,
    Task.RECALL: recall,
    Task.GIVE_BACK: give_back,
    Task.TELL: tell,
    Task.EXPIRE: let_expire,
    Task.REMIND: remind,
    Task.OVERDUE: let_break,
}
RECORDED = (joinedload(Outgoing.notification).lazyload(Notification.staff),)
LETTERS = (Task.RING, Task.INFORM, Task.WITHDRAW)
DECIDED_AT_ONCE = 32
SENT_AT_ONCE = 16
IN_HAND = 2 * SENT_AT_ONCE
MAILS_AT_ONCE = 4  # thousands of them, or a server that is slow, leave every other hand to letters that go to phones
PATIENCE = 0.05  # seconds a round waits for its letters; those that take longer do not hold up the next round


class Worker:
    """Does the work of the outbox in rounds. Any number of them may run side by side.

    A row that fails never holds up the others, nor does a service that is away. A worker that dies leaves leases
    behind, which run out after `lease`; while a letter is out its lease is renewed, so that nobody sends it as well.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[AddressKind, Channel],
        *,
        name: str,
        lease: timedelta = LEASE,
        patience: float = PATIENCE,
        dead_man_url: str | None = None,
    ) -> None:
        self._database, self._channels, self._lease, self._patience = database, channels, lease, patience
        self._breakers = {service_of(kind): Breaker() for kind in channels}
        self._health = Health(name, self._breakers)
        self._sums, self._days, self._tidying = Sums(database), Days(database), Tidying(database)
        self._auditor = Auditor(database, lease=lease, dead_man_url=dead_man_url)
        hands = SENT_AT_ONCE + MAILS_AT_ONCE + 1  # one for the dead man
        self._pool = ThreadPoolExecutor(hands, thread_name_prefix="send")
        to_mailboxes, mail = Outgoing.goes_to([AddressKind.EMAIL]), service_of(AddressKind.EMAIL)
        self._lanes = (
            Lane(not_(to_mailboxes), self._breakers.keys() - {mail}, IN_HAND),
            Lane(to_mailboxes, self._breakers.keys() & {mail}, MAILS_AT_ONCE),
        )
        self._sending: dict[Future[None], Outgoing] = {}
        self._probing: dict[str, set[Future[None]]] = {}
        self._pinging: Future[None] | None = None
        self._renewed_at: datetime | None = None

    def work_once(self) -> int:
        """One round: climb, decide, send, and look after what may be stuck. Returns how much there was to do."""
        self._beat()
        self._renew()
        self._tidying.tidy()
        done = self._climb() + self._days.end() + self._decide() + self._send()
        self._audit()
        return done + self._sums.refresh()

    def close(self) -> None:
        """Finish what is being sent, and let go of the channels."""
        while self._sending:
            wait(self._sending, timeout=self._patience)
            self._renew()
        self._pool.shutdown(wait=True)
        for channel in set(self._channels.values()):
            channel.close()
        self._health.stop(self._database)

    def _beat(self) -> None:
        if self._health.due(self._database.clock()):
            self._health.beat(self._database)

    def _renew(self) -> None:
        """Hold on to what is still out, well before its lease runs out."""
        self._sending = {future: task for future, task in self._sending.items() if not future.done()}
        at = self._database.clock()
        if self._renewed_at is not None and timedelta(0) <= at - self._renewed_at < self._lease / 4:
            return
        self._renewed_at = at
        if self._sending:
            try:
                with self._database.writing(EVERYTHING) as session:
                    Outgoing.renew(session, self._sending.values(), at=at, lease=self._lease)
            except DATABASE_AWAY as error:
                log.warning("not renewed", error=type(error).__name__)

    def _audit(self) -> None:
        if not self._auditor.its_turn() or not self._auditor.look():
            return
        if self._pinging is None or self._pinging.done():  # whoever does not answer it holds up nobody
            self._pinging = self._pool.submit(self._auditor.ping)

    def _climb(self) -> int:
        """All that is due at once; should one of them break that, each by itself."""
        try:
            with self._database.writing(EVERYTHING) as session:
                return climb_due(session, at=self._database.clock())
        except DATABASE_AWAY:
            raise
        except Exception:  # whatever it is, it must not hold up the others, nor the letters
            log.exception("unforeseen", task="climb")
            return one_by_one(self._database, due, climb_one)

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
        """Fill the lanes, phones first. A round waits for what it begins; where a lane is full, for the next to end."""
        before = set(self._sending)
        found = sum(self._fill(lane) if lane.free else lane.in_hand for lane in self._lanes)
        if begun := self._sending.keys() - before:
            wait(begun, timeout=self._patience)
        elif found:
            wait(self._sending, timeout=self._patience, return_when=FIRST_COMPLETED)
        return found

    def _fill(self, lane: Lane) -> int:
        """Claim a little more than can be sent at once, so that no thread waits for a round.

        Letters to a service that is away stay where they are, and say so; one at a time goes out to see whether it is
        back.
        """
        at = self._database.clock()
        away = [service for service in lane.services if self._breakers[service].open]
        waiting = Outgoing.goes_to(self._kinds_of(*away))
        only = or_(not_(waiting), Outgoing.out_of_time(at)) if away else true()
        if away:
            with self._database.writing(EVERYTHING) as session:
                note_kept_back(session, self._kinds_of(*away))
        claimed = self._claim_letters(limit=lane.free, only=lane.which & only)
        self._begin(claimed, lane)
        for service in away:
            if lane.free and self._may_probe(service, at):
                probe = self._claim_letters(limit=1, only=Outgoing.goes_to(self._kinds_of(service)))
                self._probing[service] = self._begin(probe, lane)
                claimed |= probe
        return len(claimed)

    def _may_probe(self, service: str, at: datetime) -> bool:
        out = any(not probe.done() for probe in self._probing.get(service, ()))
        return not out and self._breakers[service].may_probe(at)

    def _claim_letters(self, *, limit: int, only: ColumnElement[bool]) -> dict[Outgoing, Letter | None]:
        """What is due, with its letter; None for what is of no use any more, which is done, and for what broke.

        All in one transaction, for that is what a letter costs most. Should one of them break it, each of them is
        written by itself.
        """
        try:
            with self._database.writing(EVERYTHING) as session:
                at = self._database.clock()
                options: dict[str, Any] = {"limit": limit, "lease": self._lease, "only": only, "also": INGREDIENTS}
                claimed = Outgoing.claim(session, LETTERS, at=at, **options)
                return letters_for(session, claimed, at=at)
        except DATABASE_AWAY:
            raise
        except Exception:  # whatever it is, it must not hold up the others
            log.exception("unforeseen", task="letters")
            return dict.fromkeys(self._claim(LETTERS, limit=limit, only=only))

    def _begin(self, claimed: Mapping[Outgoing, Letter | None], lane: Lane) -> set[Future[None]]:
        to_do = {task: letter for task, letter in claimed.items() if task.done_at is None}
        begun = {self._pool.submit(self._deliver, task, letter): task for task, letter in to_do.items()}
        self._sending |= begun
        lane.out |= begun.keys()
        return set(begun)

    def _kinds_of(self, *services: str) -> list[AddressKind]:
        return [kind for kind in self._channels if service_of(kind) in services]

    def _deliver(self, claimed: Outgoing, letter: Letter | None) -> None:
        """One letter, in a thread of the pool: written unless it is, sent with no transaction open, recorded."""
        try:
            letter = letter or self._held(claimed, self._write, also=INGREDIENTS)
            if letter is not None:
                verdict = self._channels[letter.address_kind].deliver(letter)
                self._note(letter, verdict)
                self._held(claimed, lambda session, task: self._settle(session, task, letter, verdict), also=RECORDED)
        except Exception as error:  # noqa: BLE001 as above
            self._fail(claimed, error)

    def _write(self, session: Session, task: Outgoing) -> Letter | None:
        return letters_for(session, [task], at=self._database.clock())[task]

    def _settle(self, session: Session, task: Outgoing, letter: Letter, verdict: Verdict) -> None:
        settle(session, task, letter, verdict, at=self._database.clock())

    def _note(self, letter: Letter, verdict: Verdict) -> None:
        service = service_of(letter.address_kind)
        was_open = self._breakers[service].open
        self._breakers[service].note(verdict, at=self._database.clock())
        if self._breakers[service].open is not was_open:
            log.warning("let go again" if was_open else "kept back", channel=service)
        self._health.count(service, verdict)
        if verdict.reason != "sent":
            log.warning("not sent", reason=verdict.reason, alarm=verdict.alarm)

    def _claim(self, tasks: tuple[Task, ...], *, limit: int, only: ColumnElement[bool] | None = None) -> list[Outgoing]:
        if limit <= 0:
            return []
        with self._database.writing(EVERYTHING) as session:
            at = self._database.clock()
            return list(Outgoing.claim(session, tasks, at=at, limit=limit, lease=self._lease, only=only))

    def _held(
        self, claimed: Outgoing, do: Callable[[Session, Outgoing], T], *, also: Sequence[ExecutableOption] = ()
    ) -> T | None:
        """Do something with a claimed row in one transaction of its organization; nothing if the lease was lost."""
        with self._database.writing(claimed.organization_id) as session:
            task = Outgoing.held(session, claimed, also=also)
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
