"""The supervisor, with real processes: they write to a named pipe what happens to them."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

import serve
from config import Config, ConfigError
from serve import Supervisor, back_off, lock_database, make_var, refuse_taken_port

PATIENCE = 20.0  # seconds until a test gives up waiting; none waits for it when all is well
TELL = """import os, signal, subprocess, sys
def tell(word): os.write(os.open({path!r}, os.O_WRONLY), f"{{word}}\\n".encode())
"""


class Diary:
    """The lines of child processes, in the order in which they wrote them."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path, self.told = path, b""
        self.reader = os.open(path, os.O_RDWR)  # also a writer, so that it never sees an end

    def command(self, code: str) -> list[str]:
        return [sys.executable, "-S", "-c", TELL.format(path=str(self.path)) + code]

    def next(self) -> str:
        while b"\n" not in self.told:
            assert select.select([self.reader], [], [], PATIENCE)[0], "nothing was told"
            self.told += os.read(self.reader, 4096)
        word, _, self.told = self.told.partition(b"\n")
        return word.decode()


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    diary = Diary(tmp_path / "diary")
    yield diary
    os.close(diary.reader)


class Running:
    """A supervisor at work in a thread; `stopped` answers its exit code."""

    def __init__(self, *commands: list[str], drain_timeout: float = PATIENCE) -> None:
        self.supervisor, self.codes = Supervisor(drain_timeout), []
        self.thread = threading.Thread(target=lambda: self.codes.append(self.supervisor.run(commands)))
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped()

    def stopped(self) -> int:
        self.supervisor.stop()
        self.thread.join(PATIENCE)
        assert self.codes, "it did not stop"
        return self.codes[0]


STAYS = "tell(os.getpid()); signal.pause()"
DRAINS = "signal.signal(signal.SIGTERM, lambda *_: (tell('drained'), sys.exit()))\ntell('up')\nsignal.pause()"


def test_the_wait_before_a_start_doubles_up_to_two_seconds():
    waits = [0.0]
    for _ in range(7):
        waits.append(back_off(waits[-1], uptime=0.5))

    assert waits == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_child_that_was_up_for_ten_seconds_is_started_again_quickly():
    assert back_off(2.0, uptime=10.0) == 0.1


def test_a_child_that_keeps_dying_keeps_being_started(diary):
    with Running(diary.command("tell('up'); sys.exit(3)")) as running:
        assert [diary.next() for _ in range(3)] == ["up"] * 3
        assert running.stopped() == 0


def test_a_killed_child_is_replaced_and_the_other_is_left_alone(diary):
    with Running(diary.command(STAYS), diary.command(STAYS)) as running:
        both = {int(diary.next()), int(diary.next())}

        os.kill(min(both), signal.SIGKILL)

        assert int(diary.next()) not in both
        os.kill(max(both), 0)  # raises if it is gone
        assert running.stopped() == 0


def test_what_a_dead_child_had_started_dies_with_it(diary, tmp_path):
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    grandchild = f"import os, signal; os.open({str(pipe)!r}, os.O_WRONLY); print(flush=True); signal.pause()"
    starts_it = f"""
started = subprocess.Popen([sys.executable, "-S", "-c", {grandchild!r}], stdout=subprocess.PIPE)
started.stdout.read(1)
tell(os.getpid())
os.kill(os.getpid(), signal.SIGKILL)
"""

    with Running(diary.command(starts_it)):
        diary.next()

        assert select.select([reader], [], [], PATIENCE)[0]  # the end of the pipe: its last writer is gone
        assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_stop_drains_every_child(diary):
    with Running(diary.command(DRAINS), diary.command(DRAINS)) as running:
        assert {diary.next(), diary.next()} == {"up"}

        assert running.stopped() == 0
        assert {diary.next(), diary.next()} == {"drained"}


def test_a_stop_asked_for_twice_is_forwarded_once(diary, tmp_path):
    go = tmp_path / "go"
    os.mkfifo(go)
    counts = f"""
seen = []
signal.signal(signal.SIGTERM, lambda *_: seen.append(tell("term")))
go = os.open({str(go)!r}, os.O_RDWR)
tell("up")
os.read(go, 1)
tell(len(seen))
"""
    with Running(diary.command(counts)) as running:
        assert diary.next() == "up"

        running.supervisor.stop(signal.SIGINT)
        running.supervisor.stop(signal.SIGINT)
        assert diary.next() == "term"
        go.write_text("on")  # does not wait: the child has it open

        assert diary.next() == "1"
        assert running.stopped() == 0


