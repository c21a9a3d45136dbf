"""gunicorn's settings come from ours, and a wrong one ends the start in one line."""

import json
import logging
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn import util

from api.web.problems import PROBLEM_CODES
from tests.support.log_privacy import log_plain_tracebacks

FILE = Path(__file__).resolve().parent.parent / "gunicorn.conf.py"


@pytest.fixture(autouse=True)
def _restored(monkeypatch) -> Iterator[None]:
    """The settings change the logging and gunicorn itself."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(util, "write_error", util.write_error)
    yield
    logging.captureWarnings(capture=False)
    log_plain_tracebacks()


def test_gunicorn_listens_where_the_settings_say(monkeypatch):
    for name in ("DATABASE_URL", "HOST", "WEB_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"SECRET_KEY": "k" * 32, "PORT": "8123", "WEB_THREADS": "3", "KEEPALIVE": "65"}.items():
        monkeypatch.setenv(name, value)

    settings = runpy.run_path(str(FILE))

    assert (settings["bind"], settings["workers"], settings["threads"]) == ("127.0.0.1:8123", 1, 3)
    assert settings["control_socket_disable"]
    assert settings["keepalive"] == 65


def test_what_gunicorn_refuses_itself_is_a_problem(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "k" * 32)
    runpy.run_path(str(FILE))
    for status, code in {400: "bad-request", 414: "address-too-long", 431: "headers-too-large"}.items():
        here, there = socket.socketpair()
        with here, there:
            util.write_error(here, status, "Reason", "what “is” wrong")
            here.close()
            head, _, body = there.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} Reason\r\n".encode())
        assert b"Content-Type: application/problem+json" in head
        assert f"Content-Length: {len(body)}".encode() in head
        problem = json.loads(body)
        assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
        assert problem["detail"] == "what “is” wrong"
        assert code in PROBLEM_CODES


def test_a_wrong_setting_ends_the_start_in_one_line():
    command = [sys.executable, "-m", "gunicorn", "-c", str(FILE), "wsgi:app"]
    environ = {**os.environ, "PORT": "web"}

    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=FILE.parent)

    assert ended.returncode == 1
    assert ended.stderr == "amends: PORT=web: a whole number from 1 to 65535 is accepted\n"
