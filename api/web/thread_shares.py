"""How many threads of a web process may be kept waiting at once, and by whom. One is left for everybody else."""

from typing import NamedTuple

from models.policy_defaults import KNOWN_PHONES_IN_QUEUE, STRANGERS_IN_QUEUE


class ThreadShares(NamedTuple):
    """The threads that slow clients, and passwords of strangers and known phones, may take at most."""

    slow_clients: int
    strangers: int
    known_phones: int

    @classmethod
    def of(cls, threads: int) -> "ThreadShares":
        """Share out the threads of a process. Of fewer than four none is left: each share is one at least."""
        slow_clients = max(threads // 2 - 1, 1)
        passwords = max(threads - 1 - slow_clients, 2)
        strangers = min(passwords // 2, STRANGERS_IN_QUEUE)
        return cls(slow_clients, strangers, min(passwords - strangers, KNOWN_PHONES_IN_QUEUE))
