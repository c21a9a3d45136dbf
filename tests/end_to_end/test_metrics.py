"""Two web processes of a real gunicorn: whichever is asked answers for both, also for one that is gone."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from config import ROOT
from tests.support.databases import Databases
from tests.support.processes import eventually

PATIENCE = 60.0


@pytest.fixture
def web(databases: Databases, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address and its master process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {
        "DATABASE_URL": databases.migrated("postgresql"),
        "SECRET_KEY": "k" * 32,
        "PORT": str(port),
        "WEB_WORKERS": "2",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is None and answers(url), PATIENCE)
        yield url, process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False  # not yet


def offspring(pid: int) -> Path:
    """Where Linux says which processes a process started."""
    return Path(f"/proc/{pid}/task/{pid}/children")


def children(process: subprocess.Popen[bytes]) -> list[int]:
    return [int(pid) for pid in offspring(process.pid).read_text().split()]


def counted(url: str) -> int:
    metrics = requests.get(f"{url}/metrics", timeout=5).text
    line = r'^amends_requests_total\{method="GET",route="/openapi.json",status="200"\} (\S+)$'
    match = re.search(line, metrics, re.MULTILINE)
    return int(float(match[1])) if match else 0


@pytest.mark.skipif(not offspring(os.getpid()).exists(), reason="only Linux says which processes a process started")
def test_each_process_answers_for_all_and_counts_on_where_a_killed_one_stopped(
    web: tuple[str, subprocess.Popen[bytes]],
) -> None:
    url, master = web
    for number in range(1, 21):
        assert requests.get(f"{url}/openapi.json", timeout=5).ok
        assert counted(url) == number
    first = children(master)
    assert len(first) == 2
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: answers(url) and len(set(children(master)) - set(first)) == 2, PATIENCE)
    for number in range(21, 31):
        assert requests.get(f"{url}/openapi.json", timeout=5).ok
        assert counted(url) == number
    (folder,) = {Path(line.split()[-1]).parent for pid in children(master) for line in files(pid)}
    assert len(list(folder.glob("counter_*.db"))) == 2  # the files of a seat, not of a process
    master.terminate()
    assert master.wait(PATIENCE) == 0
    assert not folder.exists()


def files(pid: int) -> list[str]:
    """The figures a process has mapped."""
    return [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if line.endswith(".db")]
