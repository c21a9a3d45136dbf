"""The counter in Redis does as the others, on a real server where one is installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from api.web.redis_counter import RedisCounter
from tests.models.db.test_rate_limiter import check_window

REDIS_SERVER = shutil.which("redis-server")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    socket = tmp_path / "redis.sock"
    command = [str(REDIS_SERVER), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if "ready to accept connections" in line.lower():
            break
    yield f"unix://{socket}"
    server.terminate()
    server.wait()
    server.stdout.close()


@pytest.mark.skipif(REDIS_SERVER is None, reason="needs redis-server")
def test_redis_counts_the_same(redis_url: str) -> None:
    counter = RedisCounter(redis_url)
    check_window(counter)
    counter.ping()
    with Redis.from_url(redis_url) as redis:
        assert all(0 < redis.pttl(key) <= 60_000 for key in redis.scan_iter())
