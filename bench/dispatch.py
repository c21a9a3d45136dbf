"""Measure how fast the worker sends, beside a bare HTTP client with as many threads: `make bench-dispatch`."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import jwt
import requests
from requests.adapters import HTTPAdapter

from bench.table import Line, missed_targets, report
from models.db.base import system_clock
from models.db.session import Database, DatabaseRole
from models.staff.device import AddressKind
from notifications.channels.push.channel import PushChannel
from notifications.worker.dispatcher import PUSH_THREADS
from notifications.worker.worker import Worker
from tests.chaos.drivers.chaos_run import fresh_postgresql
from tests.chaos.drivers.concern_load import log_unhappy, wait_until_sent
from tests.support.databases import ROOT
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.fakes.fcm import AUDIENCE, SCOPES

ROUNDS, PHONES, ALERTS = 5, 20, 16  # each alert rings each phone
MESSAGES = PHONES * ALERTS
# Milliseconds that an answer takes, and the minimum ratio. Without a delay, the work of the worker alone is measured.
MIN_RATIOS = {150: 0.6, 0: None}
TIMEOUT = 60.0  # seconds
MESSAGE = {  # as large as one of ours
    "message": {
        "token": "phone-1",
        "data": dict.fromkeys(("notification_id", "alert_id", "concern_id"), "01a205aa-3c45-72c8-8345-c3aa04c3224c"),
        "notification": {"title": "Unhappy customer, table 12", "body": "Waiting time"},
        "android": {"priority": "high", "ttl": "600s", "notification": {"channel_id": "alerts_normal"}},
    }
}


@dataclass
class Figures:
    """Messages per second in each round, sent by a bare client and by the worker; `delay_ms` is that of an answer."""

    delay_ms: int
    min_ratio: float | None
    bare: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.worker) / median(self.bare)

    def __str__(self) -> str:
        return (
            f"answers after {self.delay_ms} ms, {PUSH_THREADS} threads, {len(self.bare)} rounds of "
            f"{MESSAGES} messages: requests.Session {median(self.bare):.0f}/s, worker {median(self.worker):.0f}/s, "
            f"ratio {self.ratio:.2f}"
        )

    @property
    def lines(self) -> list[Line]:
        """Return the line of the table."""
        label = f"messages sent, relative to a bare requests.Session, answers after {self.delay_ms} ms"
        return [Line(label, self.ratio, minimum=self.min_ratio)]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


@contextmanager
def running_fcm_stand_in(folder: Path, delay_ms: int) -> Iterator[tuple[str, Path]]:
    """Yield the URL and the key file of a stand-in for Firebase.

    It has a process of its own, so that it does not slow the sender down.
    """
    command = [
        sys.executable,
        "-m",
        "tests.support.fakes.fcm",
        "--port",
        "0",
        "--credentials",
        str(folder),
        "--delay-ms",
        str(delay_ms),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        match = re.search(r"FCM_ENDPOINT=(\S+)", process.stderr.readline())
        assert match
        try:
            yield match.group(1), folder / "service-account.json"
        finally:
            process.terminate()


def measure(url: str, folder: Path, *, delay_ms: int, rounds: int) -> Figures:
    """Send from the bare client and from the worker in turn, to the same stand-in."""
    figures = Figures(delay_ms, MIN_RATIOS[delay_ms])
    with (
        running_fcm_stand_in(folder, delay_ms) as (endpoint, credentials),
        closing(Database(url, DatabaseRole.WORKER, pool=4)) as database,
    ):
        shop = make_shop(database, f"acme-{delay_ms}", at=system_clock())
        for number in range(PHONES):
            address = f"phone-{delay_ms}-{number}"
            give_phone(database, shop, "manager", address, kind=AddressKind.FCM_TOKEN, at=system_clock())
        channels = {"push": PushChannel.from_credentials(credentials, endpoint)}
        worker = Worker(database, channels, name="bench")
        token = _access_token(endpoint, credentials)
        _time_bare_client(endpoint, token)  # open connections and fill caches before the first round
        _time_worker(database, shop, worker)
        for _ in range(rounds):
            figures.bare.append(MESSAGES / _time_bare_client(endpoint, token))
            figures.worker.append(MESSAGES / _time_worker(database, shop, worker))
        worker.close()
    return figures


def _time_worker(database: Database, shop: Shop, worker: Worker) -> float:
    """Return the seconds from the alerts until the worker has recorded the last message as sent."""
    for _ in range(ALERTS):
        log_unhappy(database, shop)
    begun = time.monotonic()
    while worker.work_once():
        pass
    wait_until_sent(database, TIMEOUT)
    return time.monotonic() - begun


def _time_bare_client(endpoint: str, token: str) -> float:
    """Return the seconds that as many messages take without any of our code."""
    path = f"{endpoint}/v1/projects/stand-in/messages:send"
    with requests.Session() as session, ThreadPoolExecutor(PUSH_THREADS) as threads:
        session.mount(endpoint, HTTPAdapter(pool_connections=1, pool_maxsize=PUSH_THREADS))
        session.headers["Authorization"] = f"Bearer {token}"
        begun = time.monotonic()
        answers = list(
            threads.map(lambda _: session.post(path, json=MESSAGE, timeout=TIMEOUT).status_code, range(MESSAGES))
        )
        seconds = time.monotonic() - begun
    assert answers == [200] * MESSAGES
    return seconds


def _access_token(endpoint: str, credentials: Path) -> str:
    account = json.loads(credentials.read_text())
    claims = {"iss": account["client_email"], "aud": AUDIENCE, "scope": " ".join(SCOPES)}
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, account["private_key"], algorithm="RS256"),
    }
    return str(requests.post(f"{endpoint}/token", data=form, timeout=TIMEOUT).json()["access_token"])


def run_bench() -> Iterator[Figures]:
    """Run the benchmark with each delay of an answer."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        for delay_ms in MIN_RATIOS:
            yield measure(url, Path(folder), delay_ms=delay_ms, rounds=ROUNDS)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
