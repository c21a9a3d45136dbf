"""Measure what a phone asks for on a Friday evening at twelve tables, and what an unchanged home screen costs.

`make bench-phone`. Requests and bytes are counted as an app sends them now, compressed and with the ETags it has, and
beside it as an app had to before there were one call for a screen, conditional reads and compression.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import requests
from structlog.testing import capture_logs

from bench.table import Line, missed_targets, report
from models.organizations.place import Place
from tests.chaos.drivers.chaos_run import fresh_postgresql, say
from tests.chaos.drivers.web_processes import LONGEST_ANSWER, Web, running_web
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop, make_store

TABLES, CONCERNS = 12, 24
ROUNDS, REPEATS = 7, 150  # of each request in turn
STORES, MINUTES = 300, 3
CHANGE_EVERY, POLL_EVERY = timedelta(seconds=20), timedelta(seconds=5)
DETAILS = ("customer", "actions", "follow_ups", "events", "guidance", "feedback")
ONE_WORKER = {"WEB_WORKERS": "1", "WEB_THREADS": "4"}
Sent = tuple[str, str, dict[str, Any] | None]


@dataclass(frozen=True)
class Act:
    """What a person does on a phone: requests and bytes of the answers, now and before."""

    name: str
    requests: int
    bytes: int
    requests_before: int
    bytes_before: int

    def __str__(self) -> str:
        return f"| {self.name} | {self.requests} | {self.bytes:,} | {self.requests_before} | {self.bytes_before:,} |"


@dataclass(frozen=True)
class Figures:
    """Acts of the evening; the CPU of a 304 of home as a share of that of `GET /v1/me`; the share of polls with 304."""

    acts: Sequence[Act]
    cpu_shares: Sequence[float]
    unchanged_polls: float

    def __str__(self) -> str:
        heading = ["| act | requests | bytes | requests before | bytes before |", "|---|---:|---:|---:|---:|"]
        shares = ", ".join(f"{share:.2f}" for share in sorted(self.cpu_shares))
        cpu = f"304 of home / GET /v1/me, CPU, by round: {shares}"
        polls = f"polls every 5 s that are 304 while {STORES} stores change every 20 s: {self.unchanged_polls:.0%}"
        return "\n".join([*heading, *map(str, self.acts), cpu, polls])

    @property
    def lines(self) -> list[Line]:
        by_name = {act.name: act for act in self.acts}
        return [
            Line("requests for the home screen", by_name["open the home screen"].requests, maximum=1),
            Line("requests for the screen of a concern", by_name["open a concern"].requests, maximum=1),
            Line("requests to take it and give something", by_name["take it and give something"].requests, maximum=2),
            Line("CPU of a 304 of home, as a share of GET /v1/me", median(self.cpu_shares), maximum=1.3),
            Line(f"share of polls that are 304 among {STORES} busy stores", self.unchanged_polls, minimum=0.5),
        ]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


class Phone:
    """A phone of one person: sends requests over one connection and counts what they are answered."""

    def __init__(self, web: Web, token: str) -> None:
        self._web, self._session = web, requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._session.request(method, self._web.url + path, json=body, headers=named, timeout=LONGEST_ANSWER)
        assert answer.ok or answer.status_code == 304, (method, path, answer.text)
        return answer

    def count(self, sent: Iterable[Sent], **headers: str) -> tuple[int, int]:
        """Send these requests; return how many they are, and the bytes of the answers as they travel."""
        answers = [self.ask(method, path, body, **headers) for method, path, body in sent]
        return len(answers), sum(int(answer.headers.get("Content-Length", 0)) for answer in answers)


def write_evening(app: App, shop: Shop) -> list[str]:
    """Log the concerns of an evening at twelve tables; return their ids."""
    with app.database.writing(shop.organization_id) as session:
        for number in range(20, 20 + TABLES):
            name = f"Table {number}"
            session.add(Place(store_id=shop.store_id, slug=f"table-{number}", name=name, position=number))
    concerns = []
    for number in range(CONCERNS):
        concern = log_concern(
            app,
            shop,
            "colleague",
            mood=1 + number % 3,
            place=f"table-{20 + number % TABLES}",
            category="food",
            their_words="We have been waiting for forty minutes, and nobody has come.",
            customer={"name": f"Guest {number}", "phone": f"912 345 6{number:02}"},
        )
        path = f"/v1/concerns/{concern['id']}"
        app.request("POST", f"{path}/recovery-actions", (shop, "floor"), json={"remedy": "apology"})
        due_at = (app.clock() + timedelta(hours=1)).isoformat()
        promise = {"what": "Call back.", "kind": "call", "due_at": due_at}
        app.request("POST", f"{path}/follow-ups", (shop, "floor"), json=promise)
        concerns.append(concern["id"])
    return concerns


def count_acts(phone: Phone, shop: Shop, concerns: Sequence[str], customer_of: dict[str, str]) -> Iterator[Act]:
    """Yield the acts of the evening. What was sent before is sent without compression and without ETags."""
    plain = {"Accept_Encoding": "identity"}
    store = str(shop.store_id)
    home_before: list[Sent] = [
        ("GET", path, None)
        for path in (
            "/v1/me",
            "/v1/organization",
            f"/v1/stores/{store}/on-shift",
            f"/v1/concerns?store_id={store}&status=open",
            f"/v1/concerns?store_id={store}&status=taken",
            f"/v1/follow-ups?store_id={store}&status=open",
            f"/v1/recovery-actions?store_id={store}&status=pending",
            f"/v1/guidance?store_id={store}",
        )
    ]
    before = phone.count(home_before, **plain)
    yield Act("open the home screen", *phone.count([("GET", "/v1/me/home", None)]), *before)
    tag = phone.ask("GET", "/v1/me/home").headers["ETag"]
    yield Act("... again, unchanged", *phone.count([("GET", "/v1/me/home", None)], If_None_Match=tag), *before)
    path = f"/v1/concerns/{concerns[0]}"
    detail_before: list[Sent] = [
        ("GET", part, None)
        for part in (
            path,
            f"/v1/customers/{customer_of[concerns[0]]}",
            *(f"{path}/{name}" for name in ("recovery-actions", "follow-ups", "events", "feedback-requests")),
            f"/v1/guidance?store_id={store}&category=food&customer_id={customer_of[concerns[0]]}",
        )
    ]
    before = phone.count(detail_before, **plain)
    yield Act("open a concern", *phone.count([("GET", f"{path}?include={','.join(DETAILS)}", None)]), *before)
    gives = {"remedy": "voucher", "cost": {"amount": 500, "currency": "EUR"}}
    acts: list[list[Sent]] = [
        [("POST", f"/v1/concerns/{id_}/take", None), ("POST", f"/v1/concerns/{id_}/recovery-actions", gives)]
        for id_ in concerns[1:3]
    ]
    before = phone.count([*acts[0], ("GET", f"/v1/concerns/{concerns[1]}", None)], **plain)
    yield Act("take it and give something", *phone.count(acts[1]), *before)
    logs: Sent = ("POST", "/v1/concerns", {"mood": 2, "place": "table-21", "category": "food"})
    before = phone.count([logs], **plain)
    yield Act("log a concern", *phone.count([logs]), *before)


def cpu_share(web: Web, phone: Phone) -> Iterator[float]:
    """Yield, by round, the CPU that the web process spends on a 304 of home as a share of that on GET /v1/me."""
    tag = phone.ask("GET", "/v1/me/home").headers["ETag"]
    for _ in range(ROUNDS):
        begun = cpu_seconds(web)
        for _ in range(REPEATS):
            phone.ask("GET", "/v1/me")
        between = cpu_seconds(web)
        for _ in range(REPEATS):
            assert phone.ask("GET", "/v1/me/home", If_None_Match=tag).status_code == 304
        yield (cpu_seconds(web) - between) / (between - begun)


def cpu_seconds(web: Web) -> float:
    """Return the CPU time of the only worker process so far."""
    (worker,) = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
    after_name = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def unchanged_share(app: App, shop: Shop) -> float:
    """Return the share of the polls of one phone that are 304 while every store of a chain changes all the time."""
    with app.database.writing(shop.organization_id) as session:
        stores = [make_store(f"chain-{number}", shop.region_id) for number in range(STORES - 1)]
        session.add_all(stores)
        session.flush()
        ids = [shop.store_id, *(store.id for store in stores)]
    step = CHANGE_EVERY / STORES
    tag, answers = "", []
    next_poll = app.clock()
    for number in range(int(timedelta(minutes=MINUTES) / step)):
        app.clock.move(microseconds=int(step / timedelta(microseconds=1)))
        store_id = str(ids[number % STORES])
        app.request("POST", "/v1/concerns", (shop, "key"), json={"mood": 4, "store_id": store_id})
        if app.clock() >= next_poll:
            headers = {"If-None-Match": tag} if tag else {}
            answer = app.request("GET", "/v1/me/home", (shop, "floor"), headers=headers)
            answers.append(answer.status_code)
            tag, next_poll = answer.headers["ETag"], next_poll + POLL_EVERY
    return answers.count(304) / len(answers)


def run_bench() -> Iterator[Figures]:
    """Run the benchmark on a fresh PostgreSQL."""
    with (
        fresh_postgresql() as (_, url),
        tempfile.TemporaryDirectory(prefix="amends-") as folder,
        capture_logs(),
        closing(App(url)) as app,
    ):
        app.clock.at = datetime.now(UTC)  # the web process cannot be given another clock
        shop = make_shop(app.back_office, at=app.clock(), on_shift=("floor", "colleague"))
        concerns = write_evening(app, shop)
        read = (app.request("GET", f"/v1/concerns/{id_}", (shop, "floor")).json for id_ in concerns)
        customer_of = {concern["id"]: concern["customer_id"] for concern in read}
        with running_web(url, Path(folder), **ONE_WORKER) as web:
            phone = Phone(web, shop.tokens["floor"])
            acts = [*count_acts(phone, shop, concerns, customer_of)]
            say("measuring the CPU of a 304 ...")
            shares = [*cpu_share(web, phone)]
        say(f"letting {STORES} stores change for {MINUTES} minutes ...")
        yield Figures(acts, shares, unchanged_share(app, shop))


if __name__ == "__main__":
    sys.exit(report(run_bench()))
