"""Queues for work on passwords: argon2 takes 64 MiB and both cores, so few run at once and few more wait.

Strangers have a queue of their own: however many there are, a phone that signed its person in before is served.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final

from api.web.problems import HttpProblem
from models.policy_defaults import KNOWN_PHONES_WAITING, STRANGERS_WAITING

ASK_AGAIN_AFTER: Final = 1  # seconds


class PasswordQueue:
    """A queue of this process: one runs, and so many wait, each for another account."""

    def __init__(self, *, waiting: int) -> None:
        self._places = BoundedSemaphore(1 + waiting)
        self._turn = BoundedSemaphore(1)
        self._lock, self._accounts = Lock(), set[tuple[str, ...]]()

    @contextmanager
    def turn(self, *account: str) -> Iterator[None]:
        """Wait for one's turn, which lasts until the end of the block.

        HttpProblem 429 where too many wait, or somebody at the same account: nobody takes all places for themselves.
        """
        with self._lock:
            if account in self._accounts or not self._places.acquire(blocking=False):
                raise HttpProblem(429, "Too many sign in at this moment; try again.", retry_after=ASK_AGAIN_AFTER)
            self._accounts.add(account)
        try:
            with self._turn:
                yield
        finally:
            with self._lock:
                self._accounts.discard(account)
                self._places.release()


STRANGERS: Final = PasswordQueue(waiting=STRANGERS_WAITING)
KNOWN_PHONES: Final = PasswordQueue(waiting=KNOWN_PHONES_WAITING)  # also who is signed in, or has a valid code
