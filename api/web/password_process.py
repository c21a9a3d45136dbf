"""Process that compares passwords with hashes, on what others leave of the processor.

In a thread of the web process it would compete with those who are signed in: argon2 takes all cores. A thread cannot
be given a low priority either, because others would wait for it whenever it holds Python's lock.
"""

import json
import os
import select
import subprocess
import sys
from typing import Final

from api.web import password_checker
from api.web.problems import HttpProblem

LONGEST_CHECK: Final = 20.0  # seconds, on a machine that has nothing left for it
# Niceness. With 19, the lowest priority, twenty people who sign in at once on a busy machine wait for a minute.
FOR_STRANGERS: Final = 15
FOR_KNOWN_PHONES: Final = 5
_ENVIRONMENT: Final = ("PATH", "LANG")


class PasswordProcess:
    """Such a process, started when it is first needed. One password at a time: its caller sees to that."""

    def __init__(self, niceness: int) -> None:
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None

    def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password is that of the hash. HttpProblem 429 when no answer comes."""
        process = self._process or self._start()
        assert process.stdin and process.stdout  # noqa: S101, PT018 - both are pipes
        answers = select.poll()
        answers.register(process.stdout, select.POLLIN)
        try:
            process.stdin.write(json.dumps([password_hash, password]).encode() + b"\n")
            answer = os.read(process.stdout.fileno(), 1) if answers.poll(LONGEST_CHECK * 1000) else b""
        except OSError:  # it has ended
            answer = b""
        if not answer:
            self.close()  # the next one starts another
            raise HttpProblem(429, "Too many sign in at this moment; try again.", retry_after=1)
        return answer == b"1"

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            # Isolated, so that no module of ours is taken for one of Python's.
            [sys.executable, "-I", password_checker.__file__, str(self._niceness)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            process_group=0,  # a Ctrl-C at the terminal does not reach it: requests under way are answered
        )
        return self._process
