"""How often somebody may ask, where asking often is the attack."""

import math
import time

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from api.web.problems import HttpProblem

SEARCH_LIMIT = RateLimitItemPerMinute(20)
TEST_PUSH_LIMIT = RateLimitItemPerMinute(3)
TABLE_QR_LIMIT = RateLimitItemPerMinute(4, 10)  # by one code, in ten minutes: more people do not sit there
RECEIPT_QR_LIMIT = RateLimitItemPerMinute(60, 10)
FAILED_SIGN_IN_LIMIT = RateLimitItemPerMinute(5)


def count_hit(limit: RateLimitItem, *whose: str) -> None:
    """Count one more; 429 with Retry-After when that is one too many."""
    if not _limiter().hit(limit, *whose):
        _raise_too_many(limit, *whose)


def check_limit(limit: RateLimitItem, *whose: str) -> None:
    """429 when the limit is used up, without counting this one."""
    if not _limiter().test(limit, *whose):
        _raise_too_many(limit, *whose)


def _raise_too_many(limit: RateLimitItem, *whose: str) -> None:
    reset_at = _limiter().get_window_stats(limit, *whose).reset_time
    raise HttpProblem(429, f"At most {limit}.", retry_after=max(1, math.ceil(reset_at - time.time())))


def _limiter() -> MovingWindowRateLimiter:
    limiter: MovingWindowRateLimiter = current_app.extensions["limiter"]
    return limiter
