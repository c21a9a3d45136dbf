"""How fast the worker sends, against a bare HTTP client with as many threads: `make bench-dispatch`."""

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

from bench.table import Line, broken
from models.db.base import system_clock
from models.db.session import Database, DatabaseRole
from models.staff.device import AddressKind
from notifications.channels.push.channel import PushChannel
from notifications.worker.dispatcher import PUSH_THREADS
from notifications.worker.worker import Worker
from tests.chaos.drivers.chaos_run import fresh_postgresql, report
from tests.chaos.drivers.concern_load import log_unhappy, wait_until_sent
from tests.support.databases import ROOT
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.fakes.fcm import AUDIENCE, SCOPES

ROUNDS, PHONES, ALERTS = 5, 20, 16  # an alert rings each phone
MESSAGES = PHONES * ALERTS
DELAYS = {150: 0.6, 0: None}  # milliseconds that an answer takes, and the least ratio: with none, it is the work alone
PATIENCE = 60.0
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
    """Messages a second, round by round."""

    delay: int
    least: float | None
    bare: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.worker) / median(self.bare)

    def __str__(self) -> str:
        return (
            f"answers after {self.delay} ms, {PUSH_THREADS} threads, {len(self.bare)} rounds of {MESSAGES} messages: "
            f"requests.Session {median(self.bare):.0f}/s, worker {median(self.worker):.0f}/s, ratio {self.ratio:.2f}"
        )

    @property
    def lines(self) -> list[Line]:
        """The row of the table."""
        what = f"messages sent, of a bare requests.Session, answers after {self.delay} ms"
        return [Line(what, self.ratio, least=self.least)]

    def broken(self) -> list[str]:
        return broken(self.lines)


@contextmanager
def stand_in(folder: Path, delay: int) -> Iterator[tuple[str, Path]]:
    """Firebase's stand-in in a process of its own, so that it takes nothing from the sender; its URL and key file."""
    command = [
        sys.executable,
        "-m",
        "tests.support.fakes.fcm",
        "--port",
        "0",
        "--credentials",
        str(folder),
        "--delay-ms",
        str(delay),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        match = re.search(r"FCM_ENDPOINT=(\S+)", process.stderr.readline())
        assert match
        try:
            yield match.group(1), folder / "service-account.json"
        finally:
            process.terminate()


def measure(url: str, folder: Path, *, delay: int, rounds: int) -> Figures:
    """Both in turn, to the same stand-in."""
    figures = Figures(delay, DELAYS[delay])
    with (
        stand_in(folder, delay) as (endpoint, credentials),
        closing(Database(url, DatabaseRole.WORKER, pool=4)) as database,
    ):
        shop = make_shop(database, f"acme-{delay}", at=system_clock())
        for number in range(PHONES):
            address = f"phone-{delay}-{number}"
            give_phone(database, shop, "manager", address, kind=AddressKind.FCM_TOKEN, at=system_clock())
        channels = {"push": PushChannel.from_credentials(credentials, endpoint)}
        worker = Worker(database, channels, name="bench")
        token = _token(endpoint, credentials)
        _send_bare(endpoint, token)  # warm
        _let_work(database, shop, worker)
        for _ in range(rounds):
            figures.bare.append(MESSAGES / _send_bare(endpoint, token))
            figures.worker.append(MESSAGES / _let_work(database, shop, worker))
        worker.close()
    return figures


def _let_work(database: Database, shop: Shop, worker: Worker) -> float:
    """Seconds the worker takes, from the alerts to the last message recorded as sent."""
    for _ in range(ALERTS):
        log_unhappy(database, shop)
    begun = time.monotonic()
    while worker.work_once():
        pass
    wait_until_sent(database, PATIENCE)
    return time.monotonic() - begun


def _send_bare(endpoint: str, token: str) -> float:
    """Seconds that as many messages take without any of our code."""
    path = f"{endpoint}/v1/projects/stand-in/messages:send"
    with requests.Session() as session, ThreadPoolExecutor(PUSH_THREADS) as threads:
        session.mount(endpoint, HTTPAdapter(pool_connections=1, pool_maxsize=PUSH_THREADS))
        session.headers["Authorization"] = f"Bearer {token}"
        begun = time.monotonic()
        answers = list(
            threads.map(lambda _: session.post(path, json=MESSAGE, timeout=PATIENCE).status_code, range(MESSAGES))
        )
        seconds = time.monotonic() - begun
    assert answers == [200] * MESSAGES
    return seconds


def _token(endpoint: str, credentials: Path) -> str:
    account = json.loads(credentials.read_text())
    claims = {"iss": account["client_email"], "aud": AUDIENCE, "scope": " ".join(SCOPES)}
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, account["private_key"], algorithm="RS256"),
    }
    return str(requests.post(f"{endpoint}/token", data=form, timeout=PATIENCE).json()["access_token"])


def measured() -> Iterator[Figures]:
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        for delay in DELAYS:
            yield measure(url, Path(folder), delay=delay, rounds=ROUNDS)


if __name__ == "__main__":
    sys.exit(report(measured()))
