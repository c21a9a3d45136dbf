"""Let strangers sign in by the dozen, and time everybody else beside them: `make bench-sign-ins`."""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing import Queue, get_context
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from statistics import median
from threading import Barrier, Event
from typing import Any

import requests
import sqlalchemy as sa
from structlog.testing import capture_logs

from bench.load import Request
from bench.table import Line, missed_targets, report
from tests.chaos.drivers.chaos_run import fresh_postgresql, percentile
from tests.chaos.drivers.concern_load import at_a_steady_pace
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.factories.shared_phones import PIN, SharedPhone, enrol, set_pins
from tests.support.factories.staff import hire

STRANGERS, ROUNDS, ALONE, FLOOD = 50, 2, 10.0, 30.0  # rounds of so many seconds: alone, beside the strangers, ...
PAUSE = 0.05  # seconds of a signed-in person between two requests
KNOWN_PHONES, SHARED_PHONES, PIN_SWITCHES = 10, 10, 5  # switches a second
AT_ONCE, BURSTS = 20, 5


@dataclass
class Figures:
    """Seconds of each request, alone and beside the strangers, and the MiB that a web process grew by.

    `signing_in` are the seconds until each of those who came at once was in.
    """

    database: str
    alone: dict[str, list[float]] = field(default_factory=dict)
    flooded: dict[str, list[float]] = field(default_factory=dict)
    growth: float = 0
    strangers: dict[int, int] = field(default_factory=dict)
    known_phone: list[float] = field(default_factory=list)
    pin_switch: list[float] = field(default_factory=list)
    at_once: list[float] = field(default_factory=list)
    signing_in: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(self.strangers.items()))
        shown = [
            f"{self.database}: answers to strangers {answers}; load of the machine "
            + ", ".join(f"{load:.1f}" for load in self.loads)
        ]
        for name, seconds in {
            **{f"{name}, alone": self.alone[name] for name in self.alone},
            **{f"{name}, beside {STRANGERS} strangers": self.flooded[name] for name in self.flooded},
            "a known phone signs in": self.known_phone,
            "a PIN switch": self.pin_switch,
            f"others beside {AT_ONCE} sign-ins at once": self.at_once,
            f"each of {AT_ONCE} is in": self.signing_in,
        }.items():
            if seconds:
                shown.append(
                    f"  {name:40} {len(seconds):5} times; p50 {percentile(seconds, 0.5) * 1000:6.0f} ms, "
                    f"p99 {percentile(seconds, 0.99) * 1000:6.0f} ms, longest {max(seconds) * 1000:6.0f} ms"
                )
        return "\n".join([*shown, *(f"{'NOT held' if line.is_missed else 'held':8} {line}" for line in self.lines)])

    @property
    def lines(self) -> list[Line]:
        """Return the lines of the table."""
        lines = [
            line
            for name, seconds in self.flooded.items()
            for line in (
                Line(f"{name}: median relative to alone", median(seconds) / median(self.alone[name]), maximum=3),
                Line(f"{name}: p99 in s", percentile(seconds, 0.99), maximum=1),
            )
        ]
        lines += [
            Line("memory that a web process takes more, in MiB", self.growth, maximum=140),
            Line("a known phone signs in: longest in s", max(self.known_phone), maximum=5),
            Line("a PIN switch: p99 in s", percentile(self.pin_switch, 0.99), maximum=1),
        ]
        if self.at_once:
            alone = percentile([value for seconds in self.alone.values() for value in seconds], 0.99)
            others = percentile(self.at_once, 0.99)
            lines += [
                Line(f"others beside {AT_ONCE} sign-ins at once: p99 in s", others, maximum=1),
                Line(f"others beside {AT_ONCE} sign-ins at once: p99 relative to alone", others / alone, maximum=5),
            ]
        return [Line(f"{self.database}: {line.label}", line.value, maximum=line.maximum) for line in lines]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


