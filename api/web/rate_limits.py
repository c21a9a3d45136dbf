"""How often somebody may ask, where asking often is the attack."""

import math
import time

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from api.web.problems import Refusal

SEARCHES = RateLimitItemPerMinute(20)
TEST_PUSHES = RateLimitItemPerMinute(3)
TOLD_AT_A_TABLE = RateLimitItemPerMinute(4, 10)  # by one code, in ten minutes: more people do not sit there
TOLD_BY_RECEIPTS = RateLimitItemPerMinute(60, 10)
FAILED_SIGN_INS = RateLimitItemPerMinute(5)


def count(limit: RateLimitItem, *whose: str) -> None:
    """Count one more; 429 with Retry-After when that is one too many."""
    if not _limiter().hit(limit, *whose):
        _refuse(limit, *whose)


def check(limit: RateLimitItem, *whose: str) -> None:
    """429 when the limit is used up, without counting this one."""
    if not _limiter().test(limit, *whose):
        _refuse(limit, *whose)


def _refuse(limit: RateLimitItem, *whose: str) -> None:
    reset_at = _limiter().get_window_stats(limit, *whose).reset_time
    raise Refusal(429, f"At most {limit}.", retry_after=max(1, math.ceil(reset_at - time.time())))


def _limiter() -> MovingWindowRateLimiter:
    limiter: MovingWindowRateLimiter = current_app.extensions["limiter"]
    return limiter
