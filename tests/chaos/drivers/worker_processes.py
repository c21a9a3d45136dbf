"""Worker processes that a chaos run may kill."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.databases import ROOT
from tests.support.fakes.fcm import FcmStandIn
from tests.support.processes import eventually

FORK_SERVER = ROOT / "tests" / "chaos" / "drivers" / "worker_fork_server.py"


class WorkerProcesses:
    """Running workers. A killed one is replaced at once; the oldest is killed first, because it is surely ready."""

    def __init__(self, fork_server: subprocess.Popen[str], at_work: int) -> None:
        self._fork_server = fork_server
        self._pids = deque(self._start() for _ in range(at_work))

    def kill(self) -> None:
        os.kill(self._pids.popleft(), signal.SIGKILL)
        self._pids.append(self._start())

    def alive(self) -> bool:
        """Return whether all of them are alive."""
        return all(_is_alive(pid) for pid in self._pids)

    def stop(self) -> None:
        """End them, and wait until none is left: one that still writes would meet the next test's rows."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(_is_alive(pid) for pid in self._pids))

    def _start(self) -> int:
        assert self._fork_server.stdin
        assert self._fork_server.stdout
        self._fork_server.stdin.write("one more\n")
        self._fork_server.stdin.flush()
        return int(self._fork_server.stdout.readline())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running_workers(url: str, fcm: FcmStandIn, *, at_work: int = 1) -> Iterator[WorkerProcesses]:
    """Yield workers on this database whose pushes go to the fake; their output goes to workers.log beside its file."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url,
        "SECRET_KEY": "a secret of the tests",
        "GOOGLE_APPLICATION_CREDENTIALS": str(fcm.credentials),
        "FCM_ENDPOINT": fcm.url,
    }
    command = [sys.executable, str(FORK_SERVER)]
    with (
        (fcm.credentials.parent / "workers.log").open("w") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as fork_server,
    ):
        workers = WorkerProcesses(fork_server, at_work)
        try:
            yield workers
        finally:
            try:
                workers.stop()
            finally:
                fork_server.kill()
