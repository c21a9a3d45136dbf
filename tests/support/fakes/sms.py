"""A channel to people that Amends does not have, written as a file in notifications/channels/ would be."""

from config import Config
from models.alerts.notification import NotificationKind
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult, Message, PersonChannel

NUMBERS = {"manager": "+351 900 000 001"}


class SmsGateway:
    """Gateway that takes every message."""

    def __init__(self, url: str) -> None:
        self.url = url

    def deliver(self, _message: Message) -> DeliveryResult:
        return DeliveryResult.sent()

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def _connect(config: Config) -> SmsGateway | None:
    url = config.environ.get("SMS_URL")
    return SmsGateway(url) if url else None


def _address_of(staff: Staff) -> str | None:
    return NUMBERS.get(staff.login)


SMS = PersonChannel(
    name="sms", kinds=frozenset({NotificationKind.UNANSWERED}), address_of=_address_of, connect=_connect
)
