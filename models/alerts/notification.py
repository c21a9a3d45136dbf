"""One notification on one phone: what became of it, as far as anybody can know."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Index, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.staff.device import Device
from models.staff.staff import Staff

DEVICE_CHANNEL: Final = "device"  # a phone of the person, by whatever kind of address it has


class NotificationState(StrEnum):
    QUEUED = "queued"
    LEASED = "leased"
    ACCEPTED = "accepted"
    RECEIVED = "received"
    SHOWN = "shown"
    OPENED = "opened"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


class NotificationKind(StrEnum):
    """What a notification is about.

    A ring is loud and climbs; the others inform, and but for those of LOUD_KINDS quietly.
    """

    RING = "ring"
    HAND_OVER = "hand_over"  # a colleague asks this person to go
    REMINDER = "reminder"  # taken, and nothing done yet
    UNANSWERED = "unanswered"  # nobody came
    LATE = "late"  # told too late to ring
    OWN = "own"  # the one who logged it puts it right alone
    OUTCOME = "outcome"  # how it ended, for who logged or helped
    PRAISE = "praise"  # a customer is glad of what this person did
    APPROVAL = "approval"  # somebody asks to be allowed to give more than they may
    DECISION = "decision"  # what became of that
    FOLLOW_UP = "follow_up"  # something was promised: it is due soon, or now this person's to keep
    BROKEN = "broken"  # something was promised, and its time has passed
    CARRIED_OVER = "carried_over"  # what yesterday left open, for those who manage the store
    DAILY_LOG = "daily_log"  # how yesterday went, by mail, for who asked for it
    PAUSE = "pause"  # a colleague needs a moment
    TEST = "test"


class ReceiptEvent(StrEnum):
    """What the app tells us a phone did with a notification."""

    RECEIVED = "received"
    SHOWN = "shown"
    OPENED = "opened"


S = NotificationState
DELIVERED_STATES = frozenset({S.ACCEPTED, S.RECEIVED, S.SHOWN, S.OPENED})
FAILED_STATES = frozenset({S.FAILED, S.EXPIRED, S.SUPPRESSED})
LOUD_KINDS = frozenset(
    {NotificationKind.RING, NotificationKind.HAND_OVER, NotificationKind.APPROVAL, NotificationKind.TEST}
)
MUTABLE_KINDS = frozenset(
    {
        NotificationKind.LATE,
        NotificationKind.OWN,
        NotificationKind.OUTCOME,
        NotificationKind.PRAISE,
        NotificationKind.CARRIED_OVER,
    }
)  # may be unwanted
STATE_ORDER = (S.QUEUED, S.LEASED, S.ACCEPTED, S.RECEIVED, S.SHOWN, S.OPENED)


class Notification(TenantOwned):
    """A letter to one device. `accepted` means that the push service has it, not that a phone rang."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("organization_id", "alert_id", "run_id", "step", "device_id"),
        Index("ix_notification_staff", "organization_id", "staff_id", "queued_at"),
    )

    kind: Mapped[NotificationKind] = mapped_column(default=NotificationKind.RING)
    alert_id: Mapped[UUID | None] = tenant_fk("alert", nullable=True)
    concern_id: Mapped[UUID | None] = tenant_fk("concern", nullable=True)
    channel: Mapped[str] = mapped_column(String(20), default=DEVICE_CHANNEL)  # what delivers it
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)  # for DEVICE_CHANNEL only
    staff_id: Mapped[UUID] = tenant_fk("staff")
    run_id: Mapped[UUID | None]  # of the climb, for what rings
    step: Mapped[int | None]  # counted over its rounds
    state: Mapped[NotificationState] = mapped_column(default=NotificationState.QUEUED)
    queued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    shown_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(300))
    failure: Mapped[str | None] = mapped_column(String(60))

    device: Mapped[Device | None] = many_to_one("Notification", "device_id", "Device")
    staff: Mapped[Staff] = many_to_one("Notification", "staff_id", "Staff", lazy="joined")

    @classmethod
    def select_of_alert(cls, alert_id: UUID) -> Select["Notification"]:
        """The notifications of an alert, with the people they went to."""
        return select(cls).where(cls.alert_id == alert_id)

    @property
    def is_delivered(self) -> bool:
        return self.state in DELIVERED_STATES

    @property
    def has_receipt(self) -> bool:
        """That the phone itself has told us of it, in whatever order."""
        return any((self.received_at, self.shown_at, self.opened_at))

    @property
    def over(self) -> bool:
        return self.state in FAILED_STATES

    def accept(self, *, provider_id: str | None, at: datetime) -> None:
        """The push service took it. A receipt that was faster than this answer is not set back."""
        if self.accepted_at is None:
            self.accepted_at, self.provider_id = at, provider_id
        if self.state in (S.QUEUED, S.LEASED):
            self.state, self.failure = S.ACCEPTED, None

    def start_attempt(self) -> None:
        """A worker is about to hand it to the push service. Until that answers, nobody knows whether a phone rings."""
        if self.state is S.QUEUED:
            self.state = S.LEASED

    def wait(self, reason: str) -> None:
        """The push service did not take it, for this reason; it will be tried again."""
        if self.state is S.LEASED:
            self.state, self.failure = S.QUEUED, reason

    def fail(self, state: NotificationState, reason: str) -> None:
        """It will not be sent (again): failed, expired or suppressed."""
        if not self.is_delivered:
            self.state, self.failure = state, reason

    def record(self, event: ReceiptEvent, *, at: datetime) -> None:
        """What the phone did. Repeated and out-of-order receipts are harmless: a state never goes back."""
        field = f"{event}_at"
        if getattr(self, field) is None:
            setattr(self, field, at)
        reported = NotificationState(event)
        if self.state in FAILED_STATES or STATE_ORDER.index(reported) > STATE_ORDER.index(self.state):
            self.state, self.failure = reported, None

    @classmethod
    def record_receipts(
        cls, session: Session, receipts: Iterable[dict[str, Any]], *, by: Actor, at: datetime
    ) -> tuple[int, Sequence[UUID]]:
        """Take in what a phone reports of its own notifications: how many were known, and the ids that were not."""
        wanted = list(receipts)
        ids = {receipt["notification_id"] for receipt in wanted}
        mine = session.scalars(
            select(cls).where(cls.id.in_(ids), cls.staff_id == by.staff_id).order_by(cls.id).with_for_update(of=cls)
        )
        known = {notification.id: notification for notification in mine}
        for receipt in wanted:
            if notification := known.get(receipt["notification_id"]):
                notification.record(receipt["event"], at=min(receipt["at"], at))
        recorded = sum(receipt["notification_id"] in known for receipt in wanted)
        return recorded, sorted(ids - known.keys())
