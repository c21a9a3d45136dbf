"""The real processes behind `make run`, started by a test: their output, requests to them, their end."""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from config import ROOT
from tests.support.log_privacy import check_log

TIMEOUT = 150.0  # seconds until a test gives up waiting; none waits for it when all is well
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


class RunningApp:
    """One supervisor with its web process and its worker, on a free port of this machine."""

    def __init__(self, database_url: str, *, seed: bool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ} | {
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "SECRET_KEY": secrets.token_hex(16),
            "SEED_DEMO": "1" if seed else "0",
        }
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "serve.py"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Wait for the first line of output that matches."""

        def found() -> re.Match[str] | None:
            return next((match for line in self.lines if (match := re.search(pattern, line))), None)

        with self._changed:
            match = self._changed.wait_for(found, TIMEOUT)
        assert match, "\n".join([f"no line matched {pattern!r}", *self.lines[-40:]])
        return match

    def wait_until_up(self) -> None:
        """Wait until the web process answers and the worker has shown itself."""
        self.wait_for_line("Amends is ready")
        eventually(lambda: requests.get(f"{self.url}/readyz", timeout=TIMEOUT).json()["worker"] == "ok")

    def command(self, *words: str, stdin: str = "") -> str:
        """Return the output of a command of `flask --app wsgi`."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=TIMEOUT, **options)

    def sign_in(self, organization: str, login: str, password: str) -> str:
        """A token."""
        who = {"organization": organization, "login": login, "password": password}
        answer = self.request("POST", "/v1/sessions", json=who)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def stop(self) -> int:
        """SIGTERM, as systemd sends it; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(TIMEOUT)
        self._listener.join(TIMEOUT)
        return code

    def close(self) -> None:
        """Stop all processes, whatever happened, and read what they logged."""
        if self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._listener.join(TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        check_log(self.lines)


@contextlib.contextmanager
def running_app(database_url: str, *, seed: bool) -> Iterator[RunningApp]:
    """Yield an application that is up; none of its processes is left after the block."""
    running = RunningApp(database_url, seed=seed)
    try:
        running.wait_until_up()
        yield running
    finally:
        running.close()


def eventually(holds: Callable[[], bool], patience: float = TIMEOUT) -> None:
    """Wait until something holds; AssertionError when it does not in time."""
    pause, ends_at = threading.Event(), time.monotonic() + patience
    while not holds():
        assert time.monotonic() < ends_at, "it never came true"
        pause.wait(0.05)
