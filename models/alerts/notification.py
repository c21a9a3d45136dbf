"""Notifications: one message to one address, with its delivery state as far as it can be known."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    ScalarSelect,
    Select,
    String,
    Subquery,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, selectinload
from uuid_utils.compat import uuid7

from models.access import Actor
from models.db.base import TenantOwned, many_to_one, one_to_many, tenant_fk
from models.policy_defaults import MAX_UNREAD, NOTIFICATIONS_SHOWN_FOR
from models.staff.device import Device
from models.staff.staff import Staff

DEVICE_CHANNEL: Final = "device"  # a phone of the person, whatever the kind of its address


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
    """The subject of a notification.

    A ring is loud and escalates. The others inform, and are quiet unless they are in LOUD_KINDS.
    """

    RING = "ring"
    HAND_OVER = "hand_over"  # a colleague asks this person to take a concern
    REMINDER = "reminder"  # to the taker, who has done nothing yet
    UNANSWERED = "unanswered"  # nobody took an alert
    UNANSWERED_SEVERE = "unanswered_severe"  # nobody took a severe alert: it rings the managers of the store
    LATE = "late"  # a concern was logged too late to ring
    CLOSED_STORE = "closed_store"  # a concern of a store that was out of business, to the managers of the region
    OWN = "own"  # whoever logged a concern handles it alone
    OUTCOME = "outcome"  # how a concern ended, to those involved
    PRAISE = "praise"  # a customer praises this person
    APPROVAL = "approval"  # an action over the limit needs approval
    DECISION = "decision"  # to whoever asked for the approval, and to whoever is with the customer
    DAY_LIMIT = "day_limit"  # a store gave more in a day than its limit, to the managers of the region
    FOLLOW_UP = "follow_up"  # a follow-up is due soon, or has a new owner
    CONTACT_MISSING = "contact_missing"  # to the owner of a follow-up whose customer cannot be reached as promised
    BROKEN = "broken"  # a follow-up was not kept in time
    CARRIED_OVER = "carried_over"  # what yesterday left open, to the managers of the store
    DAILY_LOG = "daily_log"  # the log of yesterday, by mail to subscribers
    PAUSE = "pause"  # a colleague needs a moment
    STILL_HERE = "still_here"  # the shift of this person is about to end by itself
    SHIFT_ENDED = "shift_ended"  # somebody else ended the shift of this person
    CODE_MADE = "code_made"  # somebody made a code with which this person's password or PIN can be set
    FACTOR_REMOVED = "factor_removed"  # an administrator removed this person's second factor
    CODE_BY_MAIL = "code_by_mail"  # the code itself, by mail only; phones are told of it as CODE_MADE
    PHONE_TAKEN = "phone_taken"  # a phone of this person is registered for somebody else now
    SIGN_IN_EXPIRED = "sign_in_expired"  # to a phone that is not rung any more until somebody signs in on it
    PHONE_ELSEWHERE = "phone_elsewhere"  # to a phone whose address was registered in another organization since
    TEST = "test"


class ReceiptEvent(StrEnum):
    """A receipt from the app: what the phone did with a notification."""

    RECEIVED = "received"
    SHOWN = "shown"
    OPENED = "opened"


S = NotificationState
DELIVERED_STATES = frozenset({S.ACCEPTED, S.RECEIVED, S.SHOWN, S.OPENED})
FAILED_STATES = frozenset({S.FAILED, S.EXPIRED, S.SUPPRESSED})
LOUD_KINDS = frozenset(
    {
        NotificationKind.RING,
        NotificationKind.UNANSWERED_SEVERE,
        NotificationKind.HAND_OVER,
        NotificationKind.APPROVAL,
        NotificationKind.TEST,
    }
)
# Each person may switch these off.
MUTABLE_KINDS = frozenset(
    {
        NotificationKind.LATE,
        NotificationKind.CLOSED_STORE,
        NotificationKind.OWN,
        NotificationKind.OUTCOME,
        NotificationKind.PRAISE,
        NotificationKind.CARRIED_OVER,
    }
)
# Whether somebody else could sign in as this person.
SIGN_IN_KINDS = frozenset(
    {
        NotificationKind.CODE_MADE,
        NotificationKind.CODE_BY_MAIL,
        NotificationKind.FACTOR_REMOVED,
        NotificationKind.PHONE_TAKEN,
    }
)
# Not silenced by a pause: what protects a person's sign-in or shift, and the test they asked for.
KINDS_DURING_PAUSE = SIGN_IN_KINDS | {
    NotificationKind.SIGN_IN_EXPIRED,
    NotificationKind.PHONE_ELSEWHERE,
    NotificationKind.STILL_HERE,
    NotificationKind.SHIFT_ENDED,
    NotificationKind.TEST,
}
STATE_ORDER = (S.QUEUED, S.LEASED, S.ACCEPTED, S.RECEIVED, S.SHOWN, S.OPENED)


class Notification(TenantOwned):
    """One message to one device or mailbox. ACCEPTED means that the service has it, not that a phone rang.

    An announcement is one thing that people are notified of, on however many phones: its notifications share
    `announcement_id`. All rings of one run of an alert are one announcement.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("organization_id", "alert_id", "run_id", "step", "device_id"),
        Index("ix_notification_staff", "organization_id", "staff_id", "queued_at"),
        Index("ix_notification_concern", "organization_id", "concern_id"),
        Index(
            "ix_notification_store",
            *("organization_id", "store_id", "queued_at"),
            postgresql_where=text("store_id IS NOT NULL"),
            sqlite_where=text("store_id IS NOT NULL"),
        ),
    )

    kind: Mapped[NotificationKind] = mapped_column(default=NotificationKind.RING)
    alert_id: Mapped[UUID | None] = tenant_fk("alert", nullable=True)
    concern_id: Mapped[UUID | None] = tenant_fk("concern", nullable=True)
    channel: Mapped[str] = mapped_column(String(20), default=DEVICE_CHANNEL)  # the channel that delivers it
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)  # for DEVICE_CHANNEL only
    staff_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # None: a shared phone, see NotificationRecipient
    announcement_id: Mapped[UUID] = mapped_column(default=uuid7)
    recovery_action_id: Mapped[UUID | None] = tenant_fk("recovery_action", nullable=True)
    follow_up_id: Mapped[UUID | None] = tenant_fk("follow_up", nullable=True)
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True)  # it is about the store, or its business_date
    business_date: Mapped[date | None]
    count: Mapped[int | None]  # the number that its text says
    text_digest: Mapped[str | None] = mapped_column(String(16))  # of its text as last shown, in English
    run_id: Mapped[UUID | None]  # of the alert or follow-up
    step: Mapped[int | None]  # counted over the rounds of the alert
    state: Mapped[NotificationState] = mapped_column(default=NotificationState.QUEUED)
    queued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    shown_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    outdated_at: Mapped[datetime | None]  # when it was no longer true
    withdrawn_at: Mapped[datetime | None]  # from the phone
    provider_id: Mapped[str | None] = mapped_column(String(300))
    failure: Mapped[str | None] = mapped_column(String(60))

    device: Mapped[Device | None] = many_to_one("Notification", "device_id", "Device", lazy="joined")
    staff: Mapped[Staff | None] = many_to_one("Notification", "staff_id", "Staff", lazy="joined")
    recipient_links: Mapped[list["NotificationRecipient"]] = one_to_many(
        "Notification", "NotificationRecipient", "notification_id", order_by="NotificationRecipient.staff_id"
    )

    @classmethod
    def to_phone(cls, device: Device, people: Iterable[Staff], *, queued_at: datetime, **values: Any) -> "Notification":
        """Return one notification to a phone: to the owner of a personal one, or to these people on a shared one."""
        people = [] if device.staff_id else people
        links = [NotificationRecipient(staff_id=person.id, queued_at=queued_at) for person in people]
        return cls(device=device, staff_id=device.staff_id, recipient_links=links, queued_at=queued_at, **values)

    @classmethod
    def select_of_alert(cls, alert_id: UUID) -> Select["Notification"]:
        """Return a statement for the notifications of an alert, with their recipients."""
        links = selectinload(cls.recipient_links).joinedload(NotificationRecipient.staff)
        return select(cls).where(cls.alert_id == alert_id).options(links)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criterion for what was for the person who asks, on a phone of theirs or on a shared one."""
        is_for_them = cls.recipient_links.any(NotificationRecipient.staff_id == actor.staff_id)
        return (or_(cls.staff_id == actor.staff_id, is_for_them),)

    @classmethod
    def unread_of(cls, staff_id: UUID, *, at: datetime) -> ScalarSelect[int]:
        """Return a subquery that counts what a person was notified of lately and has opened on no phone.

        It counts no further than MAX_UNREAD. What is no longer true, or went to none of their phones, is not counted.
        """
        rows = cls.lately_to(staff_id, at=at)
        unread = (
            select(rows.c.announcement_id)
            .group_by(rows.c.announcement_id)
            .having(func.max(rows.c.opened_at).is_(None), func.max(rows.c.outdated_at).is_(None))
            .limit(MAX_UNREAD)
        )
        return select(func.count()).select_from(unread.subquery("unread")).scalar_subquery()

    @classmethod
    def lately_to(cls, staff_id: UUID, *, at: datetime) -> Subquery:
        """Select the notifications to phones of a person, shared ones too, without those that were not to be sent."""
        since = at - NOTIFICATIONS_SHOWN_FOR
        columns = (cls.id, cls.announcement_id, cls.queued_at, cls.opened_at, cls.outdated_at)
        to_phones = (cls.channel == DEVICE_CHANNEL, cls.state != NotificationState.SUPPRESSED)
        own = select(*columns).where(cls.staff_id == staff_id, cls.queued_at > since, *to_phones)
        link = NotificationRecipient
        shared = (
            select(*columns)
            .join(link, (link.organization_id == cls.organization_id) & (link.notification_id == cls.id))
            .where(link.staff_id == staff_id, link.queued_at > since, *to_phones)
        )
        return union_all(own, shared).subquery("lately")

    @property
    def tag(self) -> str:
        """Return the tag under which a phone shows it. A later one with the same tag replaces it there.

        What is left open of a day replaces what was of the day before. A pause replaces nothing.
        """
        of_days = self.store_id if self.business_date else None
        return str(self.alert_id or of_days or self.id)

    @property
    def recipients(self) -> list[Staff]:
        """The people it is for."""
        return [self.staff] if self.staff else [link.staff for link in self.recipient_links]

    @property
    def recipient_ids(self) -> set[UUID]:
        return {self.staff_id} if self.staff_id else {link.staff_id for link in self.recipient_links}

    @property
    def is_delivered(self) -> bool:
        return self.state in DELIVERED_STATES

    @property
    def has_receipt(self) -> bool:
        """Whether the phone itself confirmed it, in whatever order the receipts came."""
        return any((self.received_at, self.shown_at, self.opened_at))

    @property
    def has_failed(self) -> bool:
        return self.state in FAILED_STATES

    def accept(self, *, provider_id: str | None, at: datetime) -> None:
        """Record that the service accepted it. A receipt that came before this answer keeps its state."""
        if self.accepted_at is None:
            self.accepted_at, self.provider_id = at, provider_id
        if self.state in (S.QUEUED, S.LEASED):
            self.state, self.failure = S.ACCEPTED, None

    def start_attempt(self) -> None:
        """Record that a worker is about to send it. Until the service answers, the result is unknown."""
        if self.state is S.QUEUED:
            self.state = S.LEASED

    def wait(self, reason: str) -> None:
        """Record that the service did not accept it, and that it will be tried again."""
        if self.state is S.LEASED:
            self.state, self.failure = S.QUEUED, reason

    def fail(self, state: NotificationState, reason: str) -> None:
        """Record that it will not be sent (again): `state` is FAILED, EXPIRED or SUPPRESSED."""
        if not self.is_delivered:
            self.state, self.failure = state, reason

    def record(self, event: ReceiptEvent, *, at: datetime) -> None:
        """Record a receipt. Repeated and out-of-order receipts are harmless: a state never goes back.

        A phone whose clock is slow got it no earlier than it was sent.
        """
        field = f"{event}_at"
        if getattr(self, field) is None:
            setattr(self, field, max(at, self.accepted_at or self.queued_at))
        reported = NotificationState(event)
        if self.state in FAILED_STATES or STATE_ORDER.index(reported) > STATE_ORDER.index(self.state):
            self.state, self.failure = reported, None

    @classmethod
    def record_receipts(
        cls, session: Session, receipts: Iterable[dict[str, Any]], *, by: Actor, at: datetime
    ) -> tuple[int, Sequence[UUID]]:
        """Record the receipts of a person's own notifications, or of those to a shared phone.

        The phone sends them by itself, or with the sign-in of a person whom the notification is for. They count for
        everybody whom it is for.

        Args:
            receipts: dicts of `notification_id`, `event` (ReceiptEvent) and `at`.

        Returns the number of recorded receipts and the ids of unknown notifications.
        """
        receipts = list(receipts)
        ids = {receipt["notification_id"] for receipt in receipts}
        own = session.scalars(
            select(cls).where(cls.id.in_(ids), cls._is_reported_by(by)).order_by(cls.id).with_for_update(of=cls)
        )
        known = {notification.id: notification for notification in own}
        for receipt in receipts:
            if notification := known.get(receipt["notification_id"]):
                notification.record(receipt["event"], at=min(receipt["at"], at))
        recorded = sum(receipt["notification_id"] in known for receipt in receipts)
        return recorded, sorted(ids - known.keys())

    @classmethod
    def _is_reported_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Match the notifications whose receipts this actor may send."""
        to_shared_phone = and_(cls.staff_id.is_(None), cls.device_id.is_not(None), cls.device_id == actor.device_id)
        if actor.staff_id is None:
            return to_shared_phone
        is_for_them = cls.recipient_links.any(NotificationRecipient.staff_id == actor.staff_id)
        return or_(cls.staff_id == actor.staff_id, and_(to_shared_phone, is_for_them))


class NotificationRecipient(TenantOwned):
    """Person whom a notification to a shared phone is for. It does not say so on the screen."""

    __tablename__ = "notification_recipient"
    # Named by hand: the usual name is longer than PostgreSQL allows.
    __table_args__ = (
        UniqueConstraint("organization_id", "notification_id", "staff_id", name="uq_notification_recipient"),
        Index("ix_notification_recipient_staff", "organization_id", "staff_id", "queued_at"),
    )

    notification_id: Mapped[UUID] = tenant_fk("notification")
    staff_id: Mapped[UUID] = tenant_fk("staff")
    queued_at: Mapped[datetime]  # that of the notification, for the index

    staff: Mapped[Staff] = many_to_one("NotificationRecipient", "staff_id", "Staff")
