"""Supervisor behind `make run`: migrates, seeds the demo, keeps web and worker alive, drains both at the end."""

import contextlib
import fcntl
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from sqlalchemy.engine import make_url

from config import ROOT, SECRET_KEY_FILE, VAR, Config, ConfigError, is_loopback

# Seconds.
FIRST_BACK_OFF, MAX_BACK_OFF = 0.1, 2.0
STABLE_AFTER = 10.0
DRAIN_TIMEOUT = 20.0
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
# With setpriv (util-linux) the kernel ends the children when the supervisor is killed with SIGKILL.
END_WITH_PARENT = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


def back_off(previous: float, uptime: float) -> float:
    """Return the seconds to wait before a restart, from the previous wait and the uptime of the child in seconds."""
    return FIRST_BACK_OFF if uptime >= STABLE_AFTER else min(max(previous * 2, FIRST_BACK_OFF), MAX_BACK_OFF)


def report(line: str) -> None:
    """Print a line of the supervisor to the terminal."""
    print(f"amends: {line}", file=sys.stderr, flush=True)


class Child:
    """A child process in a session of its own, so that a Ctrl-C at the terminal reaches it only through Supervisor."""

    def __init__(self, command: Sequence[str], events: "SimpleQueue[Child | int]") -> None:
        self.command, self.events = command, events
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = self.wait = self.due_at = 0.0

    def start(self) -> None:
        """Start the process. Its end is put into `events`."""
        process = subprocess.Popen([*END_WITH_PARENT, *self.command], stdin=subprocess.DEVNULL, start_new_session=True)
        self.process, self.started_at = process, time.monotonic()
        threading.Thread(target=self._watch, args=[process], daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self.events.put(self)

    def ended(self) -> int:
        """Record the end, kill what the process left behind, schedule the restart, and return the exit code."""
        self.kill()
        code, self.process = (self.process.wait() if self.process else 0), None
        self.wait = back_off(self.wait, time.monotonic() - self.started_at)
        self.due_at = time.monotonic() + self.wait
        return code

    def kill(self) -> None:
        """Kill the whole process group, so that a dead web process does not leave its port taken."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for zombies
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Runs steps one after the other, then children side by side until it is stopped."""

    def __init__(self, drain_timeout: float = DRAIN_TIMEOUT) -> None:
        self.drain_timeout = drain_timeout
        self.events: SimpleQueue[Child | int] = SimpleQueue()  # a child that ended, or the number of a signal
        self.stopping = False

    def stop(self, signum: int = signal.SIGTERM, _frame: object = None) -> None:
        """Request the end. Safe in a signal handler and from any thread."""
        self.events.put(signum)

    def step(self, command: Sequence[str]) -> int:
        """Run one command to its end and return its exit code; a stop ends it early."""
        child = Child(command, self.events)
        child.start()
        while (event := self.events.get()) is not child:
            self.stopping = True
            if child.process and isinstance(event, int):
                child.process.terminate()
        return child.ended()

    def run(self, commands: Sequence[Sequence[str]]) -> int:
        """Keep the commands running until stopped. Return 0 when all ended within the drain timeout, else 1."""
        children = [Child(command, self.events) for command in commands]
        while not self.stopping:
            for child in children:
                if not child.process and child.due_at <= time.monotonic():
                    child.start()
            due = [child.due_at for child in children if not child.process]
            event = self._next_event(min(due) if due else None)
            if isinstance(event, Child):
                name, code = " ".join(event.command[1:]), event.ended()
                report(f"'{name}' ended with {code}; it starts again in {event.wait:.1f} s")
            elif event is not None:
                self.stopping = True
        return self._drain(children)

    def _drain(self, children: Sequence[Child]) -> int:
        for child in children:
            if child.process:
                child.process.terminate()  # also for a Ctrl-C: gunicorn would cut requests short on SIGINT
        ends_at = time.monotonic() + self.drain_timeout
        while any(child.process for child in children):
            event = self._next_event(ends_at)
            if isinstance(event, Child):
                event.ended()
            elif event is None:
                report(f"not drained within {self.drain_timeout:.0f} s; killed")
                for child in children:
                    child.kill()
                return 1
        return 0

    def _next_event(self, until: float | None) -> "Child | int | None":
        with contextlib.suppress(Empty):
            return self.events.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
        return None


def make_var(var: Path = VAR, *, key: bool = True) -> None:
    """Create the private folder and, if there is none, the secret key. Concurrent calls agree on one key."""
    var.mkdir(mode=0o700, exist_ok=True)
    if key and not (var / SECRET_KEY_FILE).exists():
        with tempfile.NamedTemporaryFile("w", dir=var) as temporary:  # readable by its owner only
            temporary.write(secrets.token_urlsafe(48))
            temporary.flush()
            with contextlib.suppress(FileExistsError):
                os.link(temporary.name, var / SECRET_KEY_FILE)


def refuse_taken_port(config: Config) -> None:
    """Raise ConfigError when another process listens on the port."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((config.host, config.port))
    except OSError as error:
        raise ConfigError("PORT", str(config.port), f"cannot listen on {config.bind}: {error.strerror}") from None


def lock_database(config: Config) -> IO[bytes] | None:
    """Hold the file of a SQLite database until the returned file is closed, at the latest when this process ends.

    Two workers on one file would ring every phone twice. Raises ConfigError when another `make run` holds it.
    """
    url = make_url(config.database_url)
    if url.drivername != "sqlite":
        return None
    lock = Path(f"{url.database}.lock").open("wb")  # noqa: SIM115 it stays open
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError("DATABASE_URL", str(url), "another 'make run' is using this file; stop it first") from None
    return lock


def print_banner_when_ready(config: Config) -> None:
    """Wait until the web process answers, then print the addresses, the demo's sign-ins and what the log lines mean."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - compared, not bound
    pause = threading.Event()
    while True:
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(http.client.HTTPConnection(host, config.port, timeout=5)) as connection,
        ):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.client.OK:
                break
        pause.wait(0.1)
    print(f"\n  Amends is ready   {config.public_url}\n  The API           {config.public_url}/docs")
    if config.is_loopback and config.seed_demo is not False:
        print("  Demo sign-ins     organization demo: floor, floor-market, manager, regional, hq, admin")
        print("                    organization other: outsider, other-manager, other-admin")
        print("                    the password of each is demo-<login>-2468, as in demo-floor-2468")
    print("  From here on there is one line per event:")
    print("    answered          a request to the API")
    print("    PUSH              a notification that rings a phone; phones of the demo only print it here")
    print("    UNDO              takes a notification off the phones, because somebody took the concern")
    print("    TELL              a notification for information, which does not ring")
    print("    EDIT              shows a notification anew without a sound, because it says something else by now")
    print("  Ctrl-C drains and stops it\n", flush=True)


