"""Queues for work on passwords: argon2 takes 64 MiB and both cores, so few run at once and few more wait.

Strangers have a queue of their own: however many there are, a phone that signed its person in before is served.
Passwords are checked in processes of low priority, one for each queue.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final, NamedTuple

from flask import current_app

from api.web.password_process import FOR_KNOWN_PHONES, FOR_STRANGERS, PasswordProcess
from api.web.problems import HttpProblem
from api.web.thread_shares import ThreadShares

ASK_AGAIN_AFTER: Final = 1  # seconds


class PasswordQueue:
    """A queue of this process: of so many places one runs and the others wait.

    `verify` compares a hash and a password, for whoever's turn it is, in the process of the queue.
    """

    def __init__(self, places: int, process: PasswordProcess) -> None:
        self.places, self.process, self.verify = places, process, process.verify
        self._places = BoundedSemaphore(places)
        self._turn = BoundedSemaphore(1)
        self._lock, self._accounts = Lock(), set[tuple[str, ...]]()

    @contextmanager
    def turn(self, *account: str) -> Iterator[None]:
        """Wait for one's turn, which lasts until the end of the block.

        HttpProblem 429 where too many wait, or somebody at the same account: nobody takes all places for themselves.
        """
        with self._lock:
            if (account and account in self._accounts) or not self._places.acquire(blocking=False):
                raise HttpProblem(429, "Too many sign in at this moment; try again.", retry_after=ASK_AGAIN_AFTER)
            self._accounts.add(account)
        try:
            with self._turn:
                yield
        finally:
            with self._lock:
                self._accounts.discard(account)
                self._places.release()


class PasswordQueues(NamedTuple):
    """The queues of a web process."""

    strangers: PasswordQueue
    known_phones: PasswordQueue  # also who is signed in, or has a valid code

    @classmethod
    def of(cls, threads: int) -> "PasswordQueues":
        """Return the queues of a process with so many threads."""
        shares = ThreadShares.of(threads)
        return cls(
            PasswordQueue(shares.strangers, PasswordProcess(FOR_STRANGERS)),
            PasswordQueue(shares.known_phones, PasswordProcess(FOR_KNOWN_PHONES)),
        )


def password_queues() -> PasswordQueues:
    queues: PasswordQueues = current_app.extensions["password_queues"]
    return queues
