"""Tries at a password: what they count for, and in which queue they wait."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from api.web.client_address import client_address
from api.web.password_queue import PasswordQueue, password_queues
from api.web.rate_limits import (
    FAILED_OF_ACCOUNT_LIMIT,
    FAILED_OF_ADDRESS_LIMIT,
    FAILED_OF_KNOWN_PHONES_LIMIT,
    FAILED_OF_SHARED_PHONE_LIMIT,
    FAILED_SIGN_IN_LIMIT,
    PASSWORD_CHECKS_LIMIT,
    count_hit,
)
from models.db.rate_limiter import Limit


@dataclass(frozen=True)
class SignInTries:
    """The tries at one account from one place."""

    limits: Sequence[tuple[Limit, tuple[str, ...]]]
    queue: PasswordQueue
    account: tuple[str, ...]  # that has one place in the queue; empty for strangers, who would keep each other out
    known_phone: str | None

    @classmethod
    def at(cls, organization: str, login: str, *, known_phone: str | None, shared_phone: str | None = None) -> Self:
        """Return the tries at this account: those of a known phone alone, or those of everybody else.

        Those that name a shared phone count for it too, at whichever accounts they are.
        """
        account, address = (organization, login), client_address()
        of_shared_phone = [(FAILED_OF_SHARED_PHONE_LIMIT, ("sign-in phone", shared_phone))] if shared_phone else []
        if known_phone is not None:
            # Apart, so that nobody at a shared phone holds up the own phones of a colleague.
            kind = "shared phones" if shared_phone else "known phones"
            limits = [
                (FAILED_SIGN_IN_LIMIT, ("known phone", known_phone, *account)),
                (FAILED_OF_KNOWN_PHONES_LIMIT, (kind, *account)),
            ]
            return cls([*limits, *of_shared_phone], password_queues().known_phones, account, known_phone)
        limits = [
            (FAILED_SIGN_IN_LIMIT, (*account, address)),
            (FAILED_OF_ADDRESS_LIMIT, ("sign-in", address)),
            (FAILED_OF_ACCOUNT_LIMIT, ("sign-in", *account)),
        ]
        return cls([*limits, *of_shared_phone], password_queues().strangers, (), None)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn to have a password checked. HttpProblem 429 for too many in the queue, or checks.

        The caller counts the try from then on.
        """
        if self.known_phone is not None:
            count_hit(PASSWORD_CHECKS_LIMIT, "known phone", self.known_phone, *self.account)
        with self.queue.turn(*self.account):
            yield
