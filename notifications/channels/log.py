"""Channel that prints: for device addresses of kind `log`, and in place of channels that are not configured."""

import sys
from threading import Lock
from typing import TextIO

from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult, Message, MessageKind, Recipient, one_line

_VERBS = {
    MessageKind.RING: "PUSH",
    MessageKind.INFORM: "TELL",
    MessageKind.UPDATE: "EDIT",
    MessageKind.WITHDRAW: "UNDO",
}
_SHOWN_OF_A_PUSH_ADDRESS = 6


class LogChannel:
    """Prints one line per message, to standard output unless another stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = Lock()

    def deliver(self, message: Message) -> DeliveryResult:
        """Print the message. Only an address of kind `log` is reached by that; a message to any other is refused."""
        recipient = message.recipient
        line = (
            f"{_VERBS[message.kind]}  to {recipient.address_kind or recipient.channel}:{_shown_address(recipient)}  "
            f"{one_line(message.title)} | {one_line(message.body)}   "
            f"[alert {message.alert_id} notification {message.notification_id}]\n"
        )
        # sys.stdout is read for each line, because a test or a supervisor may replace it.
        stream = sys.stdout if self._stream is None else self._stream
        with self._lock:
            stream.write(line)
            stream.flush()
        if recipient.address_kind is not AddressKind.LOG:
            return DeliveryResult.refused("no-credentials", alarm=True)
        return DeliveryResult.sent()

    def close(self) -> None:
        """Leave the stream open: it belongs to the caller."""


def _shown_address(recipient: Recipient) -> str:
    """Return what of the address may stand in a log file. A real one reaches a person; a mail address names them."""
    line = one_line(recipient.address)
    match recipient.address_kind:
        case AddressKind.LOG:
            return line
        case None:
            return "…"
        case _:
            return f"{line[:_SHOWN_OF_A_PUSH_ADDRESS]}…"