class Guests:
    """Whoever is not signed in: strangers, people with a phone that is known, people at shared phones."""

    def __init__(self, app: App, shop: Shop, web: Web) -> None:
        self._shop, self._web = shop, web
        known, at_once = (
            [f"{kind}-{number}" for number in range(count)]
            for kind, count in (("known", KNOWN_PHONES), ("guest", AT_ONCE))
        )
        for login in (*known, *at_once):
            hire(app.back_office, shop, login, at=app.clock())
        set_pins(app, shop, *at_once)
        self._phones = [enrol(app, shop, f"phone-{number}") for number in range(SHARED_PHONES)]
        self._known = {login: self._sign_in("192.0.2.1", login).json()["device_proof"] for login in known}
        self._at_once = at_once

    def _sign_in(self, address: str, login: str, **body: Any) -> requests.Response:
        body = {"organization": self._shop.slug, "login": login, "password": PASSWORD, **body}
        headers = {"X-Forwarded-For": address}
        return requests.post(f"{self._web.url}/v1/sessions", json=body, headers=headers, timeout=60)

    def _until_in(self, address: str, login: str, **body: Any) -> float:
        """Sign in, again after each refusal as it says; return the seconds it took."""
        begun = time.monotonic()
        while (answer := self._sign_in(address, login, **body)).status_code == 429:
            time.sleep(int(answer.headers["Retry-After"]))
        assert answer.status_code == 201, answer.text
        return time.monotonic() - begun

    def use_known_phones(self, stop: Event, seconds: list[float]) -> None:
        """Sign in on one known phone after the other, one a second."""

        def sign_in(number: int, _due: float) -> float:
            login = f"known-{number % KNOWN_PHONES}"
            return self._until_in(f"198.51.100.{number % 250}", login, device_proof=self._known[login])

        seconds += at_a_steady_pace(sign_in, per_second=1, ended=lambda _: stop.is_set())

    def switch_by_pin(self, stop: Event, seconds: list[float]) -> None:
        def switch(number: int, due: float) -> float:
            phone: SharedPhone = self._phones[number % SHARED_PHONES]
            # Two people of its own at each phone: nobody signs in at several at once.
            login = f"guest-{2 * (number % SHARED_PHONES) + number // SHARED_PHONES % 2}"
            body = {"device_secret": phone.secret, "staff_id": str(self._shop.staff[login]), "pin": PIN}
            answer = requests.post(f"{self._web.url}/v1/sessions", json=body, timeout=60)
            assert answer.status_code == 201, answer.text
            return time.monotonic() - due

        seconds += at_a_steady_pace(switch, per_second=PIN_SWITCHES, ended=lambda _: stop.is_set())

    def come_at_once(self, burst: int) -> list[float]:
        """Let all sign in at the same moment, from an address that none of them was at; return the seconds of each."""
        barrier = Barrier(AT_ONCE)

        def come(login: str) -> float:
            barrier.wait()
            return self._until_in(f"203.0.113.{burst}", login)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(come, self._at_once))


def be_strangers(url: str, organization: str, ready: ProcessEvent, stop: ProcessEvent, counts: "Queue[Any]") -> None:
    """Try passwords at made-up and real accounts from made-up addresses, in a process of their own."""

    def try_passwords(number: int) -> dict[int, int]:
        draw, statuses = random.Random(number), dict[int, int]()
        ready.wait()
        with requests.Session() as session:
            while not stop.is_set():
                login = draw.choice(["floor", "manager", f"nobody-{draw.randrange(1000)}"])
                body = {"organization": organization, "login": login, "password": "not the password"}
                headers = {"X-Forwarded-For": "10." + ".".join(str(draw.randrange(256)) for _ in range(3))}
                try:
                    answer = session.post(f"{url}/v1/sessions", json=body, headers=headers, timeout=60)
                except requests.RequestException:
                    statuses[0] = statuses.get(0, 0) + 1  # no answer, or the connection was idle for too long
                    continue
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
                if answer.status_code == 429:
                    stop.wait(min(int(answer.headers["Retry-After"]), 1))
        return statuses

    with ThreadPoolExecutor(STRANGERS) as pool:
        answers = pool.map(try_passwords, range(STRANGERS))
        ready.set()
        counts.put(list(answers))


@contextmanager
def strangers(url: str, organization: str, figures: Figures) -> Iterator[None]:
    """Let strangers sign in until the end of the block."""
    context = get_context("spawn")
    ready, stop, counts = context.Event(), context.Event(), context.Queue()
    process = context.Process(target=be_strangers, args=(url, organization, ready, stop, counts))
    process.start()
    try:
        if not ready.wait(60):
            raise TimeoutError("the strangers did not come")
        yield
        stop.set()
        for statuses in counts.get(timeout=60):
            for status, count in statuses.items():
                figures.strangers[status] = figures.strangers.get(status, 0) + count
        process.join(60)
    finally:
        process.kill()
        process.join()


