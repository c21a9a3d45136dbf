"""Process that compares passwords with hashes, on what others leave of the processor.

In a thread of the web process it would compete with those who are signed in: argon2 takes all cores. A thread cannot
be given a low priority either, because others would wait for it whenever it holds Python's lock.
"""

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from typing import Final

import structlog

from api.web import password_checker
from api.web.problems import HttpProblem

LONGEST_CHECK: Final = 20.0  # seconds, on a machine that has nothing left for it
TIME_TO_END: Final = 0.5  # seconds from its last word
# Niceness. With 19, the lowest priority, twenty people who sign in at once on a busy machine wait for a minute.
FOR_STRANGERS: Final = 15
FOR_KNOWN_PHONES: Final = 5
# What Python needs to start, and no secrets.
_ENVIRONMENT: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME")

log = structlog.get_logger(__name__)


class PasswordProcess:
    """Such a process, started when it is first needed. One password at a time: its caller sees to that."""

    def __init__(self, niceness: int) -> None:
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self.is_away = False  # since the last password, which it did not check

    def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password is that of the hash. HttpProblem 429 when no answer comes."""
        answer, error = b"", None
        try:
            answer = self._ask(self._process or self._start(), password_hash, password)
        except OSError as failure:  # it does not start, or has ended
            error = str(failure)
        self.is_away = not answer
        if not answer:
            log.error("no password was checked", exit_code=self._exit_code(), error=error)
            self.close()  # the next one starts another
            raise HttpProblem(429, "Too many sign in at this moment; try again.", retry_after=1)
        return answer == b"1"

    def _ask(self, process: subprocess.Popen[bytes], password_hash: str, password: str) -> bytes:
        """Return the answer: nothing when it takes too long, or the process ends."""
        assert process.stdin and process.stdout  # noqa: S101, PT018 - both are pipes
        answers = select.poll()
        answers.register(process.stdout, select.POLLIN)
        process.stdin.write(json.dumps([password_hash, password]).encode() + b"\n")
        return os.read(process.stdout.fileno(), 1) if answers.poll(LONGEST_CHECK * 1000) else b""

    def _exit_code(self) -> int | None:
        """Return how the process ended: None when it never started, or runs still."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(TIME_TO_END)
        return None

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # The same modules as here, also where they are not those of a virtual environment.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            # Without the directory of the program, so that no module of ours is taken for one of Python's.
            [sys.executable, "-P", password_checker.__file__, str(self._niceness)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,  # a Ctrl-C at the terminal does not reach it: requests under way are answered
        )
        return self._process
