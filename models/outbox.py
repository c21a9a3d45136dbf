"""What has to leave the house: written with its cause, claimed under a lease, recorded behind a fence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, String, Text, or_, select, text
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
        Index("ix_outbox_due", "due_at", postgresql_where=text("done_at IS NULL"), sqlite_where=text("done_at IS NULL")),
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
    def claim(cls, session: Session, tasks: Sequence[Task], *, at: datetime, limit: int) -> Sequence["Outgoing"]:
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
            row.lease_id, row.lease_until = uuid7(), at + LEASE
        return due

    @classmethod
    def held(cls, session: Session, organization_id: UUID, id_: UUID, lease_id: UUID) -> "Outgoing | None":
        """The row if this lease still holds; None when somebody else took it over."""
        return session.scalars(
            select(cls)
            .where(
                cls.organization_id == organization_id,
                cls.id == id_,
                cls.lease_id == lease_id,
                cls.done_at.is_(None),
            )
            .with_for_update()
        ).one_or_none()

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
