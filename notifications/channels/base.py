"""Types shared by all delivery channels: a channel gets a frozen message and returns a delivery result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, Self
from uuid import UUID

from models.alerts.notification import NotificationKind
from models.staff.device import AddressKind, Platform
from models.staff.staff import Staff

if TYPE_CHECKING:
    from config import Config

TITLE_LIMIT = 60
"""Characters of a title that are sure to be shown; a channel may shorten what is longer."""

BODY_LIMIT = 120
"""Characters of a body that are sure to be shown; a channel may shorten what is longer."""

DEVICE_SERVICES: Final[Mapping[AddressKind, str]] = {
    AddressKind.FCM_TOKEN: "push",
    AddressKind.FID: "push",
    AddressKind.LOG: "log",
}
"""The service behind each kind of device address, by the name that operators see."""


class MessageKind(StrEnum):
    """What the device is to do with a message.

    RING: wake the person; shown at once, with the sound of an alert, at high priority. INFORM: show it as any other
    message, with the ordinary sound and at normal priority, so that the phone may sleep on. UPDATE: show it in place of
    what stands under its tag, without a sound. WITHDRAW: show nothing, and remove what stands under its tag.
    """

    RING = "ring"
    INFORM = "inform"
    UPDATE = "update"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Address of a message, and the channel that leads there.

    `channel` is the one the notification names: DEVICE_CHANNEL or the name of a person channel. The other fields are
    known of a device only.
    """

    channel: str
    address: str
    address_kind: AddressKind | None = None
    platform: Platform | None = None

    @property
    def service(self) -> str:
        """Return the name of the service that delivers to this address; each service has its own circuit breaker."""
        return self.channel if self.address_kind is None else DEVICE_SERVICES[self.address_kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one address. It holds plain values only, so that no database row crosses into a channel.

    `notification_id` stays the same over every attempt, so that the app can drop a second copy. Title and body may
    stand on a lock screen. Both times are aware and in UTC; `sent_at` is the time of this attempt, because a channel
    does not read a clock. Messages that are not about an alert, a concern, an action or a follow-up have no such id.
    A device shows a message under its `tag`: a later one with the same tag replaces it. `link` is the path in the API
    of what it is about. `text` replaces title and body in a mail. `path` is a path below the public URL.
    """

    notification_id: UUID
    alert_id: UUID | None
    concern_id: UUID | None
    recovery_action_id: UUID | None = None
    follow_up_id: UUID | None = None
    kind: MessageKind
    notification_kind: NotificationKind
    tag: str
    link: str
    recipient: Recipient
    title: str
    body: str
    severity: str
    sent_at: datetime
    expires_at: datetime
    text: str | None = field(default=None, repr=False)  # either may hold a one-time code: no log may show them
    path: str | None = field(default=None, repr=False)


def one_line(text: str) -> str:
    """Return the text without line breaks and invisible characters, so that a name cannot forge a second line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class DeliveryOutcome(StrEnum):
    """How an attempt ended: passed on, worth another try, the address is dead, or never worth another try."""

    SENT = "sent"
    LATER = "later"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """Result of one attempt.

    `reason` is a short code for the log and the row, free of addresses and personal data. `retry_after` is set only
    when the provider asked for a pause; otherwise the outbox chooses its own. `alarm` says that the channel as a whole
    is down (credentials refused, say) and that an operator has to look. `unsure`: no answer came, so the provider may
    have passed it on all the same.
    """

    outcome: DeliveryOutcome
    reason: str
    provider_id: str | None = None
    retry_after: timedelta | None = None
    alarm: bool = False
    unsure: bool = False

    @classmethod
    def sent(cls, provider_id: str | None = None) -> Self:
        """Return that the provider took the message, under this id of the provider's."""
        return cls(outcome=DeliveryOutcome.SENT, reason="sent", provider_id=provider_id)

    @classmethod
    def later(
        cls, reason: str, *, retry_after: timedelta | None = None, alarm: bool = False, unsure: bool = False
    ) -> Self:
        """Return that another try is worth it."""
        return cls(outcome=DeliveryOutcome.LATER, reason=reason, retry_after=retry_after, alarm=alarm, unsure=unsure)

    @classmethod
    def gone(cls, reason: str) -> Self:
        """Return that nobody is at this address any more: retire it, try the person's next device."""
        return cls(outcome=DeliveryOutcome.GONE, reason=reason)

    @classmethod
    def refused(cls, reason: str, *, alarm: bool = False) -> Self:
        """Return that the message itself was turned down: another try would end the same way."""
        return cls(outcome=DeliveryOutcome.REFUSED, reason=reason, alarm=alarm)


class Channel(Protocol):
    """Connection to a delivery service. `deliver` may be called from many threads at once."""

    def deliver(self, message: Message) -> DeliveryResult:
        """Make exactly one attempt. Errors that the channel does not know are raised."""
        ...

    def close(self) -> None:
        """Close connections; no message is delivered afterwards."""
        ...


@dataclass(frozen=True, kw_only=True)
class PersonChannel:
    """Channel that reaches a person rather than one of their devices, and what it is used for.

    It carries messages that inform, never rings: a ring has to be withdrawn once somebody came.

    Attributes:
        name: stands in `Notification.channel`, in `/readyz` and in the metrics; at most 20 characters.
        kinds: the information it carries, without regard to quiet hours. Only one channel may carry DAILY_LOG, as the
            outbox takes one per person, store and day.
        address_of: returns the person's address, or None without one.
        connect: opens the channel, or returns None where it is not configured; then messages are printed and refused.
            Raises ConfigError or ValueError for a wrong setting.
        max_in_flight: messages that may be on their way at once, so that a slow service holds up no other.

    """

    name: str
    kinds: frozenset[NotificationKind]
    address_of: Callable[[Staff], str | None]
    connect: Callable[["Config"], Channel | None]
    max_in_flight: int = 4
