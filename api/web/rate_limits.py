"""Rate limits (moving window) where frequent requests are the attack: sign-in, search by contact, public forms."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from secrets import token_hex
from typing import Final, Self
from uuid import UUID

from flask import Response, after_this_request, current_app, g
from sqlalchemy import make_url

from api.web.idempotency import idempotency_key_header
from api.web.problems import HttpProblem
from api.web.redis_counter import RedisCounter
from models.customers.contact_budget import ContactBudget
from models.db.rate_limit_counter import DatabaseCounter
from models.db.rate_limiter import HitCounter, Limit, MemoryCounter, RateLimiter, Usage
from models.policy_defaults import MAX_MEETINGS_PER_DAY

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

MEET_LIMIT: Final = Limit(MAX_MEETINGS_PER_DAY, timedelta(days=1))
TEST_PUSH_LIMIT: Final = Limit(3, MINUTE)
TABLE_QR_LIMIT: Final = Limit(4, 10 * MINUTE)  # per code: no more people sit at one table
RECEIPT_QR_LIMIT: Final = Limit(60, 10 * MINUTE)
IMPORT_LIMIT: Final = Limit(20, HOUR)  # per person, dry runs too: each is as much work as an import
FAILED_PIN_LIMIT: Final = Limit(5, 15 * MINUTE)  # per person over all shared phones of the organization
FAILED_SIGN_IN_LIMIT: Final = Limit(5, MINUTE)  # at one account from one address, or on one known phone
# At all accounts from one address, which a store may share; and at one account from all addresses. Known phones do not
# count, and are not held up by either.
FAILED_OF_ADDRESS_LIMIT: Final = Limit(20, 10 * MINUTE)
FAILED_OF_ACCOUNT_LIMIT: Final = Limit(50, HOUR)
FAILED_OF_SHARED_PHONE_LIMIT: Final = Limit(20, 10 * MINUTE)  # at all accounts from one shared phone, by its secret
FAILED_OF_KNOWN_PHONES_LIMIT: Final = Limit(30, HOUR)  # at one account from all known phones
# Right ones too, each of which is as much work: at one account on one known phone, and own ones of a person.
PASSWORD_CHECKS_LIMIT: Final = Limit(10, MINUTE)
FAILED_OWN_SECRET_LIMIT: Final = Limit(5, MINUTE)  # per person: wrong present passwords or PINs
REDEEM_LIMIT: Final = Limit(20, MINUTE)  # one-time codes that are not valid, from one address
RESET_LIMIT: Final = Limit(5, HOUR)  # mails per login, also where there is no such person
RESETS_OF_ADDRESS_LIMIT: Final = Limit(60, HOUR)

# Of a person over all addresses: whoever tries codes knows the password already, and there are a million codes only.
WRONG_CODE_LIMIT: Final = Limit(30, HOUR)


def make_rate_limiter(storage_url: str, database_url: str) -> RateLimiter:
    """Return the limiter of this process, which counts where RATELIMIT_STORAGE_URL says."""
    counter: HitCounter
    match storage_url.partition(":")[0]:
        case "database":
            counter = DatabaseCounter(make_url(database_url))
        case "memory":
            counter = MemoryCounter()
        case _:
            counter = RedisCounter(storage_url)
    return RateLimiter(counter)


def count_hit(limit: Limit, *key: str) -> None:
    """Count one hit. Raises HttpProblem 429 with Retry-After when the limit is exceeded."""
    _refuse_unless_allowed(rate_limiter().count(limit, *key, hits=[_name_of_request()], at=g.now))


class SecretTry:
    """A try at a secret, as the block in which that is checked.

    It is counted at the beginning, so that of many at once no more are checked than a limit allows. At the end it is
    taken back unless the secret was `wrong`: where something failed before that was known, nobody guessed.
    """

    def __init__(self, *limits: tuple[Limit, Sequence[str]]) -> None:
        self._limits = limits
        self._counted: list[tuple[Limit, Sequence[str], Usage]] = []
        self._was_wrong = False

    def __enter__(self) -> Self:
        """Count the try. HttpProblem 429 when one of the limits is used up; nothing is counted then."""
        for limit, key in self._limits:
            usage = rate_limiter().count(limit, *key, hits=[_name_of_request()], at=g.now)
            if not usage.allowed:
                self._take_back()
                _refuse_unless_allowed(usage)
            self._counted.append((limit, key, usage))
        after_this_request(self._show)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._was_wrong:
            self._take_back()

    def wrong(self) -> None:
        """Say that the secret was wrong."""
        self._was_wrong = True

    def _take_back(self) -> None:
        for limit, key, _ in self._counted:
            rate_limiter().take_back(limit, *key, hit=_name_of_request())

    def _show(self, response: Response) -> Response:
        for _, _, usage in self._counted:
            _add_headers(response, usage if self._was_wrong else replace(usage, used=usage.used - 1))
        return response


def contact_budget(object_id: UUID | None = None) -> ContactBudget:
    """Return the budget of the contacts of this request.

    A request that makes an object is named by its Idempotency-Key or the id of the object, so that a repeat is not
    counted again. Any other is counted each time.
    """
    if "contacts_counted_as" not in g:  # whoever names no object gets another id for it when the request runs again
        of_object = object_id and (idempotency_key_header() or str(object_id))
        g.contacts_counted_as = of_object or _name_of_request()
    return ContactBudget(rate_limiter(), by=g.actor, request=g.contacts_counted_as, at=g.now, report=show_usage)


def count_contacts(contacts: Sequence[str], *, store_id: UUID | None, object_id: UUID | None = None) -> None:
    """Count contacts that somebody names. Raises HttpProblem 429 with Retry-After beyond the budget."""
    _refuse_unless_allowed(contact_budget(object_id).spend(contacts, store_id=store_id))


def rate_limiter() -> RateLimiter:
    limiter: RateLimiter = current_app.extensions["limiter"]
    return limiter


def show_usage(usage: Usage) -> None:
    """Say in the headers of the answer what is left of a limit: of several, the one with the least left."""

    @after_this_request
    def add_headers(response: Response) -> Response:
        return _add_headers(response, usage)


def _add_headers(response: Response, usage: Usage) -> Response:
    shown = response.headers.get("RateLimit-Remaining", type=int)
    if shown is None or usage.remaining <= shown:
        response.headers["RateLimit-Limit"] = str(usage.limit.amount)
        response.headers["RateLimit-Remaining"] = str(usage.remaining)
        response.headers["RateLimit-Reset"] = str(_seconds_until_reset(usage))
    return response


def _name_of_request() -> str:
    """Return the name of the hits of this request: when it runs again after a deadlock, they are counted already."""
    if "counted_as" not in g:
        g.counted_as = token_hex(8)
    return str(g.counted_as)


def _refuse_unless_allowed(usage: Usage) -> None:
    show_usage(usage)
    if not usage.allowed:
        raise HttpProblem(429, f"At most {usage.limit}.", retry_after=max(1, _seconds_until_reset(usage)))


def _seconds_until_reset(usage: Usage) -> int:
    return max(0, math.ceil((usage.resets_at - g.now).total_seconds()))