def test_a_child_that_will_not_drain_is_killed_in_the_end(diary):
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    with Running(diary.command(ignores + STAYS), drain_timeout=0.1) as running:
        diary.next()

        assert running.stopped() == 1


def test_a_step_answers_with_its_exit_code(diary):
    assert Supervisor().step(diary.command("sys.exit(3)")) == 3


def test_a_stop_ends_a_step_early(diary):
    supervisor, codes = Supervisor(), []
    thread = threading.Thread(target=lambda: codes.append(supervisor.step(diary.command(STAYS))))
    thread.start()
    diary.next()

    supervisor.stop()
    thread.join(PATIENCE)

    assert codes == [-signal.SIGTERM]
    assert supervisor.stopping


def test_after_a_stop_nothing_is_started(diary):
    supervisor = Supervisor()
    supervisor.stopping = True

    assert supervisor.run([diary.command(STAYS)]) == 0


def test_the_key_is_made_once_and_is_private(tmp_path):
    var = tmp_path / "var"

    make_var(var)
    key = (var / "secret_key").read_text()
    make_var(var)

    assert (var / "secret_key").read_text() == key
    assert (var.stat().st_mode & 0o777, (var / "secret_key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert [file.name for file in var.iterdir()] == ["secret_key"]
    assert Config.from_env({}, var=var).secret_key == key


def test_no_key_is_made_where_one_is_given(tmp_path):
    make_var(tmp_path / "var", key=False)

    assert list((tmp_path / "var").iterdir()) == []


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        config = Config.from_env({"PORT": port, "SECRET_KEY": "k" * 32}, var=tmp_path)

        with pytest.raises(ConfigError, match=rf"^PORT={port}: cannot listen on 127\.0\.0\.1:{port}: "):
            refuse_taken_port(config)

    refuse_taken_port(config)


def test_a_second_run_on_the_same_sqlite_file_is_refused_in_one_line(tmp_path):
    config = Config.from_env({"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "SECRET_KEY": "k" * 32}, tmp_path)
    other = Config.from_env({"DATABASE_URL": f"sqlite:///{tmp_path}/b.db", "SECRET_KEY": "k" * 32}, tmp_path)
    with lock_database(config), lock_database(other):
        with pytest.raises(ConfigError) as refusal:
            lock_database(config)
        assert str(refusal.value).endswith("a.db: another 'make run' is using this file; stop it first")
        assert "\n" not in str(refusal.value)
    lock_database(config).close()


def test_a_run_that_was_killed_holds_no_file_any_more(diary, tmp_path):
    hold = (
        "import fcntl, signal, sys\n"
        f"lock = open({str(tmp_path / 'a.db.lock')!r}, 'wb')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX); tell('held'); signal.pause()"
    )
    process = subprocess.Popen(diary.command(hold))
    assert diary.next() == "held"
    config = Config.from_env({"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "SECRET_KEY": "k" * 32}, tmp_path)
    with pytest.raises(ConfigError):
        lock_database(config)
    process.kill()
    process.wait()
    lock_database(config).close()


def test_no_file_is_held_on_postgresql(tmp_path):
    env = {"DATABASE_URL": "postgresql://me@db/amends", "SECRET_KEY": "k" * 32}
    assert lock_database(Config.from_env(env, tmp_path)) is None


def test_the_banner_waits_until_the_web_process_is_ready(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        config = Config.from_env({"PORT": port, "SECRET_KEY": "k" * 32}, var=tmp_path)
        greeting = threading.Thread(target=serve.print_banner_when_ready, args=[config])
        greeting.start()
        for answer in (b"HTTP/1.1 503 Service Unavailable", b"HTTP/1.1 200 OK"):
            assert capsys.readouterr().out == ""
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(4096).startswith(b"GET /readyz ")
                connection.sendall(answer + b"\r\nContent-Length: 0\r\n\r\n")
        greeting.join(PATIENCE)

    banner = capsys.readouterr().out
    assert f"http://127.0.0.1:{port}/docs" in banner
    assert "demo-floor-2468" in banner
    assert all(f"  {event} " in banner for event in ("answered", "PUSH", "UNDO", "TELL", "EDIT"))
