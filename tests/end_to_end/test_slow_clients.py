"""The embedded database behind the real web process: clients that dawdle keep nobody else waiting."""

import contextlib
import json
import select
import socket
import threading
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
from tests.support.processes import TIMEOUT, RunningApp, running_app

# Seconds for anybody else's request. Generous, because the machine may be busy: who waits for a lock that a slow
# client holds waits for twice that.
LONGEST = 15.0


class Dribbler:
    """Client that sends the headers of a POST, then its body byte by byte, until it may finish."""

    def __init__(self, running: RunningApp, token: str) -> None:
        self.body = json.dumps({"mood": 3, "their_words": "I have all the time in the app. " * 60}).encode()
        self.connection = socket.create_connection(("127.0.0.1", running.port), timeout=TIMEOUT)
        head = f"POST /v1/concerns HTTP/1.1\r\nHost: {running.port}\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        self.connection.sendall(head.encode() + self.body[:1])
        self.sent, self.advance_now = 1, threading.Event()
        self.thread = threading.Thread(target=self._dribble)
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.advance_now.set()
        self.thread.join(TIMEOUT)
        self.connection.close()

    def _dribble(self) -> None:
        while not self.advance_now.wait(0.05) and self.sent < len(self.body) - 1:
            self.connection.sendall(self.body[self.sent : self.sent + 1])
            self.sent += 1

    def finish(self) -> str:
        """Send the rest at once; the status line of the answer."""
        self.advance_now.set()
        self.thread.join(TIMEOUT)
        self.connection.sendall(self.body[self.sent :])
        return self.connection.recv(4096).partition(b"\r\n")[0].decode()


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
        assert running.request(method, path, shop.tokens["floor"], **options).ok
        return time.monotonic() - started

    def signs_in(_: int) -> float:
        started = time.monotonic()
        running.sign_in(shop.slug, "floor", PASSWORD)
        return time.monotonic() - started

    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Dribbler(running, shop.tokens["floor"])) for _ in range(3)]
        with dead_reader(running), ThreadPoolExecutor(10) as pool:
            signing_in = pool.map(signs_in, range(10))
            served = [seconds("POST", "/v1/concerns", json={"mood": 2}) for _ in range(5)]
            served += [seconds("GET", "/v1/concerns") for _ in range(5)]
            served += signing_in
            assert all(client.thread.is_alive() for client in slow), "they were not slow enough to prove anything"

        assert max(served) < LONGEST
        assert [client.finish() for client in slow] == ["HTTP/1.1 201 CREATED"] * 3
    assert running.stop() == 0
