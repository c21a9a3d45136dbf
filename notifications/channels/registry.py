"""Registry of the channels that reach a person rather than one of their devices.

To add one, write `notifications/channels/<name>.py` with a PersonChannel and enter it in PERSON_CHANNELS. The worker
then queues, sends and counts messages over it, with a circuit breaker and a bulkhead of its own.
"""

from models.alerts.notification import DEVICE_CHANNEL, Notification, NotificationKind
from models.staff.staff import Staff
from notifications.channels import mail
from notifications.channels.base import PersonChannel, Recipient

PERSON_CHANNELS: dict[str, PersonChannel] = {channel.name: channel for channel in (mail.EMAIL,)}


def person_channels_for(kind: NotificationKind, staff: Staff) -> list[PersonChannel]:
    """Return the channels that carry this kind of information and have an address of the person."""
    return [channel for channel in PERSON_CHANNELS.values() if kind in channel.kinds and channel.address_of(staff)]


def recipient_of(notification: Notification) -> Recipient | None:
    """Return where the notification goes as things stand now, or None when there is no address any more."""
    if notification.channel != DEVICE_CHANNEL:
        channel = PERSON_CHANNELS.get(notification.channel)
        address = channel.address_of(notification.staff) if channel and notification.staff else None
        return Recipient(channel=notification.channel, address=address) if address else None
    device = notification.device
    if device is None or device.address is None:
        return None
    return Recipient(
        channel=DEVICE_CHANNEL,
        address=device.address,
        address_kind=device.address_kind,
        platform=device.platform,
    )
