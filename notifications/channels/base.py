"""What every channel has in common: it gets a frozen letter and returns a verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from models.staff.device import AddressKind, Platform

__all__ = [
    "AddressKind",
    "Channel",
    "DeliveryOutcome",
    "DeliveryResult",
    "Message",
    "MessageKind",
    "Platform",
    "one_line",
]

TITLE_LIMIT = 60
"""Characters of a title that are sure to be shown; a channel may shorten what is longer."""

BODY_LIMIT = 120
"""Characters of a body that are sure to be shown; a channel may shorten what is longer."""


class MessageKind(StrEnum):
    """What the phone is asked to do.

    RING: wake the person; shown at once, with the sound of an alert, at high priority. INFORM: show it as any other
    message, with the ordinary sound and at normal priority, so that the phone may sleep on. WITHDRAW: show nothing,
    and take what the alert has put on the screen off it again.
    """

    RING = "ring"
    INFORM = "inform"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one address: plain values only, so that no row crosses into a channel.

    `notification_id` stays the same over every attempt, so that the app can drop a second copy. Title and body may
    stand on a lock screen. Both times are aware and in UTC; `sent_at` is the time of this attempt, because a channel
    does not look at a clock. Not every letter is about an alert, and thus a concern.
    A mail says `text`, in lines, where there is one, and names `path`, which is under the address of the house.
    """

    notification_id: UUID
    alert_id: UUID | None
    concern_id: UUID | None
    kind: MessageKind
    address: str
    address_kind: AddressKind
    platform: Platform | None
    title: str
    body: str
    severity: str
    sent_at: datetime
    expires_at: datetime
    text: str | None = None
    path: str | None = None

    @property
    def tag(self) -> str:
        """What is shown under one tag replaces what was shown under it: all that is told of one alert."""
        return str(self.alert_id or self.notification_id)


def one_line(text: str) -> str:
    """The text without line breaks and without what cannot be seen: a place cannot forge a second line with it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class DeliveryOutcome(StrEnum):
    """How an attempt ended: passed on, worth another try, the address is dead, or never worth another try."""

    SENT = "sent"
    LATER = "later"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What became of one attempt.

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
        """Say that the provider took it, under the provider's own id."""
        return cls(outcome=DeliveryOutcome.SENT, reason="sent", provider_id=provider_id)

    @classmethod
    def later(
        cls, reason: str, *, retry_after: timedelta | None = None, alarm: bool = False, unsure: bool = False
    ) -> Self:
        """Say that another try is worth it."""
        return cls(outcome=DeliveryOutcome.LATER, reason=reason, retry_after=retry_after, alarm=alarm, unsure=unsure)

    @classmethod
    def gone(cls, reason: str) -> Self:
        """Say that nobody is at this address any more: retire it, try the person's next device."""
        return cls(outcome=DeliveryOutcome.GONE, reason=reason)

    @classmethod
    def refused(cls, reason: str, *, alarm: bool = False) -> Self:
        """Say that the message itself was turned down: another try would end the same way."""
        return cls(outcome=DeliveryOutcome.REFUSED, reason=reason, alarm=alarm)


class Channel(Protocol):
    """A way out of the house. `deliver` may be called from many threads at once."""

    def deliver(self, message: Message) -> DeliveryResult:
        """Make exactly one attempt. What the channel did not foresee is raised, not judged."""
        ...

    def close(self) -> None:
        """Let go of connections; no letter is delivered afterwards."""
        ...
