"""Slow clients: how long the web process waits for the rest of a request, and with how many of its threads.

A thread reads a request from its connection as it arrives. Without a bound, as many clients as there are threads, each
of which sends a part of a request and then nothing, would keep everybody else from being answered, health checks too.
"""

import select
import socket
import threading
import time
from typing import Any

REQUEST_TIMEOUT = 10.0  # seconds, from the first byte of a request
MIN_BYTES_PER_SECOND = 50_000  # a large file may take longer, as long as it arrives at this rate


class SlowClient(TimeoutError):
    """Raised where the rest of a request is not waited for any longer."""


class TooManySlowClients(TimeoutError):
    """Raised where the rest of a request is not waited for, because as many threads as may are waiting already."""


class SlowClientSocket:
    """The socket of a connection, which waits for a client only so long, and only while a waiting place is free.

    `waiting_places` are those of the process: half of its threads. What has arrived already is read without one. Once
    the headers are there, `is_in_body` is set: from then on the application answers. Before, the connection ends.
    """

    def __init__(self, connection: socket.socket, waiting_places: threading.Semaphore) -> None:
        self._connection, self._waiting_places = connection, waiting_places
        self.begin_request()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin_request(self) -> None:
        """Give the client its time for another request."""
        self.is_in_body = False
        self._began_at, self._received = time.monotonic(), 0

    def recv(self, size: int) -> bytes:
        """Return what has arrived, or else wait for it.

        Raises:
            SlowClient: the time is over.
            TooManySlowClients: no waiting place is free.
        """
        try:
            data = self._connection.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            try:
                self._wait()
            except TimeoutError:
                if self.is_in_body:
                    raise
                return b""  # as if the client had gone
            data = self._connection.recv(size)
        self._received += len(data)
        return data

    def _wait(self) -> None:
        if not self._waiting_places.acquire(blocking=False):
            raise TooManySlowClients
        try:
            ends_at = self._began_at + REQUEST_TIMEOUT + self._received / MIN_BYTES_PER_SECOND
            poll = select.poll()
            poll.register(self._connection, select.POLLIN)
            if not poll.poll(max(ends_at - time.monotonic(), 0) * 1000):
                raise SlowClient
        finally:
            self._waiting_places.release()
