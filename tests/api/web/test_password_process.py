"""Passwords of strangers, checked in a process of their own."""

import os
import signal

import pytest

from api.web.password_process import PasswordProcess
from api.web.problems import HttpProblem
from models.staff.credentials.password import password_hasher


def test_another_process_says_whether_a_password_matches_and_one_that_ended_is_replaced() -> None:
    process, right = PasswordProcess(niceness=7), "schöner Tag\n\u0000"
    password_hash = password_hasher.hash(right)
    try:
        assert process.verify(password_hash, right)
        assert not process.verify(password_hash, "another")
        pid = process._process.pid  # type: ignore[union-attr]
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 7
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(HttpProblem, match="try again"):
            process.verify(password_hash, right)
        assert process.verify(password_hash, right)
    finally:
        process.close()
