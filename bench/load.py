"""Load for a server on this machine: phones that ask without a pause, or on a schedule."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

from tests.chaos.drivers.chaos_run import percentile
from tests.chaos.drivers.concern_load import at_a_steady_pace

PHONES = 8


@dataclass(frozen=True)
class Request:
    """What is asked again and again; `body` makes a new one each time."""

    url: str
    method: str
    path: str
    token: str = ""
    body: Callable[[], bytes] = bytes
    headers: Callable[[], dict[str, str]] = dict

    def send(self, connection: HTTPConnection) -> int:
        """The status of the answer, which is read to its end."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **self.headers()}
        connection.request(self.method, self.path, self.body() or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def connect(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self.url).netloc, timeout=60)


@dataclass
class Measured:
    """What came of a request: answers a second, round by round, seconds of each, and how many were no 2xx."""

    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def p50(self) -> float:
        return percentile(self.seconds, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 0.99)


def without_a_pause(request: Request, measured: Measured, *, for_seconds: float, phones: int = PHONES) -> None:
    """So many phones ask as fast as they are answered."""
    until = time.perf_counter() + for_seconds

    def ask(_phone: int) -> int:
        connection, count = request.connect(), 0
        while (begun := time.perf_counter()) < until:
            measured.refused += request.send(connection) >= 300
            measured.seconds.append(time.perf_counter() - begun)
            count += 1
        connection.close()
        return count

    begun = time.perf_counter()
    with ThreadPoolExecutor(phones) as pool:
        count = sum(pool.map(ask, range(phones)))
    measured.rates.append(count / (time.perf_counter() - begun))


def on_schedule(request: Request, *, per_second: float, for_seconds: float) -> Measured:
    """Asked at the moments of a schedule; its seconds count from there, so that waiting is counted too."""
    measured, mine = Measured([per_second]), threading.local()

    def ask(_number: int, due: float) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = request.connect()
        measured.refused += request.send(mine.connection) >= 300
        measured.seconds.append(time.monotonic() - due)

    count = int(per_second * for_seconds)
    at_a_steady_pace(ask, per_second=per_second, ended=lambda number: number == count, hands=4 * PHONES)
    return measured
