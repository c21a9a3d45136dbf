"""Worker processes that an ordeal kills as it likes."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.databases import ROOT
from tests.support.fakes.fcm import FcmStandIn

FORK_SERVER = ROOT / "tests" / "chaos" / "drivers" / "worker_fork_server.py"


class WorkerProcesses:
    """The workers at work. One that is killed is replaced at once; the oldest goes first, for it is surely ready."""

    def __init__(self, nursery: subprocess.Popen[str], at_work: int) -> None:
        self._nursery = nursery
        self._pids = deque(self._start() for _ in range(at_work))

    def kill(self) -> None:
        os.kill(self._pids.popleft(), signal.SIGKILL)
        self._pids.append(self._start())

    def alive(self) -> bool:
        """Whether all of them are still at work."""
        try:
            for pid in self._pids:
                os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)

    def _start(self) -> int:
        assert self._nursery.stdin
        assert self._nursery.stdout
        self._nursery.stdin.write("one more\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())


@contextmanager
def running_workers(url: str, fcm: FcmStandIn, *, at_work: int = 1) -> Iterator[WorkerProcesses]:
    """Workers on this database whose pushes go to the stand-in; what they say is in workers.log beside its file."""
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
        ) as nursery,
    ):
        crew = WorkerProcesses(nursery, at_work)
        try:
            yield crew
        finally:
            crew.stop()
            nursery.kill()
