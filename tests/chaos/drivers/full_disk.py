"""SQLite runs out of disk space in the middle of every kind of write: `make chaos-disk`."""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from models.db.session import Database
from notifications.worker.worker import Worker
from tests.chaos.drivers.chaos_run import run_from_command_line
from tests.chaos.drivers.concern_load import not_rung
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.rows import pending_messages
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

MAX_WRITES = 500  # into the few pages of 4 KiB that are left
PLENTY = 1_000_000  # pages
READS = ("/v1/concerns?limit=5", "/v1/alerts?limit=5", "/v1/customers?limit=5", "/readyz")
PHONE = uuid4()
RIGHTLY = "watchdog found stuck rows"  # the worker could write nothing for two minutes, so some alerts were late
LONG = "They had waited long before anybody came. " * 20

Write = dict[str, Any]  # what App.request takes


@dataclass
class Figures:
    """Figures of the run."""

    fills: int
    written: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # as storage-full, by the kind of write
    otherwise: Counter[str] = field(default_factory=Counter)
    unread: int = 0
    half_written: int = 0
    unsound: int = 0
    stuck: int = 0
    unrung: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # what web and worker called one in their logs

    def __str__(self) -> str:
        refused = ", ".join(f"{name} {count}" for name, count in sorted(self.refused.items()))
        return (
            f"the disk was full {self.fills} times, after {self.written} writes; refused as storage-full: {refused}; "
            f"answered otherwise: {dict(self.otherwise) or 'none'}; {self.unread} reads refused, "
            f"{self.half_written} half written, {self.unsound} times damaged, {self.stuck} refused again when there "
            f"was space, {self.unrung} alerts not rung; errors logged: {dict(self.errors) or 'none'}"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "a write on a full disk was not answered 503 storage-full with Retry-After": bool(self.otherwise),
            "the disk was never full": self.refused.total() < self.fills,
            "a read was refused": self.unread > 0,
            "something was half written": self.half_written > 0,
            "the file was damaged": self.unsound > 0,
            "a write was refused when there was space again": self.stuck > 0,
            "an alert was not rung when there was space again": self.unrung > 0,
            "an unexpected error": bool(self.errors),
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


class Disk:
    """The disk space of a database file, and whether the file has changed."""

    def __init__(self, app: App, path: Path) -> None:
        self._app = app
        self._watching = sa.create_engine(f"sqlite:///{path}").connect()

    def leave(self, pages: int) -> None:
        """Let the file grow by so many pages and no more, for the web and for the worker."""
        pages = self._ask("PRAGMA page_count") + pages
        for database in (self._app.database, self._app.back_office):
            _limit(database, pages)

    def version(self) -> int:
        """A number that changes when somebody else commits."""
        return int(self._ask("PRAGMA data_version"))

    def sound(self) -> bool:
        return self._ask("PRAGMA integrity_check") == "ok" and self._ask("PRAGMA foreign_key_check") is None

    def close(self) -> None:
        self._watching.close()
        self._watching.engine.dispose()

    def _ask(self, question: str) -> Any:
        answer = self._watching.exec_driver_sql(question).scalar()
        self._watching.rollback()
        return answer


def _limit(database: Database, pages: int) -> None:
    """The limit is the connection's, and a process has one that writes."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def run_chaos(folder: Path, *, fills: int, seed: int) -> Figures:
    """Leave no free page, then one, then two, and write until none is left: each time another write fails."""
    path = folder / "full.db"
    migrate(f"sqlite:///{path}")
    rng, figures, app = random.Random(seed), Figures(fills), App(f"sqlite:///{path}")
    shop = make_shop(app.back_office)
    give_phone(app.back_office, shop, "manager", "phone-1")
    with (
        capture_logs() as logged,
        closing(app),
        closing(Disk(app, path)) as disk,
        running_worker(app, for_all_kinds(RecordingChannel())) as worker,
    ):
        for pages in range(fills):
            concern = log_concern(app, shop)["id"]
            for login in ("floor", "manager", "colleague"):
                app.request("GET", "/v1/me", (shop, login))  # being seen is written down here, and not later
            disk.leave(pages)
            refused = _fill(app, shop, concern, disk, figures, rng)
            _look_round(app, shop, disk, worker, figures)
            disk.leave(PLENTY)
            figures.stuck += sum(app.request(**write).status_code >= 300 for write in refused)
            app.clock.move(minutes=2)  # past the leases of what the worker could not record
            work_until_idle(worker)
        figures.unrung = len(pending_messages(app)) + not_rung(app.back_office)
    figures.errors = Counter(
        line["event"] for line in logged if line["log_level"] == "error" and line["event"] != RIGHTLY
    )
    return figures


def _fill(app: App, shop: Shop, concern: str, disk: Disk, figures: Figures, rng: random.Random) -> list[Write]:
    """Write this and that until the disk is full, then try everything once; what was refused."""
    refused: list[Write] = []
    while not refused and not figures.otherwise and figures.written < MAX_WRITES * figures.fills:
        name, write = rng.choice(list(_writes(shop, concern).items()))
        refused += _try(app, name, write, disk, figures)
    for name, write in _writes(shop, concern).items():
        refused += _try(app, name, write, disk, figures)
    return refused


def _try(app: App, name: str, write: Write, disk: Disk, figures: Figures) -> list[Write]:
    before = disk.version()
    answer = app.request(**write)
    if answer.status_code < 300:
        figures.written += 1
        return []
    if _is_full(answer):
        figures.refused[name] += 1
        figures.half_written += disk.version() != before
        return [write]
    figures.otherwise[f"{name}: {answer.status_code}"] += 1
    return []


def _is_full(answer: TestResponse) -> bool:
    problem = answer.json or {}
    return (answer.status_code, problem.get("code")) == (503, "storage-full") and "Retry-After" in answer.headers


def _look_round(app: App, shop: Shop, disk: Disk, worker: Worker, figures: Figures) -> None:
    figures.unread += sum(app.request("GET", path, (shop, "manager")).status_code != 200 for path in READS)
    figures.unsound += not disk.sound()
    with suppress(OperationalError):  # as in notifications.__main__: a database that cannot be used is waited for
        work_until_idle(worker)


def _writes(shop: Shop, concern: str) -> dict[str, Write]:
    """Return every kind of write, each with a new key, as a phone sends it.

    It registers one device with one address after the other, for a person may have few devices.
    """
    about = f"/v1/concerns/{concern}"
    unhappy = {"mood": 1, "store_id": str(shop.store_id), "their_words": LONG}
    alone = {"handling": "mine", "recovery_actions": [{"remedy": "apology"}], "outcome": "recovered", "mood_after": 4}
    customer = {"name": "Somebody New", "loyalty_number": uuid4().hex[:12]}
    phone = {"platform": "ios", "address": f"address {uuid4()}", "address_kind": "log"}
    requests: dict[str, tuple[str, str, str, dict[str, Any] | None]] = {
        "log": ("floor", "POST", "/v1/concerns", unhappy),
        "log and put right": ("manager", "POST", "/v1/concerns", unhappy | alone | {"customer": customer}),
        "take": ("manager", "POST", f"{about}/take", None),
        "act": ("manager", "POST", f"{about}/recovery-actions", {"remedy": "apology", "note": LONG}),
        "register": ("colleague", "PUT", f"/v1/me/devices/{PHONE}", phone),  # off shift, so it is not rung
    }
    return {
        name: {
            "method": method,
            "path": path,
            "by": (shop, login),
            "json": body,
            "headers": {"Idempotency-Key": uuid4().hex} if method == "POST" else {},
        }
        for name, (login, method, path, body) in requests.items()
    }


def long_run(folder: Path, seed: int) -> Iterator[Figures]:
    """The long version."""
    yield run_chaos(folder, fills=40, seed=seed)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
