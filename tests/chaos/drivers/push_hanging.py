"""Firebase accepts connections and hangs: the latency of the API stays the same."""

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from models.db.session import Database, DatabaseRole
from tests.chaos.drivers.chaos_run import percentile
from tests.chaos.drivers.concern_load import at_a_steady_pace, open_shop, wait_until_sent
from tests.chaos.drivers.web_processes import Web, running_web
from tests.chaos.drivers.worker_processes import running_workers
from tests.support.factories.organizations import Shop
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn

PER_SECOND = 15
PATIENCE = 120.0  # seconds
UNCHANGED = 1.25  # times as long is what two runs of the same on a busy machine may differ


@dataclass
class Figures:
    """Seconds from the moment a concern was due to be logged to its answer, when all was well and when it hung."""

    well: list[float] = field(default_factory=list)
    hanging: list[float] = field(default_factory=list)
    hung: int = 0

    def __str__(self) -> str:
        return (
            f"{len(self.well)} concerns logged while Firebase was well, {len(self.hanging)} while it hung on "
            f"{self.hung} messages: {_line('median', 0.5, self)}, {_line('p99', 0.99, self)}"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "requests are slower while Firebase hangs": _ratio(0.5, self) > UNCHANGED,
            "Firebase did not hang": self.hung == 0,
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


def _ratio(share: float, figures: Figures) -> float:
    return percentile(figures.hanging, share) / percentile(figures.well, share)


def _line(name: str, share: float, figures: Figures) -> str:
    well, hanging = (percentile(values, share) * 1000 for values in (figures.well, figures.hanging))
    return f"{name} {well:.0f} and {hanging:.0f} ms, ratio {_ratio(share, figures):.2f}"


def run_chaos(url: str, folder: Path, *, rounds: int, seconds: float) -> Figures:
    """Run real web processes and a real worker: Firebase works and hangs in turn; the backlog is sent in between."""
    database = Database(url, DatabaseRole.WORKER)
    shop, figures = open_shop(database), Figures()
    with FcmStandIn(folder) as fcm, running_workers(url, fcm), running_web(url, folder) as web:
        _log_for(seconds / 2, web, shop)  # warm
        for _ in range(rounds):
            figures.well += _log_for(seconds, web, shop)
            fcm.answer = fcm_answers.hang()
            before = len(fcm.posts)
            figures.hanging += _log_for(seconds, web, shop)
            figures.hung += len(fcm.posts) - before
            fcm.answer = fcm_answers.ok()
            fcm.release()
            wait_until_sent(database, PATIENCE)
    database.close()
    return figures


def _log_for(seconds: float, web: Web, shop: Shop) -> list[float]:
    count = int(seconds * PER_SECOND)
    return at_a_steady_pace(partial(_log, web, shop), per_second=PER_SECOND, ended=lambda number: number == count)


def _log(web: Web, shop: Shop, _number: int, due: float) -> float:
    body = {"mood": 2, "store_id": str(shop.store_id)}
    answer = web.request("POST", "/v1/concerns", shop.tokens["floor"], json=body)
    assert answer.status_code == 201, answer.text
    return time.monotonic() - due
