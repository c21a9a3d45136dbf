"""Request bodies with a false length, sent to a real gunicorn: refused, and the next request is served."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT
from tests.support.databases import migrate
from tests.support.processes import eventually

PATIENCE = 60.0
RESET = -1  # refused so early that our bytes, which nobody read, took the answer with them
LIMIT = 256 * 1024
HEAD = b"POST /v1/sessions HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process of its own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('wire')}/wire.db"
    migrate(url)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    environ = {"DATABASE_URL": url, "SECRET_KEY": "k" * 32, "PORT": str(number)}
    command = [sys.executable, "-m", "gunicorn", "-c", str(Path(ROOT) / "gunicorn.conf.py"), "wsgi:app"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: process.poll() is None and _answers(number), PATIENCE)
        yield number
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _answers(port: int) -> bool:
    try:
        return status(port, b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n") == 200
    except OSError:
        return False  # not yet


def status(port: int, request: bytes) -> int:
    """The status of the answer to these very bytes, after which the sender says no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with contextlib.suppress(OSError):  # it was refused before the last byte
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        try:
            answer = connection.makefile("rb").readline()
        except ConnectionResetError:
            return RESET
    return int(answer.split()[1]) if answer else 0


@pytest.mark.parametrize(
    ("name", "request_", "expected"),
    [
        ("in chunks", HEAD + CHUNKED + chunk(b"{}") + b"0\r\n\r\n", {422}),
        ("too large", HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1) + b" " * (LIMIT + 1), {413, RESET}),
        ("too large in chunks", HEAD + CHUNKED + chunk(b" " * LIMIT) * 2 + b"0\r\n\r\n", {413, RESET}),
        ("says it is too large and sends nothing", HEAD + b"Content-Length: 99999999\r\n\r\n", {413}),
        ("says more than it sends", HEAD + b"Content-Length: 100\r\n\r\n{}", {0, 400, 422}),
        ("says less than it sends", HEAD + b"Content-Length: 1\r\n\r\n{}", {400}),
        ("says nonsense", HEAD + b"Content-Length: many\r\n\r\n{}", {400}),
        ("says less than nothing", HEAD + b"Content-Length: -5\r\n\r\n{}", {400}),
        ("both length and chunks", HEAD + b"Content-Length: 2\r\n" + CHUNKED + chunk(b"{}") + b"0\r\n\r\n", {400, 422}),
        ("a chunk that is none", HEAD + CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", {400}),
        ("chunks that end early", HEAD + CHUNKED + b"ff\r\n{}", {0, 400}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_lies_is_refused_and_nobody_else_notices(
    port: int, name: str, request_: bytes, expected: set[int]
) -> None:
    assert status(port, request_) in expected
    assert status(port, b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n") == 200
