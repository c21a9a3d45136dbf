"""Passwords, checked in processes of their own."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.web import password_checker
from api.web.password_process import PasswordProcess
from api.web.password_queue import PasswordQueues
from api.web.problems import HttpProblem
from models.staff.credentials.password import password_hasher
from tests.support.app import App

RIGHT = "schöner Tag\n\u0000"
HASH = password_hasher.hash(RIGHT)


@pytest.fixture
def process() -> Iterator[PasswordProcess]:
    process = PasswordProcess(niceness=7)
    yield process
    process.close()


def pid_of(process: PasswordProcess) -> int:
    assert process._process is not None
    return process._process.pid


def test_another_process_says_whether_a_password_matches_and_one_that_ended_is_replaced(
    process: PasswordProcess,
) -> None:
    assert process.verify(HASH, RIGHT)
    assert not process.verify(HASH, "another")
    pid = pid_of(process)
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 7
    os.kill(pid, signal.SIGKILL)
    with capture_logs() as logged, pytest.raises(HttpProblem, match="try again"):
        process.verify(HASH, RIGHT)
    assert [(line["event"], line["exit_code"]) for line in logged] == [("no password was checked", -signal.SIGKILL)]
    assert process.is_away
    assert process.verify(HASH, RIGHT)
    assert not process.is_away


def test_the_queues_have_two_processes_of_different_priority() -> None:
    queues = PasswordQueues.of(8)
    try:
        assert [queue.verify(HASH, RIGHT) for queue in queues] == [True, True]
        strangers, known_phones = [os.getpriority(os.PRIO_PROCESS, pid_of(queue.process)) for queue in queues]
        assert strangers > known_phones > os.getpriority(os.PRIO_PROCESS, 0)
        assert pid_of(queues.strangers.process) != pid_of(queues.known_phones.process)
    finally:
        for queue in queues:
            queue.process.close()


def test_a_process_that_cannot_start_is_too_many_and_logged(
    process: PasswordProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EAGAIN, "no process is left")

    with monkeypatch.context() as patch, capture_logs() as logged:
        patch.setattr(subprocess, "Popen", fail)
        with pytest.raises(HttpProblem, match="try again"):
            process.verify(HASH, RIGHT)
        assert process.is_away
        patch.undo()
        broken = tmp_path / "broken.py"
        broken.write_text("import sys\nsys.exit(3)\n")
        patch.setattr(password_checker, "__file__", str(broken))
        with pytest.raises(HttpProblem, match="try again"):
            process.verify(HASH, RIGHT)
        assert process.is_away
    assert [line["event"] for line in logged] == ["no password was checked"] * 2
    assert "no process is left" in logged[0]["error"]
    assert logged[1]["exit_code"] == 3
    assert RIGHT not in repr(logged)


def test_it_finds_the_modules_of_this_process_and_gets_no_secret_of_the_environment(
    process: PasswordProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with PYTHONPATH, or a directory for modules that only the command of the server names.
    monkeypatch.setattr(sys, "executable", sys._base_executable)  # type: ignore[attr-defined]  # has no argon2
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    monkeypatch.setenv("SECRET_KEY", "a secret")
    assert process.verify(HASH, RIGHT)
    environment = Path(f"/proc/{pid_of(process)}/environ").read_text()
    assert "LD_LIBRARY_PATH=/opt/python/lib" in environment
    assert "SECRET_KEY" not in environment


def test_the_health_check_says_when_no_passwords_are_checked(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.request("GET", "/readyz").json["passwords"] == "ok"
    strangers = app.flask.extensions["password_queues"].strangers.process
    monkeypatch.setattr(strangers, "is_away", True)
    ready = app.request("GET", "/readyz")
    assert (ready.status_code, ready.json["status"], ready.json["passwords"]) == (200, "ok", "degraded")
