"""The embedded database behind the real web process: clients that dawdle keep nobody else waiting."""

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest
from argon2 import PasswordHasher

from models.db.session import Database, DatabaseRole
from models.staff.staff import Staff
from tests.support.databases import migrate, only_on_sqlite
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.processes import TIMEOUT, RunningApp, eventually, running_app

# Seconds for anybody else's request. Generous, because the machine may be busy: who waits for a lock that a slow
# client holds waits for twice that.
LONGEST = 15.0
THREADS = 8  # of the one web process that serves an embedded database


class HalfSender:
    """Client that sends the headers of a POST and the beginning of its body, and then nothing more."""

    def __init__(self, running: RunningApp, token: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", running.port), timeout=TIMEOUT)
        head = f"POST /v1/concerns HTTP/1.1\r\nHost: {running.port}\r\nAuthorization: Bearer {token}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        self.connection.sendall(head.encode() + b'{"mood": ')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def status(self) -> int:
        """Wait for the status of the answer, after which the connection has to be closed."""
        answer = self.connection.makefile("rb").read()
        return int(answer.split()[1])


@contextlib.contextmanager
def dead_reader(running: RunningApp) -> Iterator[None]:
    """Ask again and again, read nothing, until the web process can neither answer nor read on."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.port))
    connection.setblocking(False)
    padding = "x" * 8000
    request = f"GET /openapi.json HTTP/1.1\r\nHost: {running.port}\r\nX-Padding: {padding}\r\n\r\n".encode()
    with connection:
        left = b""
        with contextlib.suppress(ConnectionError):  # it was given up for another one
            while select.select([], [connection], [], 1.0)[1]:
                left = left or request
                left = left[connection.send(left) :]
        yield


@pytest.fixture
def running(empty_database_url: str) -> Iterator[RunningApp]:
    migrate(empty_database_url)
    with running_app(empty_database_url, seed=False) as running:
        yield running


@pytest.fixture
def shop(running: RunningApp, empty_database_url: str) -> Iterator[Shop]:
    """A shop whose passwords cost as much to check as real ones."""
    database = Database(empty_database_url, DatabaseRole.WORKER)
    shop = make_shop(database, at=database.clock())
    with database.writing(shop.organization_id) as session:
        staff = session.get(Staff, (shop.organization_id, shop.staff["floor"]))
        assert staff is not None
        staff.password_hash = PasswordHasher().hash(PASSWORD)
    yield shop
    database.close()


@only_on_sqlite
@pytest.mark.deep  # clients that dawdle take their seconds
def test_clients_that_dawdle_keep_nobody_else_waiting(running, shop):
    def seconds(method: str, path: str, **options: object) -> float:
        started = time.monotonic()
        eventually(lambda: running.request(method, path, shop.tokens["floor"], **options).ok, LONGEST)  # 503: again
        return time.monotonic() - started

    def signs_in(_: int) -> float:
        started = time.monotonic()
        who = {"organization": shop.slug, "login": "floor", "password": PASSWORD}
        eventually(lambda: running.request("POST", "/v1/sessions", json=who).ok, LONGEST)  # as above
        return time.monotonic() - started

    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(HalfSender(running, shop.tokens["floor"])) for _ in range(THREADS)]
        for _ in range(THREADS + 2):
            stack.enter_context(dead_reader(running))
        with ThreadPoolExecutor(2) as pool:
            signing_in = pool.map(signs_in, range(4))
            served = [seconds("POST", "/v1/concerns", json={"mood": 2}) for _ in range(5)]
            served += [seconds("GET", "/v1/concerns") for _ in range(5)]
            served += signing_in
        assert max(served) < LONGEST
        assert {client.status() for client in slow} <= {408, 503}
    assert running.stop() == 0
