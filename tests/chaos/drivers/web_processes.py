"""The real web processes without the supervisor, so that nothing restarts one that should have survived."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from config import ROOT
from tests.support.log_privacy import check_log
from tests.support.processes import INHERITED_VARIABLES, eventually

LONGEST_ANSWER = 30.0  # seconds; a request that takes longer hangs


@dataclass(frozen=True)
class Web:
    """Address of the web, and requests to it; `pid` is that of the gunicorn master."""

    url: str
    pid: int

    def request(self, method: str, path: str, token: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        return requests.request(method, self.url + path, headers=headers, timeout=LONGEST_ANSWER, **options)


@contextmanager
def running_web(database_url: str, folder: Path, application: str = "wsgi:app", **settings: str) -> Iterator[Web]:
    """Yield the web on a free port, with as many processes as in production; its output goes to web.log."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ} | {
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "SECRET_KEY": secrets.token_hex(16),
        **settings,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application]
    with (
        (folder / "web.log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as master,
    ):
        web = Web(f"http://127.0.0.1:{port}", master.pid)
        try:
            eventually(lambda: _answers(web))
            yield web
            assert master.poll() is None, "the web did not live through it"
        finally:
            master.terminate()
    check_log((folder / "web.log").read_text(encoding="utf-8").splitlines())


def _answers(web: Web) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{web.url}/healthz", timeout=LONGEST_ANSWER).ok
    return False
