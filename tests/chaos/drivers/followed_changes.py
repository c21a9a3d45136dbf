"""A reader follows the change export while eight people write: nothing missed, in order: `make chaos-export`."""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Barrier, Event
from typing import Any

from sqlalchemy import select

from models.db.change_feed import Change
from models.db.session import Database, DatabaseRole
from models.reports.change_export import KINDS
from tests.chaos.drivers.chaos_run import fresh_postgresql, run_from_command_line
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.export_reader import PATH
from tests.support.factories.organizations import Shop, make_shop

WRITERS = 8
PATIENCE = 60.0  # seconds
Copy = dict[tuple[str, str], dict[str, Any]]


@dataclass
class Figures:
    """Figures of the run."""

    seconds: float
    writes: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    pages: int = 0
    changes: int = 0
    items: int = 0
    out_of_order: int = 0
    missed: int = 0
    different: int = 0
    said_the_end: bool = False

    def __str__(self) -> str:
        verbs = ", ".join(f"{count} {verb}" for verb, count in sorted(self.writes.items()))
        return (
            f"{WRITERS} writers for {self.seconds:.0f} s ({verbs}; refused {dict(self.refused)}): {self.changes} "
            f"changes; the reader got {self.items} items in {self.pages} pages: {self.missed} missed, "
            f"{self.out_of_order} out of order, {self.different} other than in the database; "
            f"the last page says so: {self.said_the_end}"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "something was missed": self.missed > 0,
            "a number did not rise": self.out_of_order > 0,
            "the copy is not what the database has": self.different > 0,
            "the last page does not say that it is the last": not self.said_the_end,
            "the writers wrote nothing": not self.changes,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


class Reader:
    """Reader that follows page by page, with random limits, and maintains a copy."""

    def __init__(self, web: Web, token: str, figures: Figures, rng: random.Random) -> None:
        self._web, self._token, self._figures, self._chance = web, token, figures, rng
        self._cursor: str | None = None
        self._seq = 0
        self.copy: Copy = {}

    def turn_page(self) -> bool:
        """Apply the next page; return whether it was the last one."""
        query: dict[str, Any] = {"limit": self._chance.choice([1, 7, 100, 500])}
        if self._cursor is not None:
            query["cursor"] = self._cursor
        answer = self._web.request("GET", PATH, self._token, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        self._figures.pages += 1
        for item in page["items"]:
            self._figures.items += 1
            self._figures.out_of_order += item["seq"] <= self._seq
            self._seq = item["seq"]
            self._take_over(item)
        self._cursor = page["next_cursor"]
        return bool(page["end_of_stream"])

    def _take_over(self, item: dict[str, Any]) -> None:
        key = (item["kind"], item["id"])
        if item["op"] == "delete":
            self.copy.pop(key, None)
        else:
            self.copy[key] = {**item["object"], "version": item["version"]}

    def follow(self, over: Event) -> None:
        """Follow until the end of the stream after the last writer stopped."""
        while not over.is_set():
            self.turn_page()
        ends_at = time.monotonic() + PATIENCE
        while not self._figures.said_the_end and time.monotonic() < ends_at:
            self._figures.said_the_end = self.turn_page()


def run_chaos(url: str, folder: Path, *, seconds: float, seed: int) -> Figures:
    database = Database(url, DatabaseRole.WORKER)
    shop = make_shop(database, at=database.clock())
    figures, start, over, written = Figures(seconds), Barrier(WRITERS + 1), Event(), Event()
    with running_web(url, folder) as web, ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = Reader(web, shop.tokens["hq"], figures, random.Random(seed))
        calls = [partial(_write, web, shop, figures, random.Random(f"{seed} {n}"), over, start) for n in range(WRITERS)]
        writers = [pool.submit(call) for call in calls]
        following = pool.submit(reader.follow, written)
        start.wait(PATIENCE)
        over.wait(seconds)
        over.set()
        for writer in writers:
            writer.result()
        written.set()
        following.result()
        late_reader = Reader(web, shop.tokens["hq"], Figures(0), random.Random(seed))
        late_reader.follow(written)
    _compare(figures, database, shop, reader.copy, late_reader.copy)
    database.close()
    return figures


def _write(web: Web, shop: Shop, figures: Figures, rng: random.Random, over: Event, start: Barrier) -> None:
    """Log concerns, take, edit, act upon and resolve them, until `over` is set."""
    start.wait(PATIENCE)
    while not over.is_set():
        concern = _do(web, shop, figures, "log", "/v1/concerns", {"mood": rng.randint(1, 5), "category": "food"})
        if concern is None:
            continue
        path = f"/v1/concerns/{concern['id']}"
        steps: list[Callable[[], Any]] = [
            partial(_do, web, shop, figures, "take", f"{path}/take", None),
            partial(_do, web, shop, figures, "edit", path, {"sensitive": rng.random() < 0.5}),
            partial(_do, web, shop, figures, "edit", path, {"sensitive": False, "times_told": 2}),
            partial(_do, web, shop, figures, "act", f"{path}/recovery-actions", {"remedy": "apology"}),
            partial(_do, web, shop, figures, "resolve", f"{path}/resolve", {"outcome": "lost", "mood_after": 1}),
        ]
        for step in steps[: rng.randint(0, len(steps))]:
            step()


def _do(web: Web, shop: Shop, figures: Figures, verb: str, path: str, body: Any) -> dict[str, Any] | None:
    method = "PATCH" if verb == "edit" else "POST"
    data = {**body, "store_id": str(shop.store_id)} if verb == "log" else body
    headers = {"If-Match": "*"} if verb == "edit" else {}
    answer = web.request(method, path, shop.tokens["manager"], json=data, headers=headers)
    if not answer.ok:
        figures.refused[answer.status_code] += 1
        return None
    figures.writes[verb] += 1
    done: dict[str, Any] = answer.json()
    return done


def _compare(figures: Figures, database: Database, shop: Shop, copy: Copy, late_copy: Copy) -> None:
    """Compare the copy with the rows, and with the copy of a reader who starts at the end."""
    with database.reading(shop.organization_id) as session:
        figures.changes = len(session.scalars(select(Change.seq)).all())
        there = {
            (kind, str(row.id)): row.version
            for kind, model in KINDS.items()
            for row in session.scalars(select(model)).unique()
            if not _hidden(row)
        }
    versions = {key: row["version"] for key, row in copy.items()}
    figures.missed = len(there.keys() - versions.keys())
    figures.different = len(versions.items() ^ there.items()) + sum(copy[key] != late_copy.get(key) for key in copy)


def _hidden(row: Any) -> bool:
    """Return whether head office may not read it: a sensitive concern, or a child of one."""
    return bool(getattr(getattr(row, "concern", row), "sensitive", False))


def long_run(folder: Path, seed: int) -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        yield run_chaos(url, folder, seconds=10, seed=seed)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
