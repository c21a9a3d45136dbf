"""Slow clients: how long the web process waits for them, and with how many of its threads.

A thread reads a request from its connection as it arrives, and sends the answer as fast as it is read. Without a bound,
as many clients as there are threads that send a part of a request and then nothing, or read no answer, would keep
everybody else from being answered, health checks too.
"""

import errno
import os
import select
import socket
import threading
import time
from typing import Any

CLIENT_TIMEOUT = 10.0  # seconds for a request from its first byte, and for an answer
MIN_BYTES_PER_SECOND = 50_000  # what is large may take longer, as long as it moves at this rate
SURE_OF_PLACE = 1.0  # seconds; whoever waits for longer makes room for somebody else


class SlowClient(TimeoutError):
    """Raised where the rest of a request is not waited for any longer."""


class TooManySlowClients(TimeoutError):
    """Raised where the rest of a request is not waited for, because as many threads as may are waiting already."""


class _Wait:
    """One thread that waits, and a pipe to wake it up by."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.wakes_by, self._wake = os.pipe()

    def wake(self) -> None:
        os.write(self._wake, b"!")

    def close(self) -> None:
        os.close(self.wakes_by)
        os.close(self._wake)


class WaitingPlaces:
    """The places of a process in which its threads wait for slow clients.

    When all are taken, the one who has waited for the longest makes room, so that clients who never come to an end
    keep nobody out whose next packet is on its way.
    """

    def __init__(self, number: int) -> None:
        self._number, self._lock = number, threading.Lock()
        self._waits: dict[_Wait, None] = {}  # the longest first

    def wait(self, connection: socket.socket, event: int, *, until: float) -> None:
        """Wait until a connection can be read or written.

        Args:
            connection: the socket of the client.
            event: `select.POLLIN` or `select.POLLOUT`.
            until: a time of `time.monotonic`.

        Raises:
            SlowClient: the time is over, or somebody else needed the place.
            TooManySlowClients: no place is free.
        """
        wait = _Wait()
        try:
            self._take_place(wait)
            poll = select.poll()
            poll.register(connection, event)
            poll.register(wait.wakes_by, select.POLLIN)
            ready = {number for number, _ in poll.poll(max(until - time.monotonic(), 0) * 1000)}
            if not ready or wait.wakes_by in ready:
                raise SlowClient
        finally:
            with self._lock:
                self._waits.pop(wait, None)
                wait.close()

    def _take_place(self, wait: _Wait) -> None:
        with self._lock:
            if len(self._waits) >= self._number:
                longest = next(iter(self._waits))
                if wait.began_at - longest.began_at < SURE_OF_PLACE:
                    raise TooManySlowClients
                del self._waits[longest]
                longest.wake()
            self._waits[wait] = None


class SlowClientSocket:
    """The socket of a connection, which waits for its client only so long, in one of the places of the process.

    What has arrived is read, and what fits is sent, without a place. Once the headers are there, `is_in_body` is set:
    from then on the application answers. Before, the connection ends.
    """

    def __init__(self, connection: socket.socket, places: WaitingPlaces) -> None:
        self._connection, self._places = connection, places
        self._is_given_up = False
        self.begin_request()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin_request(self) -> None:
        """Give the client its time for another request."""
        self.is_in_body = False
        self._began_at, self._received = time.monotonic(), 0

    def recv(self, size: int) -> bytes:
        """Return what has arrived, or else wait for it. Raises SlowClient and TooManySlowClients."""
        try:
            data = self._connection.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            try:
                self._wait(select.POLLIN, until=_ends_at(self._began_at, moved=self._received))
            except TimeoutError:
                if self.is_in_body:
                    raise
                return b""  # as if the client had gone
            data = self._connection.recv(size)
        self._received += len(data)
        return data

    def sendall(self, data: bytes) -> None:
        """Send an answer as fast as it is read. BrokenPipeError for a client that does not read it in time."""
        began_at, rest = time.monotonic(), memoryview(data)
        while rest:
            try:
                rest = rest[self._connection.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                until = _ends_at(began_at, moved=len(data) - len(rest))
                try:
                    self._wait(select.POLLOUT, until=until)
                except TimeoutError as error:
                    raise BrokenPipeError(errno.EPIPE, "the client does not read") from error

    def shutdown(self, how: int) -> None:
        """Shut the connection down. OSError for a client that was given up, so that nobody waits for its goodbye.

        gunicorn waits for that in the thread that accepts connections.
        """
        if self._is_given_up:
            raise OSError(errno.ENOTCONN, "the client was given up")
        self._connection.shutdown(how)

    def _wait(self, event: int, *, until: float) -> None:
        try:
            self._places.wait(self._connection, event, until=until)
        except TimeoutError:
            self._is_given_up = True
            raise


def _ends_at(began_at: float, *, moved: int) -> float:
    """Return until when a client is waited for that has sent or read so many bytes."""
    return began_at + CLIENT_TIMEOUT + moved / MIN_BYTES_PER_SECOND
