"""The channel that prints: for addresses of kind `log`, and where a channel of its own is not configured."""

import sys
from threading import Lock
from typing import TextIO

from notifications.channels.base import AddressKind, Letter, LetterKind, Verdict, one_line

_VERBS = {LetterKind.RING: "PUSH", LetterKind.INFORM: "TELL", LetterKind.WITHDRAW: "UNDO"}
_SHOWN_OF_A_PUSH_ADDRESS = 6


class Log:
    """Prints one line per letter, to standard output unless another stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._printing = Lock()

    def deliver(self, letter: Letter) -> Verdict:
        """Print the letter. Only an address of kind `log` has got it then: a real phone was not reached."""
        line = (
            f"{_VERBS[letter.kind]}  to {letter.address_kind}:{_address(letter)}  "
            f"{one_line(letter.title)} | {one_line(letter.body)}   "
            f"[alert {letter.alert_id} notification {letter.notification_id}]\n"
        )
        # Looked up at each line: whoever replaces sys.stdout (a test, a supervisor) expects to be followed.
        stream = sys.stdout if self._stream is None else self._stream
        with self._printing:
            stream.write(line)
            stream.flush()
        if letter.address_kind is not AddressKind.LOG:
            return Verdict.refused("no-credentials", alarm=True)
        return Verdict.sent()

    def close(self) -> None:
        """Leave the stream open: it belongs to whoever gave it."""


def _address(letter: Letter) -> str:
    # A real address is a way to reach somebody and has no place in a log file; one of e-mail starts with a name.
    line = one_line(letter.address)
    match letter.address_kind:
        case AddressKind.LOG:
            return line
        case AddressKind.EMAIL:
            return "…"
        case _:
            return f"{line[:_SHOWN_OF_A_PUSH_ADDRESS]}…"
