"""The channel that prints: for addresses of kind `log`, and where no Firebase credentials are configured."""

import sys
from threading import Lock
from typing import TextIO

from notifications.channels import AddressKind, Letter, LetterKind, Verdict

_VERBS = {LetterKind.RING: "PUSH", LetterKind.WITHDRAW: "UNDO"}
_SHOWN_OF_A_REAL_ADDRESS = 6


class Log:
    """Prints one line per letter, to standard output unless another stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._printing = Lock()

    def deliver(self, letter: Letter) -> Verdict:
        """Print the letter. Only an address of kind `log` has got it then: a real phone was not reached."""
        line = (
            f"{_VERBS[letter.kind]}  to {letter.address_kind}:{_address(letter)}  "
            f"{_one_line(letter.title)} | {_one_line(letter.body)}   "
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
    # A real push address is a way to reach somebody's phone and has no place in a log file.
    line = _one_line(letter.address)
    return line if letter.address_kind == AddressKind.LOG else f"{line[:_SHOWN_OF_A_REAL_ADDRESS]}…"


def _one_line(text: str) -> str:
    # A place name with a line break must not be able to forge a second line.
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
