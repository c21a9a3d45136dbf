"""The supervisor behind `make run`: migrates, seeds, keeps web and worker alive, and drains both at the end."""

import contextlib
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

from config import ROOT, SECRET_KEY_FILE, VAR, Config, ConfigError, is_loopback

FIRST_BACK_OFF, LONGEST_BACK_OFF, STEADY_AFTER, GRACE = 0.1, 2.0, 10.0, 20.0  # seconds
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
# Where util-linux is at hand, the kernel ends the children of a supervisor that was killed with -9.
TIED = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


def back_off(previous: float, lived: float) -> float:
    """Seconds to wait before a start, from the wait before the last one and the seconds the child then lived."""
    return FIRST_BACK_OFF if lived >= STEADY_AFTER else min(max(previous * 2, FIRST_BACK_OFF), LONGEST_BACK_OFF)


def say(line: str) -> None:
    """Tell the person at the terminal what happened."""
    print(f"amends: {line}", file=sys.stderr, flush=True)


class Child:
    """One process of ours, in a session of its own so that a Ctrl-C at the terminal reaches it only through us."""

    def __init__(self, command: Sequence[str], events: "SimpleQueue[Child | int]") -> None:
        self.command, self.events = command, events
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = self.wait = self.due_at = 0.0

    def start(self) -> None:
        """Start it; its end will be told as an event."""
        process = subprocess.Popen([*TIED, *self.command], stdin=subprocess.DEVNULL, start_new_session=True)
        self.process, self.started_at = process, time.monotonic()
        threading.Thread(target=self._watch, args=[process], daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self.events.put(self)

    def ended(self) -> int:
        """Note that it has ended, with all it had started, and when it is due again; answers its exit code."""
        self.kill()
        code, self.process = (self.process.wait() if self.process else 0), None
        self.wait = back_off(self.wait, time.monotonic() - self.started_at)
        self.due_at = time.monotonic() + self.wait
        return code

    def kill(self) -> None:
        """End it and all it has started, at once: a dead web process must not leave its port taken."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Runs steps one after the other, then children side by side, until it is told to stop."""

    def __init__(self, grace: float = GRACE) -> None:
        self.grace = grace
        self.events: SimpleQueue[Child | int] = SimpleQueue()  # a child that ended, or the number of a signal
        self.stopping = False

    def stop(self, signum: int = signal.SIGTERM, _frame: object = None) -> None:
        """Ask for the end: safe in a signal handler and from any thread."""
        self.events.put(signum)

    def step(self, command: Sequence[str]) -> int:
        """Run one command to its end and answer its exit code; a stop ends it early."""
        child = Child(command, self.events)
        child.start()
        while (event := self.events.get()) is not child:
            self.stopping = True
            if child.process and isinstance(event, int):
                child.process.terminate()
        return child.ended()

    def run(self, commands: Sequence[Sequence[str]]) -> int:
        """Keep the commands running until stopped; answers 0 when all of them ended within the grace."""
        children = [Child(command, self.events) for command in commands]
        while not self.stopping:
            for child in children:
                if not child.process and child.due_at <= time.monotonic():
                    child.start()
            due = [child.due_at for child in children if not child.process]
            event = self._next_event(min(due) if due else None)
            if isinstance(event, Child):
                name, code = " ".join(event.command[1:]), event.ended()
                say(f"'{name}' ended with {code}; it starts again in {event.wait:.1f} s")
            elif event is not None:
                self.stopping = True
        return self._drain(children)

    def _drain(self, children: Sequence[Child]) -> int:
        for child in children:
            if child.process:
                child.process.terminate()  # also for a Ctrl-C: gunicorn would cut requests short on SIGINT
        ends_at = time.monotonic() + self.grace
        while any(child.process for child in children):
            event = self._next_event(ends_at)
            if isinstance(event, Child):
                event.ended()
            elif event is None:
                say(f"not drained within {self.grace:.0f} s; killed")
                for child in children:
                    child.kill()
                return 1
        return 0

    def _next_event(self, until: float | None) -> "Child | int | None":
        with contextlib.suppress(Empty):
            return self.events.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
        return None


def make_var(var: Path = VAR, *, key: bool = True) -> None:
    """Make the private folder and, once and for all, the key in it; two that try at once agree on one."""
    var.mkdir(mode=0o700, exist_ok=True)
    if key and not (var / SECRET_KEY_FILE).exists():
        with tempfile.NamedTemporaryFile("w", dir=var) as draft:  # readable by its owner only
            draft.write(secrets.token_urlsafe(48))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, var / SECRET_KEY_FILE)


def refuse_taken_port(config: Config) -> None:
    """Raise ConfigError when the web process could not listen."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((config.host, config.port))
    except OSError as error:
        raise ConfigError("PORT", str(config.port), f"cannot listen on {config.bind}: {error.strerror}") from None


def greet_when_ready(config: Config) -> None:
    """Wait until the web process answers, then print where to look and how to sign in."""
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
    print("  Ctrl-C drains and stops it\n", flush=True)


def main() -> int:
    """Start everything; answers the exit code."""
    os.chdir(ROOT)
    loopback = is_loopback(os.environ.get("HOST") or "127.0.0.1")
    try:
        make_var(key=loopback and not os.environ.get("SECRET_KEY"))
        config = Config.from_env()
        refuse_taken_port(config)
    except (ConfigError, OSError) as error:
        say(str(error))
        return 2
    supervisor = Supervisor()
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    steps = {"migration": [*FLASK, "db", "upgrade"]}
    if config.seed_demo or (config.seed_demo is None and config.is_loopback):
        steps["demo"] = [*FLASK, "demo", "seed", "--if-missing" if config.seed_demo else "--if-empty"]
    for name, command in steps.items():
        code = supervisor.step(command)
        if supervisor.stopping:
            return 0
        if code:
            say(f"the {name} failed with exit code {code}; what it said stands above. Nothing was started.")
            return 1
    threading.Thread(target=greet_when_ready, args=[config], daemon=True).start()
    web = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    return supervisor.run([web, [sys.executable, "-m", "notifications"]])


if __name__ == "__main__":
    sys.exit(main())
