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
from tests.support.postgres import Server, running_server


class Figures(Protocol):
    """Figures of a chaos run, printed by `str`."""

    def broken(self) -> list[str]:
        """Return the guarantees that did not hold."""
        ...


def new_seed() -> int:
    return random.SystemRandom().randrange(10**6)


def run_from_command_line(ordeal: Callable[[Path, int], Iterable[Figures]]) -> int:
    """Run the long version; `--seed` repeats a run. Return 1 when a guarantee did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=new_seed())
    seed = parser.parse_args().seed
    say(f"SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="amends-") as folder:
        return report(ordeal(Path(folder), seed))


def report(found: Iterable[Figures]) -> int:
    """Print the machine and the figures as they come; return 1 when a guarantee did not hold."""
    say(machine())
    kept = True
    for figures in found:
        say(str(figures))
        for guarantee in figures.broken():
            kept = False
            say(f"BROKEN: {guarantee}")
    return 0 if kept else 1


@contextmanager
def fresh_postgresql() -> Iterator[tuple[Server, str]]:
    """Yield a new PostgreSQL server, whatever else is installed or set, and the URL of a migrated database in it.

    What was answered with 2xx has to survive a crash, so this database commits synchronously like one in production.
    """
    with running_server({"PATH": os.environ["PATH"]}) as server:
        url = server.create_database("ordeal")
        conninfo = make_url(url).set(drivername="postgresql")
        with psycopg.connect(conninfo.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_commit = on")
            connection.execute("SELECT pg_reload_conf()")
        migrate(url)
        yield server, url


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
