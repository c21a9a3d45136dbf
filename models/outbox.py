"""What has to leave the house: written with its cause, claimed under a lease, recorded behind a fence."""

import sqlite3
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Engine, Index, Text, case, func, or_, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from models.alert import Alert
from models.base import TenantOwned, link, one
from models.notification import Notification

LEASE = timedelta(seconds=60)
POISONED_AFTER = 5  # failures nobody foresaw; refusals and time-outs of a provider do not count


class Task(StrEnum):
    REACH = "reach"  # find out whom a step of an alert reaches
    RING = "ring"  # one notification to one device
    RECALL = "recall"  # find out whose phones still show an alert that was taken
    WITHDRAW = "withdraw"  # take one notification off one device


class Outgoing(TenantOwned):
    """One thing to do outside the transaction that decided it."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due", "due_at", postgresql_where=text("done_at IS NULL"), sqlite_where=text("done_at IS NULL")
        ),
    )

    task: Mapped[Task]
    alert_id: Mapped[UUID] = link("alert")
    notification_id: Mapped[UUID | None] = link("notification", nullable=True)
    run_id: Mapped[UUID]
    step: Mapped[int]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    poisonings: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    set_aside_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)

    alert: Mapped[Alert] = one("Outgoing", "alert_id", "Alert")
    notification: Mapped[Notification | None] = one("Outgoing", "notification_id", "Notification")

    @property
    def letter_to(self) -> Notification:
        """The notification a RING or WITHDRAW is about."""
        if self.notification is None:
            raise ValueError(f"a {self.task} is not about one notification")
        return self.notification

    @classmethod
    def about(cls, alert: Alert, task: Task, *, at: datetime, notification: Notification | None = None) -> "Outgoing":
        """Something to do for the present run and step of an alert."""
        return cls(
            organization_id=alert.organization_id,
            task=task,
            alert=alert,
            alert_id=alert.id,
            notification=notification,
            notification_id=notification.id if notification else None,
            run_id=alert.run_id,
            step=alert.step,
            created_at=at,
            due_at=at,
        )

    @classmethod
    def claim(
        cls, session: Session, tasks: Sequence[Task], *, at: datetime, limit: int, lease: timedelta = LEASE
    ) -> Sequence["Outgoing"]:
        """Lease what is due, oldest first. Other workers pass over what this one holds.

        SKIP LOCKED exists on PostgreSQL only; on SQLite the transaction holds the one write lock anyway.
        """
        due = session.scalars(
            select(cls)
            .where(
                cls.done_at.is_(None),
                cls.task.in_(tasks),
                cls.due_at <= at,
                or_(cls.lease_until.is_(None), cls.lease_until < at),
            )
            .order_by(cls.due_at, cls.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in due:
            row.lease_id, row.lease_until = uuid7(), at + lease
        return due

    @classmethod
    def held(cls, session: Session, claimed: "Outgoing") -> "Outgoing | None":
        """The claimed row, if its lease still holds; None when somebody else took it over."""
        return session.scalars(
            select(cls)
            .where(
                cls.organization_id == claimed.organization_id,
                cls.id == claimed.id,
                cls.lease_id == claimed.lease_id,
                cls.done_at.is_(None),
            )
            .with_for_update()
        ).one_or_none()

    @classmethod
    def counts(cls, session: Session, *, at: datetime) -> dict[str, int]:
        """How many rows are due now, due later, leased to a worker, done, and set aside after too many failures."""
        state = case(
            (cls.set_aside_at.is_not(None), "set_aside"),
            (cls.done_at.is_not(None), "done"),
            (cls.lease_until >= at, "leased"),
            (cls.due_at <= at, "due"),
            else_="later",
        )
        rows = session.execute(select(state.label("state"), func.count().label("rows")).group_by("state"))
        counted = {row.state: row.rows for row in rows}
        return {name: counted.get(name, 0) for name in ("due", "later", "leased", "done", "set_aside")}

    def finish(self, *, at: datetime) -> None:
        self.done_at, self.lease_id, self.lease_until = at, None, None

    def put_off(self, *, until: datetime, reason: str) -> None:
        """Try again later; the world outside is at fault, not the row."""
        self.tries += 1
        self.due_at, self.last_error = until, reason
        self.lease_id = self.lease_until = None

    def poison(self, *, until: datetime, reason: str, at: datetime) -> None:
        """An error nobody foresaw. After a few of them the row is set aside, so that it cannot hold up the rest."""
        self.poisonings += 1
        self.put_off(until=until, reason=reason)
        if self.poisonings >= POISONED_AFTER:
            self.set_aside_at = self.done_at = at


class Waker:
    """Sleeps until somebody wrote to the outbox.

    PostgreSQL tells it (LISTEN; a trigger notifies at commit). On SQLite the number of the file's last change is
    looked at every 50 ms, which costs no lock. Both are only a hint: the caller looks for itself after a time-out,
    which is also how it finds what becomes due without anybody writing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._seen: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def wait(self, seconds: float, stopping: threading.Event) -> None:
        """Come back when there may be work, when asked to stop, or after so many seconds."""
        try:
            if self._connection is None:
                self._connect()  # and look once more: what was written before it listened is not told
            elif self._engine.dialect.name == "postgresql":
                self._listen(seconds)
            else:
                self._watch_file(seconds, stopping)
        except (self._engine.dialect.loaded_dbapi.Error, PoolTimeout):
            self._hang_up()
            stopping.wait(seconds)

    def _connect(self) -> None:
        """A connection of its own, of the worker's role like all its others."""
        if self._engine.dialect.name == "postgresql":
            pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
            self._connection.autocommit = True
            self._connection.execute("LISTEN amends_outbox")
        else:
            self._connection = sqlite3.connect(str(self._engine.url.database), isolation_level=None)
            self._seen = self._file_version()

    def _listen(self, seconds: float) -> None:
        for _told in self._connection.notifies(timeout=seconds, stop_after=1):
            pass  # a burst of them is one reason to look

    def _watch_file(self, seconds: float, stopping: threading.Event) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and not stopping.is_set():
            version = self._file_version()
            if version != self._seen:
                self._seen = version
                return
            stopping.wait(0.05)

    def _file_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
