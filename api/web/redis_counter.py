"""Counter of rate limits in Redis, for several machines without the database in between."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from redis import Redis, RedisError

from models.db.rate_limiter import Limit, Usage

TIMEOUT: Final = 0.5  # seconds: a person waits
PREFIX: Final = "amends:limit:"

# As `models.db.rate_limiter.admit`, in one step: a sorted set holds the hits of a key, by their times.
COUNT: Final = """
local now, window, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local new = {}
for number = 4, #ARGV do
    if not redis.call('ZSCORE', KEYS[1], ARGV[number]) then
        new[#new + 1] = ARGV[number]
    end
end
local used = redis.call('ZCARD', KEYS[1])
local allowed = used + #new <= amount
if allowed and #new > 0 then
    for _, hit in ipairs(new) do
        redis.call('ZADD', KEYS[1], now, hit)
    end
    redis.call('PEXPIRE', KEYS[1], math.ceil(window * 1000))
    used = used + #new
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {allowed and 1 or 0, used, oldest[2] or tostring(now - window)}
"""


class RedisCounter:
    """Counts in Redis."""

    failures: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._count = self._redis.register_script(COUNT)

    def count(self, key: str, limit: Limit, hits: Sequence[str], *, at: datetime) -> Usage:
        window = limit.window.total_seconds()
        arguments = [at.timestamp(), window, limit.amount, *dict.fromkeys(hits)]
        allowed, used, oldest = self._count([PREFIX + key], arguments)
        resets_at = datetime.fromtimestamp(float(oldest), UTC) + timedelta(seconds=window)
        return Usage(limit, used, bool(allowed), resets_at)

    def take_back(self, key: str, hit: str) -> None:
        self._redis.zrem(PREFIX + key, hit)

    def ping(self) -> None:
        self._redis.ping()
