"""The channel that prints: for addresses of kind `log`, and where a channel of its own is not configured."""

import sys
from threading import Lock
from typing import TextIO

from notifications.channels.base import AddressKind, DeliveryResult, Message, MessageKind, one_line

_VERBS = {MessageKind.RING: "PUSH", MessageKind.INFORM: "TELL", MessageKind.WITHDRAW: "UNDO"}
_SHOWN_OF_A_PUSH_ADDRESS = 6


class LogChannel:
    """Prints one line per letter, to standard output unless another stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._printing = Lock()

    def deliver(self, message: Message) -> DeliveryResult:
        """Print the letter. Only an address of kind `log` has got it then: a real phone was not reached."""
        line = (
            f"{_VERBS[message.kind]}  to {message.address_kind}:{_address(message)}  "
            f"{one_line(message.title)} | {one_line(message.body)}   "
            f"[alert {message.alert_id} notification {message.notification_id}]\n"
        )
        # Looked up at each line: whoever replaces sys.stdout (a test, a supervisor) expects to be followed.
        stream = sys.stdout if self._stream is None else self._stream
        with self._printing:
            stream.write(line)
            stream.flush()
        if message.address_kind is not AddressKind.LOG:
            return DeliveryResult.refused("no-credentials", alarm=True)
        return DeliveryResult.sent()

    def close(self) -> None:
        """Leave the stream open: it belongs to whoever gave it."""


def _address(message: Message) -> str:
    # A real address is a way to reach somebody and has no place in a log file; one of e-mail starts with a name.
    line = one_line(message.address)
    match message.address_kind:
        case AddressKind.LOG:
            return line
        case AddressKind.EMAIL:
            return "…"
        case _:
            return f"{line[:_SHOWN_OF_A_PUSH_ADDRESS]}…"
