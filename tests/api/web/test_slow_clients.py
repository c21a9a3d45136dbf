"""Clients that send a part of a request and then nothing: how long, and by how many threads, they are waited for."""

import socket
import threading
from collections.abc import Iterator

import pytest

from api.web import slow_clients
from api.web.slow_clients import SlowClient, SlowClientSocket, TooManySlowClients, WaitingPlaces
from tests.support.app import App
from tests.support.factories.organizations import Shop


def _ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        yield client, server


ends, other_ends = (pytest.fixture(_ends, name=name) for name in ("ends", "other_ends"))


def test_what_has_arrived_is_read_and_what_has_not_is_waited_for_only_so_long(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "CLIENT_TIMEOUT", 0.0)
    client, server = ends
    connection = SlowClientSocket(server, WaitingPlaces(1))
    client.sendall(b"POST /")
    assert connection.recv(100) == b"POST /"
    assert connection.recv(100) == b"", "before the headers are there the connection ends"
    connection.is_in_body = True
    with pytest.raises(SlowClient):
        connection.recv(100)


def test_a_large_body_may_take_longer_as_long_as_it_arrives(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "CLIENT_TIMEOUT", 0.0)
    monkeypatch.setattr(slow_clients, "MIN_BYTES_PER_SECOND", 1)
    client, server = ends
    connection = SlowClientSocket(server, WaitingPlaces(1))
    client.sendall(b"x" * 100)
    assert len(connection.recv(100)) == 100
    sender = threading.Timer(0.05, client.sendall, [b"y"])
    sender.start()
    assert connection.recv(100) == b"y"
    sender.join()


def test_no_more_threads_wait_than_may_and_whoever_waits_for_the_longest_makes_room(
    ends: tuple[socket.socket, socket.socket],
    other_ends: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = WaitingPlaces(1)
    (_, slow), (client, server) = ends, other_ends
    dawdler, other = SlowClientSocket(slow, places), SlowClientSocket(server, places)
    dawdler.is_in_body = other.is_in_body = True
    ended: list[BaseException] = []

    def dawdle() -> None:
        try:
            dawdler.recv(100)
        except SlowClient as error:
            ended.append(error)

    thread = threading.Thread(target=dawdle)
    thread.start()
    while not places._waits:
        thread.join(0.001)
    client.sendall(b"{}")
    assert other.recv(100) == b"{}", "what has arrived needs no place"
    with pytest.raises(TooManySlowClients):
        other.recv(100)
    assert ended == []
    monkeypatch.setattr(slow_clients, "SURE_OF_PLACE", 0.0)
    sender = threading.Timer(0.05, client.sendall, [b"}"])
    sender.start()
    assert other.recv(100) == b"}"
    sender.join()
    thread.join()
    assert len(ended) == 1


def test_an_answer_that_is_not_read_is_not_waited_for(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "CLIENT_TIMEOUT", 0.0)
    client, server = ends
    connection = SlowClientSocket(server, WaitingPlaces(1))
    connection.sendall(b"x" * 1000)
    assert client.recv(2000) == b"x" * 1000
    monkeypatch.setattr(slow_clients, "MIN_BYTES_PER_SECOND", 10**12)
    with pytest.raises(BrokenPipeError):
        connection.sendall(b"x" * 10_000_000)


class Silent:
    """The body of a request as the web server reads it, when it is not waited for any longer."""

    def __init__(self, error: TimeoutError) -> None:
        self.error = error

    def read(self, _size: int = -1) -> bytes:
        raise self.error


@pytest.mark.parametrize("length", ["1000", None], ids=["with a length", "in chunks"])
def test_a_body_that_is_not_waited_for_is_408_or_503_and_no_error_of_ours(
    app: App, shop: Shop, length: str | None
) -> None:
    answers = [
        app.request(
            "POST",
            "/v1/concerns",
            (shop, "floor"),
            content_type="application/json",
            environ_overrides={"wsgi.input": Silent(error)}
            | ({"CONTENT_LENGTH": length} if length else {"wsgi.input_terminated": True}),
        )
        for error in (SlowClient(), TooManySlowClients())
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [
        (408, "request-timeout"),
        (503, "unavailable"),
    ]
    assert "Retry-After" in answers[1].headers
