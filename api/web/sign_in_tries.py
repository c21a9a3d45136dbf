"""Tries at a password: what they count for, and in which queue they wait."""

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self

from flask import g

from api.web.client_address import client_address
from api.web.keys import fingerprint_key
from api.web.password_queue import PasswordQueue, password_queues
from api.web.rate_limits import (
    FAILED_OF_ACCOUNT_LIMIT,
    FAILED_OF_ADDRESS_LIMIT,
    FAILED_OF_KNOWN_PHONES_LIMIT,
    FAILED_OF_SHARED_PHONE_LIMIT,
    FAILED_SIGN_IN_LIMIT,
    PASSWORD_CHECKS_LIMIT,
    SecretTry,
    count_hit,
    rate_limiter,
)
from models.db.rate_limiter import Limit
from models.policy_defaults import KNOWN_ADDRESS_TTL

# No limit, but kept and forgotten as hits are: that somebody signed in from an address.
SIGNED_IN: Final = Limit(1, KNOWN_ADDRESS_TTL)


@dataclass(frozen=True)
class SignInTries:
    """The tries at one account from one place."""

    limits: Sequence[tuple[Limit, tuple[str, ...]]]
    queue: PasswordQueue
    account: tuple[str, ...]  # that has one place in the queue; empty for strangers, who would keep each other out
    known_as: tuple[str, ...]  # the phone or address that this person signed in on before; empty for strangers
    sign_in_key: str  # of this person at this address

    @classmethod
    def at(cls, organization: str, login: str, *, known_phone: str | None, shared_phone: str | None = None) -> Self:
        """Return the tries at this account: those of a known phone alone, of a known address, or of everybody else.

        Those that name a shared phone count for it too, at whichever accounts they are.
        """
        account, address = (organization, login), client_address()
        of_shared_phone = [(FAILED_OF_SHARED_PHONE_LIMIT, ("sign-in phone", shared_phone))] if shared_phone else []
        sign_in_key = hmac.digest(fingerprint_key(), "\0".join((*account, address)).encode(), "sha256").hex()
        if known_phone is not None:
            # Apart, so that nobody at a shared phone holds up the own phones of a colleague.
            kind, known_as = "shared phones" if shared_phone else "known phones", ("known phone", known_phone)
        elif rate_limiter().usage(SIGNED_IN, "signed in", sign_in_key, at=g.now).used:
            kind, known_as = "known addresses", ("known address", address)
        else:
            limits = [
                (FAILED_SIGN_IN_LIMIT, (*account, address)),
                (FAILED_OF_ADDRESS_LIMIT, ("sign-in", address)),
                (FAILED_OF_ACCOUNT_LIMIT, ("sign-in", *account)),
            ]
            return cls([*limits, *of_shared_phone], password_queues().strangers, (), (), sign_in_key)
        limits = [
            (FAILED_SIGN_IN_LIMIT, (*known_as, *account)),
            (FAILED_OF_KNOWN_PHONES_LIMIT, (kind, *account)),
        ]
        return cls([*limits, *of_shared_phone], password_queues().known_phones, account, known_as, sign_in_key)

    @contextmanager
    def turn(self) -> Iterator[SecretTry]:
        """Wait for one's turn to have a password checked. HttpProblem 429 for too many in the queue, or tries.

        The try counts from when it is one's turn, and is for the caller to take back.
        """
        if self.known_as:
            count_hit(PASSWORD_CHECKS_LIMIT, *self.known_as, *self.account)
        with self.queue.turn(*self.account):
            yield SecretTry(*self.limits)

    def remember_address(self) -> None:
        """Remember that this person signed in from this address."""
        rate_limiter().count(SIGNED_IN, "signed in", self.sign_in_key, hits=["signed in"], at=g.now)
