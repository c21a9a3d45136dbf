"""What the ordeals have in common: a seed, a database of their own, figures in print, promises to be kept."""

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
    """What came of an ordeal; printed as it is."""

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        ...


def new_seed() -> int:
    return random.SystemRandom().randrange(10**6)


def run_from_command_line(ordeal: Callable[[Path, int], Iterable[Figures]]) -> int:
    """Put the long version through: `--seed` repeats a run. Answers 1 when a promise was not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=new_seed())
    seed = parser.parse_args().seed
    say(f"SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="amends-") as folder:
        return report(ordeal(Path(folder), seed))


def report(found: Iterable[Figures]) -> int:
    """Print the machine and the figures as they come; 1 when a promise was not kept."""
    say(machine())
    kept = True
    for figures in found:
        say(str(figures))
        for promise in figures.broken():
            kept = False
            say(f"BROKEN: {promise}")
    return 0 if kept else 1


@contextmanager
def fresh_postgresql() -> Iterator[tuple[Server, str]]:
    """Give a server of our own, whatever else is installed or set, and the URL of a migrated database in it.

    What was answered with 2xx has to outlive a crash, so this database waits for its log like one in production.
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
    """What the figures were measured on, and how busy it was."""
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
