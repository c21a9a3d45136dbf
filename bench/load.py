"""Load for a web server on this machine: phones that send requests without pausing, or on a schedule."""

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
    """Request that is sent repeatedly; `body` and `headers` are called for each sending."""

    url: str
    method: str
    path: str
    token: str = ""
    body: Callable[[], bytes] = bytes
    headers: Callable[[], dict[str, str]] = dict

    def send(self, connection: HTTPConnection) -> int:
        """Read the whole answer and return its status."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **self.headers()}
        connection.request(self.method, self.path, self.body() or None, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def connect(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self.url).netloc, timeout=60)


@dataclass
class LoadResult:
    """Answers per second of each round, seconds of each answer, and the number of answers that were not 2xx."""

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


def run_load(request: Request, result: LoadResult, *, for_seconds: float, phones: int = PHONES) -> None:
    """Send a request from each phone as soon as its last one is answered; add one round to the result."""
    until = time.perf_counter() + for_seconds

    def send_until_end(_phone: int) -> int:
        connection, count = request.connect(), 0
        while (begun := time.perf_counter()) < until:
            result.refused += request.send(connection) >= 300
            result.seconds.append(time.perf_counter() - begun)
            count += 1
        connection.close()
        return count

    begun = time.perf_counter()
    with ThreadPoolExecutor(phones) as pool:
        count = sum(pool.map(send_until_end, range(phones)))
    result.rates.append(count / (time.perf_counter() - begun))


def run_on_schedule(request: Request, *, per_second: float, for_seconds: float) -> LoadResult:
    """Send a request at each moment of a schedule; count seconds from that moment, so that waiting is included."""
    result, of_thread = LoadResult([per_second]), threading.local()

    def send_request(_number: int, due: float) -> None:
        if not hasattr(of_thread, "connection"):
            of_thread.connection = request.connect()
        result.refused += request.send(of_thread.connection) >= 300
        result.seconds.append(time.monotonic() - due)

    count = int(per_second * for_seconds)
    at_a_steady_pace(send_request, per_second=per_second, ended=lambda number: number == count, hands=4 * PHONES)
    return result
