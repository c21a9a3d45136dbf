"""Chaos runs: a seed, a database of their own, printed figures, and the guarantees that have to hold."""

import argparse
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from tests.support.databases import migrate
from tests.support.postgres import DURABLE, Server, running_server


class Figures(Protocol):
    """Figures of a chaos run, printed by `str`."""

    def broken(self) -> list[str]:
        """Return the guarantees that did not hold."""
        ...


def new_seed() -> int:
    return random.SystemRandom().randrange(10**6)


def run_from_command_line(chaos_run: Callable[[Path, int], Iterable[Figures]]) -> int:
    """Run the long version; `--seed` repeats a run. Return 1 when a guarantee did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=new_seed())
    seed = parser.parse_args().seed
    say(f"SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="amends-") as folder:
        return report(chaos_run(Path(folder), seed))


def report(results: Iterable[Figures]) -> int:
    """Print the machine and the figures as they come; return 1 when a guarantee did not hold."""
    say(machine())
    all_hold = True
    for figures in results:
        say(str(figures))
        for guarantee in figures.broken():
            all_hold = False
            say(f"BROKEN: {guarantee}")
    return 0 if all_hold else 1


@contextmanager
def fresh_postgresql() -> Iterator[tuple[Server, str]]:
    """Yield a new PostgreSQL server, whatever else is installed or set, and the URL of a migrated database in it.

    It waits until a commit is on the disk, as one in production does, and says so.
    """
    with running_server({"PATH": os.environ["PATH"]}, settings=DURABLE) as server:
        url = server.create_database("chaos")
        say(server_settings(url))
        migrate(url)
        yield server, url


def server_settings(url: str) -> str:
    """Return the version of a PostgreSQL, and what it does so that a commit outlives a crash."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    names = ["server_version", *DURABLE]
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names]).fetchall()
    settings = dict(rows)
    return f"PostgreSQL {settings['server_version']}: " + ", ".join(f"{name} {settings[name]}" for name in DURABLE)


def machine() -> str:
    """Return the machine of the measurement, and its load."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    busy = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({model}), load {busy:.1f} at the start, Python {platform.python_version()}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def sleep_until(moment: float) -> None:
    """Wait for a moment of the monotonic clock; not at all when it is past."""
    time.sleep(max(0.0, moment - time.monotonic()))


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of the values do not exceed: 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