class Memory:
    """The size of each web process and of those it started, as the system notes it."""

    def __init__(self, web: Web) -> None:
        self._web, self._before, self._least = web, dict[Path, float](), 0.0

    def _workers(self) -> list[Path]:
        return _children(Path(f"/proc/{self._web.pid}"))

    def _processes(self) -> list[Path]:
        workers = self._workers()
        return [*workers, *(process for worker in workers for process in _children(worker))]

    def begin(self) -> None:
        """Note the size of each process, and from now on the greatest one."""
        for process in self._processes():
            (process / "clear_refs").write_text("5")
            self._before[process] = _mebibytes(process, "VmRSS")
        self._least = min(self._before[worker] for worker in self._workers())

    def growth(self) -> float:
        """Return the MiB that one of the processes took more than at `begin`.

        A worker that was renewed since is compared with the least of those before; another new process with nothing.
        """
        new = dict.fromkeys(self._workers(), self._least)
        return max(
            _mebibytes(process, "VmHWM") - self._before.get(process, new.get(process, 0))
            for process in self._processes()
        )


def _children(process: Path) -> list[Path]:
    """Return the processes that any thread of this one started."""
    lists = [task / "children" for task in (process / "task").iterdir()]
    return [Path(f"/proc/{child}") for children in lists for child in children.read_text().split()]


def _mebibytes(process: Path, name: str) -> float:
    lines = [line.split() for line in (process / "status").read_text().splitlines()]
    return next(int(words[1]) for words in lines if words[0] == f"{name}:") / 1024


def measure(url: str, folder: Path) -> Figures:
    """Time signed-in people alone and beside strangers, in turn."""
    figures = Figures(sa.make_url(url).get_backend_name())
    folder.mkdir()
    with capture_logs(), closing(App(url)) as app:
        app.clock.at = datetime.now(UTC)  # the web process cannot be given another clock
        shop = make_shop(app.back_office, at=app.clock())
        settings = {"TRUSTED_PROXIES": "127.0.0.1", "SECRET_KEY": app.flask.config["SECRET_KEY"]}
        with running_web(url, folder, **settings) as web:
            people = {
                "a list of concerns": Request(
                    web.url, "GET", f"/v1/concerns?store_id={shop.store_id}&limit=25", shop.tokens["manager"]
                ),
                "logging a concern": Request(
                    web.url, "POST", "/v1/concerns", shop.tokens["floor"], lambda: b'{"mood":4}'
                ),
            }
            figures.alone, figures.flooded = ({name: [] for name in people} for _ in range(2))
            guests, memory = Guests(app, shop, web), Memory(web)
            be_people = [partial(_be_person, request) for request in people.values()]
            with _meanwhile(be_people, [[] for _ in people]):
                time.sleep(3)  # the first requests of a process compile their statements
            for _ in range(ROUNDS):
                with _meanwhile(be_people, list(figures.alone.values())):
                    time.sleep(ALONE)
                memory.begin()
                others = [guests.use_known_phones, guests.switch_by_pin]
                results = [*figures.flooded.values(), figures.known_phone, figures.pin_switch]
                with strangers(web.url, shop.slug, figures), _meanwhile([*be_people, *others], results):
                    time.sleep(FLOOD)
                    figures.growth = max(figures.growth, memory.growth())
                figures.loads.append(os.getloadavg()[0])
            if figures.database == "sqlite":
                for burst in range(BURSTS):
                    with _meanwhile(be_people, [figures.at_once] * len(be_people)):
                        figures.signing_in += guests.come_at_once(burst)
    return figures


@contextmanager
def _meanwhile(do: list[Callable[[Event, list[float]], None]], results: list[list[float]]) -> Iterator[None]:
    """Do these until the end of the block, each in a thread; each puts its seconds into its list."""
    stop = Event()
    with ThreadPoolExecutor(len(do)) as pool:
        under_way = [pool.submit(function, stop, result) for function, result in zip(do, results, strict=True)]
        try:
            yield
        finally:
            stop.set()
        for future in under_way:
            future.result()


def _be_person(request: Request, stop: Event, seconds: list[float]) -> None:
    """Ask again and again, as somebody who is signed in."""
    with closing(request.connect()) as connection:
        while not stop.is_set():
            begun = time.perf_counter()
            status = request.send(connection)
            assert status < 300, status
            seconds.append(time.perf_counter() - begun)
            stop.wait(PAUSE)


def run_bench() -> Iterator[Figures]:
    """Run the benchmark on both databases."""
    with tempfile.TemporaryDirectory(prefix="amends-") as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrate(url)
        yield measure(url, Path(folder) / "sqlite")
        with fresh_postgresql() as (_, url):
            yield measure(url, Path(folder) / "postgresql")


if __name__ == "__main__":
    sys.exit(report(run_bench()))
