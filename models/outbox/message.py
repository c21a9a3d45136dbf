"""Transactional outbox: messages written with their cause, claimed under a lease, recorded behind a fence token."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Subquery,
    Text,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.alerts.alert import Alert
from models.alerts.notification import DEVICE_CHANNEL, LOUD_KINDS, Notification, NotificationKind
from models.concerns.concern import Concern
from models.db.base import TenantOwned, UtcDateTime, many_to_one, tenant_fk
from models.organizations.store import Store
from models.recovery.action import RecoveryAction
from models.recovery.follow_up import FollowUp
from models.staff.device import AddressKind, Device

# After a worker dies, its messages are delivered again when this lease ends. A slow send renews the lease, so the
# value bounds the delay after a crash, not the time of a send. No statement may block a worker for longer than this
# (`statement_timeout` in models/db/engines.py).
OUTBOX_LEASE = timedelta(seconds=20)
MAX_FAILURES = 5  # unexpected errors; refusals and time-outs of a provider do not count
ALERT_TURN = 8  # phones of one alert, before it is the turn of the next alert of the store

IS_DAILY_LOG = f"notification_kind = '{NotificationKind.DAILY_LOG}'"


class OutboxKind(StrEnum):
    """The task that a message is for a worker."""

    FIND_RECIPIENTS = "find_recipients"  # of a step of an alert
    FIND_READERS = "find_readers"  # of information that does not ring
    FIND_WITHDRAWALS = "find_withdrawals"  # from phones that show what is no longer true
    DELIVER_RING = "deliver_ring"  # one notification of an alert, to one address
    DELIVER_INFO = "deliver_info"  # one notification that does not escalate, to one address
    DELIVER_WITHDRAWAL = "deliver_withdrawal"  # take one notification off one device
    DELIVER_UPDATE = "deliver_update"  # show one notification with another text on one device
    AUTO_RELEASE = "auto_release"  # release a concern that was taken and forgotten
    EXPIRE_APPROVALS = "expire_approvals"  # pending actions that nobody decided in time
    REMIND_OWNER = "remind_owner"  # of a follow-up that is due soon
    BREAK_FOLLOW_UP = "break_follow_up"  # a follow-up whose due time has come


URGENT_KINDS = (
    OutboxKind.FIND_RECIPIENTS,
    OutboxKind.FIND_WITHDRAWALS,
    OutboxKind.DELIVER_RING,
    OutboxKind.DELIVER_WITHDRAWAL,
)
URGENT_NOTIFICATIONS = LOUD_KINDS | {NotificationKind.CODE_BY_MAIL}  # somebody waits for it


def _partial_index(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, postgresql_where=text(condition), sqlite_where=text(condition))


class OutboxMessage(TenantOwned):
    """One task for a worker, outside the transaction that decided it.

    `lease_id` is the fence token of a claim: a result is recorded only while it is unchanged. `run_id` ties the message
    to one run of its alert or follow-up: once that has begun another run, the message does nothing.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        _partial_index("ix_outbox_message_due", "done_at IS NULL", "due_at"),
        _partial_index("ix_outbox_message_done", "done_at IS NOT NULL", "done_at"),
        _partial_index("ix_outbox_message_dead_lettered", "dead_lettered_at IS NOT NULL", "dead_lettered_at"),
        _partial_index(
            "uq_outbox_message_daily_log",
            IS_DAILY_LOG,
            "organization_id",
            "store_id",
            "business_date",
            "staff_id",
            unique=True,
        ),
    )

    kind: Mapped[OutboxKind]
    alert_id: Mapped[UUID | None] = tenant_fk("alert", nullable=True)
    concern_id: Mapped[UUID | None] = tenant_fk("concern", nullable=True)
    staff_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # the recipient, or whom it is about
    follow_up_id: Mapped[UUID | None] = tenant_fk("follow_up", nullable=True)
    recovery_action_id: Mapped[UUID | None] = tenant_fk("recovery_action", nullable=True)
    notification_id: Mapped[UUID | None] = tenant_fk("notification", nullable=True)
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True)  # it is about the store, or its business_date
    business_date: Mapped[date | None]
    share_id: Mapped[UUID | None]  # whose share of a claim it takes: the store's it is about; None: the organization's
    channel: Mapped[str | None] = mapped_column(String(20))  # of a delivery: that of its notification
    notification_kind: Mapped[NotificationKind | None]  # of the information
    run_id: Mapped[UUID | None]  # of the alert or follow-up
    step: Mapped[int | None]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    dead_lettered_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)

    alert: Mapped[Alert | None] = many_to_one("OutboxMessage", "alert_id", "Alert")
    concern: Mapped[Concern | None] = many_to_one("OutboxMessage", "concern_id", "Concern")
    follow_up: Mapped[FollowUp | None] = many_to_one("OutboxMessage", "follow_up_id", "FollowUp")
    recovery_action: Mapped[RecoveryAction | None] = many_to_one(
        "OutboxMessage", "recovery_action_id", "RecoveryAction"
    )
    notification: Mapped[Notification | None] = many_to_one("OutboxMessage", "notification_id", "Notification")

    store: Mapped[Store | None] = many_to_one("OutboxMessage", "store_id", "Store")

    @property
    def notification_or_raise(self) -> Notification:
        """The notification of a delivery. ValueError for a message of another kind."""
        if self.notification is None:
            raise ValueError(f"a {self.kind} is not about one notification")
        return self.notification

    @classmethod
    def for_alert(
        cls,
        alert: Alert,
        kind: OutboxKind,
        *,
        at: datetime,
        notification: Notification | None = None,
        step: int | None = None,
    ) -> "OutboxMessage":
        """Return a message for the present run of an alert, by default for its present step."""
        return cls(
            organization_id=alert.organization_id,
            kind=kind,
            alert=alert,
            concern=alert.concern,
            share_id=alert.store_id,
            notification=notification,
            channel=notification.channel if notification else None,
            run_id=alert.run_id,
            step=alert.absolute_step if step is None else step,
            created_at=at,
            due_at=at,
        )

    @classmethod
    def timer(
        cls, kind: OutboxKind, concern: Concern, *, due_at: datetime, at: datetime, follow_up: FollowUp | None = None
    ) -> "OutboxMessage":
        """Return a message that becomes due later, whatever happens to the concern until then."""
        return cls(
            organization_id=concern.organization_id,
            kind=kind,
            concern=concern,
            share_id=concern.store_id,
            follow_up=follow_up,
            run_id=follow_up.run_id if follow_up else None,
            created_at=at,
            due_at=due_at,
        )

    @classmethod
    def information(
        cls,
        kind: NotificationKind,
        organization_id: UUID,
        *,
        at: datetime,
        concern: Concern | None = None,
        alert: Alert | None = None,
        follow_up: FollowUp | None = None,
        recovery_action_id: UUID | None = None,
        store_id: UUID | None = None,
        staff_id: UUID | None = None,
    ) -> "OutboxMessage":
        """Return a message that informs people about something. The worker finds out who they are."""
        subject = alert or follow_up
        concern = concern or (subject.concern if subject else None)
        return cls(
            organization_id=organization_id,
            kind=OutboxKind.FIND_READERS,
            notification_kind=kind,
            alert=alert,
            concern=concern,
            share_id=concern.store_id if concern else store_id,
            follow_up=follow_up,
            recovery_action_id=recovery_action_id,
            store_id=store_id,
            staff_id=staff_id,
            run_id=subject.run_id if subject else None,
            created_at=at,
            due_at=at,
        )

    @classmethod
    def day_information(
        cls, kind: NotificationKind, store: Store, business_date: date, *, due_at: datetime, at: datetime
    ) -> "OutboxMessage":
        """Return a message that informs people later about a past day of a store."""
        return cls(
            organization_id=store.organization_id,
            kind=OutboxKind.FIND_READERS,
            notification_kind=kind,
            store_id=store.id,
            share_id=store.id,
            business_date=business_date,
            created_at=at,
            due_at=due_at,
        )

    @classmethod
    def to_find_withdrawals(
        cls,
        organization_id: UUID,
        *,
        at: datetime,
        concern: Concern | None = None,
        store_id: UUID | None = None,
        staff_id: UUID | None = None,
        due_at: datetime | None = None,
    ) -> "OutboxMessage":
        """Return a message that looks, by default at once, for what phones show and is no longer true.

        It is about a concern, about a store itself, or about a person's shift.
        """
        return cls(
            organization_id=organization_id,
            kind=OutboxKind.FIND_WITHDRAWALS,
            concern=concern,
            share_id=concern.store_id if concern else store_id,
            store_id=store_id,
            staff_id=staff_id,
            created_at=at,
            due_at=due_at or at,
        )

    @classmethod
    def withdrawal_of(cls, notification: Notification, *, share_id: UUID | None, at: datetime) -> "OutboxMessage":
        """Return the message that takes a notification off its phone."""
        return cls._to_phone_of(OutboxKind.DELIVER_WITHDRAWAL, notification, share_id=share_id, at=at)

    @classmethod
    def update_of(cls, notification: Notification, *, share_id: UUID | None, at: datetime) -> "OutboxMessage":
        """Return the message that shows a notification on its phone as its text would be now."""
        return cls._to_phone_of(OutboxKind.DELIVER_UPDATE, notification, share_id=share_id, at=at)

    @classmethod
    def lock_waiting_updates(cls, session: Session, notification_ids: Collection[UUID]) -> Sequence["OutboxMessage"]:
        """Return the updates of these notifications that no worker has begun, locked: none begins them meanwhile."""
        free = (cls.done_at.is_(None), cls.lease_id.is_(None))
        of_notifications = (cls.kind == OutboxKind.DELIVER_UPDATE, cls.notification_id.in_(notification_ids))
        stmt = select(cls).where(*free, *of_notifications)
        return session.scalars(stmt.with_for_update(of=cls, skip_locked=True)).all()

    @classmethod
    def _to_phone_of(
        cls, kind: OutboxKind, notification: Notification, *, share_id: UUID | None, at: datetime
    ) -> "OutboxMessage":
        return cls(
            organization_id=notification.organization_id,
            kind=kind,
            notification_kind=notification.kind,
            alert_id=notification.alert_id,
            concern_id=notification.concern_id,
            recovery_action_id=notification.recovery_action_id,
            follow_up_id=notification.follow_up_id,
            store_id=notification.store_id,
            business_date=notification.business_date,
            share_id=share_id,
            notification=notification,
            channel=notification.channel,
            run_id=notification.run_id,
            created_at=at,
            due_at=at,
        )

    def delivery_to(self, notification: Notification, *, at: datetime) -> "OutboxMessage":
        """Return the message that delivers one notification of this information."""
        return OutboxMessage(
            organization_id=self.organization_id,
            kind=OutboxKind.DELIVER_INFO,
            notification_kind=self.notification_kind,
            staff_id=notification.staff_id,
            alert_id=self.alert_id,
            concern_id=self.concern_id,
            follow_up_id=self.follow_up_id,
            recovery_action_id=self.recovery_action_id,
            store_id=self.store_id,
            share_id=self.share_id,
            business_date=self.business_date,
            notification=notification,
            channel=notification.channel,
            run_id=self.run_id,
            created_at=at,
            due_at=at,
        )

    @classmethod
    def is_due(cls, at: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
        """Return the criterion for messages that are due.

        A message that was never put off is due at any time: the clock of its writer may be ahead.
        """
        return or_(cls.due_at <= at, cls.due_at == cls.created_at)

    @classmethod
    def is_addressed_to(
        cls, channels: Collection[str] = (), address_kinds: Collection[AddressKind] = ()
    ) -> ColumnElement[bool]:
        """Return the criterion for deliveries over one of these channels or to one of these kinds of address."""
        over_channel = func.coalesce(cls.channel, DEVICE_CHANNEL).in_(channels)
        if not address_kinds:
            return over_channel
        to_device = (
            select(Notification.id)
            .join(Notification.device)
            .where(
                Notification.organization_id == cls.organization_id,
                Notification.id == cls.notification_id,
                Device.address_kind.in_(address_kinds),
            )
        )
        return or_(over_channel, to_device.exists())

    @classmethod
    def is_expired(cls, at: datetime) -> ColumnElement[bool]:
        """Return the criterion for deliveries that have expired: they are not sent, only recorded as such."""
        expired = select(Notification.id).where(
            Notification.organization_id == cls.organization_id,
            Notification.id == cls.notification_id,
            Notification.expires_at <= at,
        )
        return cls.kind.in_((OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO)) & expired.exists()

    @classmethod
    def claim(
        cls,
        session: Session,
        kinds: Sequence[OutboxKind],
        *,
        at: datetime,
        limit: int,
        lease: timedelta = OUTBOX_LEASE,
        only: ColumnElement[bool] | None = None,
        options: Sequence[ExecutableOption] = (),
        oldest_first: bool = False,
    ) -> Sequence["OutboxMessage"]:
        """Lease due messages in fair order, see `_select_fair_order`. Other workers skip what this one has locked.

        Whoever claims so claims a part `oldest_first` as well, so that what is neither new nor urgent gets on, too.

        A lease that ends later than `at + 2 * lease` was taken before a clock was set back, and does not count. The
        second `lease` allows for the clocks of other workers. SKIP LOCKED exists on PostgreSQL only; on SQLite the
        transaction has the one write lock anyway. `options` load more with each message, `only` narrows them.
        """
        at_once = {"at": at, "latest_lease": at + 2 * lease, "most": 2 * limit}  # some more, for others may hold some
        first_keys = session.execute(cls._select_due_keys(tuple(kinds), only, oldest_first=oldest_first), at_once).all()
        # They are locked by their keys: a join with the order, whose length PostgreSQL does not know, might read all
        # that wait for each of them.
        if not first_keys:
            return []
        places = {key.id: place for place, key in enumerate(first_keys)}
        claimed = session.scalars(
            select(cls)
            .where(
                *cls._is_free(),
                tuple_(cls.organization_id, cls.id).in_([(key.organization_id, key.id) for key in first_keys]),
            )
            .options(*options)
            .order_by(case(places, value=cls.id))
            .limit(limit)
            .with_for_update(of=cls, skip_locked=True),
            at_once,
        ).all()
        for row in claimed:
            row.lease_id, row.lease_until = uuid7(), at + lease
        return claimed

    @staticmethod
    @lru_cache(maxsize=32)  # workers ask for the same few all day, and to build one takes longer than to run it
    def _select_due_keys(
        kinds: tuple[OutboxKind, ...], only: ColumnElement[bool] | None, *, oldest_first: bool
    ) -> Select[UUID, UUID]:
        """Select the keys of the first `most` messages that are free and due `at`: parameters of the statement."""
        cls, most = OutboxMessage, bindparam("most", type_=Integer)
        due = [*cls._is_free(), cls.kind.in_(kinds), cls.is_due(bindparam("at", type_=UtcDateTime()))]
        if only is not None:
            due.append(only)
        if oldest_first:
            keys = select(cls.organization_id, cls.id).where(*due).order_by(cls.due_at, cls.id)
        else:
            keys = cls._select_fair_order(due, most)
        return keys.limit(most)

    @classmethod
    def _is_free(cls) -> tuple[ColumnElement[bool], ...]:
        """Return the criteria for messages that nobody has leased `at`, a parameter as `latest_lease` is."""
        at, latest = (bindparam(name, type_=UtcDateTime()) for name in ("at", "latest_lease"))
        return cls.done_at.is_(None), or_(cls.lease_until.is_(None), cls.lease_until < at, cls.lease_until > latest)

    @classmethod
    def _select_fair_order(
        cls, criteria: Sequence[ColumnElement[bool]], most: ColumnElement[int]
    ) -> Select[UUID, UUID]:
        """Select the keys of messages in fair order: urgent ones first, then organizations take turns.

        Within an organization its stores take turns, within a store its alerts, a few phones at a time, the newest
        first. So what one of them has waiting delays nobody else's, however much it is. Of each at most the first
        `most` are numbered further: what comes after them cannot be among the first of all.
        """
        waiting = (
            select(
                cls.organization_id,
                cls.id,
                cls.due_at,
                case((cls.is_urgent(), 1), else_=0).label("urgent"),
                func.coalesce(cls.share_id, cls.organization_id).label("store"),
                func.coalesce(cls.alert_id, cls.id).label("alert"),
            )
            .where(*criteria)
            .subquery("waiting")
        )
        by_alert = _numbered(waiting, "alert", order=[], most=most)
        by_store = _numbered(by_alert, "store", order=[(by_alert.c.in_alert - 1) // ALERT_TURN], most=most)
        turns = _numbered(by_store, "organization_id", order=[by_store.c.in_store], most=most)
        return select(turns.c.organization_id, turns.c.id).order_by(
            turns.c.urgent.desc(), turns.c.in_organization, turns.c.due_at.desc(), turns.c.id
        )

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for it, see `is_urgent`."""
        return self.kind in URGENT_KINDS or self.notification_kind in URGENT_NOTIFICATIONS

    @classmethod
    def is_urgent(cls) -> ColumnElement[bool]:
        """Return the criterion for what makes a phone ring or stop ringing, and else what somebody waits for."""
        return or_(cls.kind.in_(URGENT_KINDS), cls.notification_kind.in_(URGENT_NOTIFICATIONS))

    @classmethod
    def renew(
        cls, session: Session, claimed: Iterable["OutboxMessage"], *, at: datetime, lease: timedelta = OUTBOX_LEASE
    ) -> None:
        """Renew the leases of messages in work. One that is locked is being recorded, and needs no lease any more."""
        lease_ids = [row.lease_id for row in claimed]
        leased = select(cls).where(cls.done_at.is_(None), cls.lease_id.in_(lease_ids))
        for row in session.scalars(leased.with_for_update(skip_locked=True)):
            row.lease_until = at + lease

    @classmethod
    def give_back(cls, session: Session, claimed: Iterable["OutboxMessage"]) -> None:
        """End the leases of messages that were not begun, so that any worker may claim them."""
        lease_ids = [row.lease_id for row in claimed]
        stmt = update(cls).where(cls.done_at.is_(None), cls.lease_id.in_(lease_ids))
        session.execute(stmt.values(lease_id=None, lease_until=None).execution_options(synchronize_session=False))

    @classmethod
    def lock_claimed(
        cls, session: Session, claimed: "OutboxMessage", *, options: Sequence[ExecutableOption] = ()
    ) -> "OutboxMessage | None":
        """Return the claimed message, locked. None when its lease is gone and another worker may have it."""
        return session.scalars(
            select(cls)
            .where(
                cls.organization_id == claimed.organization_id,
                cls.id == claimed.id,
                cls.lease_id == claimed.lease_id,
                cls.done_at.is_(None),
            )
            .options(*options)
            .with_for_update(of=cls)
        ).one_or_none()

    def finish(self, *, at: datetime) -> None:
        self.done_at, self.lease_id, self.lease_until = at, None, None

    def retry_at(self, *, until: datetime, reason: str) -> None:
        """Put the message off after a failure of a provider, which does not count against the message."""
        self.attempts += 1
        self.due_at, self.last_error = until, reason
        self.lease_id = self.lease_until = None

    def record_failure(self, *, until: datetime, reason: str, at: datetime) -> None:
        """Record an unexpected error. After MAX_FAILURES the message becomes a dead letter, so as to block no other."""
        self.failures += 1
        self.retry_at(until=until, reason=reason)
        if self.failures >= MAX_FAILURES:
            self.dead_lettered_at = self.done_at = at


def _numbered(rows: Subquery, group: str, *, order: Sequence[ColumnElement[int]], most: ColumnElement[int]) -> Subquery:
    """Number the first messages of each group, urgent ones apart: in this order, then the newest first."""
    name = f"in_{group.removesuffix('_id')}"
    number = func.row_number().over(
        partition_by=(rows.c.organization_id, rows.c.urgent, rows.c[group]),
        order_by=(*order, rows.c.due_at.desc(), rows.c.id),
    )
    numbered = select(rows, number.label(name)).subquery(f"numbered_{name}")
    return select(numbered).where(numbered.c[name] <= most).subquery(f"first_{name}")
