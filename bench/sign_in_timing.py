"""Compare the times of refused sign-ins, which must not tell why they were refused: `make bench-sign-in`."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from bench.table import Line, missed_targets, report
from models.staff.device import Device
from models.staff.staff import Staff
from tests.chaos.drivers.chaos_run import fresh_postgresql
from tests.support.app import App
from tests.support.databases import migrate
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.factories.shared_phones import PIN, SharedPhone, enrol, set_pins
from tests.support.factories.staff import hire

TRIES, WARM_UP = 200, 20
MAX_DIFFERENCE = 0.05
WRONG_PIN = "935172"

Bodies = dict[str, dict[str, Any]]


@dataclass
class Figures:
    """Seconds of each refused try at one door, by its reason."""

    door: str
    database: str
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def medians(self) -> dict[str, float]:
        return {reason: median(values) for reason, values in self.seconds.items()}

    @property
    def difference(self) -> float:
        """Return by how much the slowest reason takes longer than the fastest one."""
        return max(self.medians.values()) / min(self.medians.values()) - 1

    def __str__(self) -> str:
        fastest = min(self.medians.values())
        reasons = ", ".join(
            f"{reason} {value * 1000:.2f} ms (x {value / fastest:.3f})" for reason, value in self.medians.items()
        )
        return f"{self.door}, {self.database}: medians of {TRIES} interleaved tries: {reasons}"

    @property
    def lines(self) -> list[Line]:
        """Return the line of the table."""
        label = f"{self.door}, {self.database}: slowest reason of a refusal relative to the fastest, less 1"
        return [Line(label, self.difference, maximum=MAX_DIFFERENCE)]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


def measure(url: str) -> Iterator[Figures]:
    """Try each wrong sign-in in turn, through the whole application in this process, with argon2 as in production."""
    database = sa.make_url(url).get_backend_name()
    with capture_logs(), closing(App(url)) as app:  # printing log events is not what is measured
        shop = make_shop(app.back_office)
        hire(app.back_office, shop, "gone", at=app.clock())
        set_pins(app, shop, "floor", "gone")
        phone = enrol(app, shop)
        with app.back_office.writing(shop.organization_id) as session:
            session.get_one(Staff, (shop.organization_id, shop.staff["gone"])).left_at = app.clock()
        for door, bodies in (("password", _password_bodies(shop)), ("PIN", _pin_bodies(shop, phone))):
            yield _measure_door(app, phone, Figures(door, database), bodies)


def _password_bodies(shop: Shop) -> Bodies:
    tries = {"unknown login": ("nobody", PASSWORD), "wrong password": ("floor", "another"), "left": ("gone", PASSWORD)}
    return {
        reason: {"organization": shop.slug, "login": login, "password": password}
        for reason, (login, password) in tries.items()
    }


def _pin_bodies(shop: Shop, phone: SharedPhone) -> Bodies:
    tries: dict[str, tuple[UUID, str]] = {
        "unknown person": (uuid7(), PIN),
        "wrong PIN": (shop.staff["floor"], WRONG_PIN),
        "left": (shop.staff["gone"], PIN),
    }
    return {
        reason: {"device_secret": phone.secret, "staff_id": str(staff_id), "pin": pin}
        for reason, (staff_id, pin) in tries.items()
    }


def _measure_door(app: App, phone: SharedPhone, figures: Figures, bodies: Bodies) -> Figures:
    random, reasons = Random(1), list(bodies)
    figures.seconds = {reason: [] for reason in reasons}
    for number in range(WARM_UP + TRIES):
        random.shuffle(reasons)
        for reason in reasons:
            _forget_failures(app, phone)
            begun = time.perf_counter()
            answer = app.request("POST", "/v1/sessions", json=bodies[reason])
            seconds = time.perf_counter() - begun
            assert (answer.status_code, answer.json["code"]) == (401, "wrong-sign-in"), answer.text
            if number >= WARM_UP:
                figures.seconds[reason].append(seconds)
    return figures


def _forget_failures(app: App, phone: SharedPhone) -> None:
    """Undo what counts wrong tries, so that the next one is not refused for their number."""
    app.forget_hits()
    with app.back_office.writing(UUID(phone.secret.split("_")[2])) as session:
        device = session.scalars(sa.select(Device).where(Device.id == phone.id)).one()
        device.forget_failed_pins()


def run_bench() -> Iterator[Figures]:
    """Run the benchmark on both databases."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        yield from measure(url)
    with fresh_postgresql() as (_, url):
        yield from measure(url)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
