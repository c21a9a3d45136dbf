"""Rate limits (moving window) where frequent requests are the attack: sign-in, search by contact, public forms."""

import math
import time

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from api.web.problems import HttpProblem

SEARCH_LIMIT = RateLimitItemPerMinute(20)
TEST_PUSH_LIMIT = RateLimitItemPerMinute(3)
TABLE_QR_LIMIT = RateLimitItemPerMinute(4, 10)  # per code in ten minutes: no more people sit at one table
RECEIPT_QR_LIMIT = RateLimitItemPerMinute(60, 10)
IMPORT_LIMIT = RateLimitItemPerHour(20)  # per person, dry runs too: each is as much work as an import
FAILED_PIN_LIMIT = RateLimitItemPerMinute(5, 15)  # per person over all shared phones of the organization
FAILED_SIGN_IN_LIMIT = RateLimitItemPerMinute(5)
FAILED_OWN_SECRET_LIMIT = RateLimitItemPerMinute(5)  # per person: wrong present passwords or PINs
REDEEM_LIMIT = RateLimitItemPerMinute(20)  # one-time codes, valid or not, from one address, which a store may share
RESET_LIMIT = RateLimitItemPerHour(5)  # mails per login, also where there is no such person
RESETS_OF_ADDRESS_LIMIT = RateLimitItemPerHour(60)

# Of a person over all addresses: whoever tries codes knows the password already, and there are a million codes only.
WRONG_CODE_LIMIT = RateLimitItemPerHour(30)


def count_hit(limit: RateLimitItem, *key: str) -> None:
    """Count one hit. Raises HttpProblem 429 with Retry-After when the limit is exceeded."""
    if not _limiter().hit(limit, *key):
        _raise_too_many(limit, *key)


def check_limit(limit: RateLimitItem, *key: str) -> None:
    """Raise HttpProblem 429 when the limit is used up; count nothing."""
    if not _limiter().test(limit, *key):
        _raise_too_many(limit, *key)


def _raise_too_many(limit: RateLimitItem, *key: str) -> None:
    reset_at = _limiter().get_window_stats(limit, *key).reset_time
    raise HttpProblem(429, f"At most {limit}.", retry_after=max(1, math.ceil(reset_at - time.time())))


def _limiter() -> MovingWindowRateLimiter:
    limiter: MovingWindowRateLimiter = current_app.extensions["limiter"]
    return limiter