def main() -> int:
    """Start everything and return the exit code."""
    os.chdir(ROOT)
    loopback = is_loopback(os.environ.get("HOST") or "127.0.0.1")
    try:
        make_var(key=loopback and not os.environ.get("SECRET_KEY"))
        config = Config.from_env()
        lock = lock_database(config)
        refuse_taken_port(config)
    except (ConfigError, OSError) as error:
        report(str(error))
        return 2
    supervisor = Supervisor()
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    steps = {"migration": [*FLASK, "db", "upgrade"]}
    if config.seed_demo or (config.seed_demo is None and config.is_loopback):
        steps["demo"] = [*FLASK, "demo", "seed", "--if-missing" if config.seed_demo else "--if-empty"]
    report("preparing the database ...")
    for name, command in steps.items():
        code = supervisor.step(command)
        if supervisor.stopping:
            return 0
        if code:
            report(f"the {name} failed with exit code {code}; its message stands above. Nothing was started.")
            return 1
    threading.Thread(target=print_banner_when_ready, args=[config], daemon=True).start()
    web = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    code = supervisor.run([web, [sys.executable, "-m", "notifications"]])
    if lock:
        lock.close()
    if code == 0:
        report("web and worker drained")
    return code


if __name__ == "__main__":
    sys.exit(main())
