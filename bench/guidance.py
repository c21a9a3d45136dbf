"""What guidance adds to the time of logging a concern, beside a million concerns: `make bench-guidance`."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from statistics import median
from unittest.mock import patch
from uuid import UUID

import sqlalchemy as sa
from structlog.testing import capture_logs

from api.resources import concerns
from bench.table import Line, broken
from models.db.cache import TtlCache
from tests.chaos.drivers.chaos_run import fresh_postgresql, report, say
from tests.support.app import App
from tests.support.factories.bulk_copies import multiply, originals
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop

CONCERNS, CUSTOMERS, PEOPLE = 1_000_000, 50_000, 200
ROUNDS, REQUESTS = 5, 60  # what they log stays open, and beyond a thousand would hide the past of its cause
MOST = 0.2  # of the time of logging, once the minute's lessons are learned
COLD = {"category": "food", "cause": "cold"}
TOLD = {"mood": 2, **COLD, "place": "table-12", "their_words": "It is stone cold.", "wanted": "A warm one."}


@dataclass
class Figures:
    """Seconds by kind of request: logged `without` hints, with hints `warm` and `cold`, and hints `alone`."""

    concerns: int
    without: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def share(self, kind: str) -> float:
        """How much of the time of logging goes into the hints."""
        return 1 - median(self.without) / median(getattr(self, kind))

    def __str__(self) -> str:
        times = ", ".join(
            f"{what} {median(getattr(self, kind)) * 1000:.1f} ms"
            for kind, what in {
                "without": "logged without guidance",
                "warm": "with it",
                "cold": "with it and nothing remembered",
                "alone": "GET /v1/guidance",
            }.items()
        )
        return (
            f"{self.concerns} concerns, {len(self.warm)} requests of each kind in turn, medians: {times}; guidance is "
            f"{self.share('warm'):.0%} of the time of logging, {self.share('cold'):.0%} with nothing remembered"
        )

    @property
    def lines(self) -> list[Line]:
        """The row of the table."""
        return [Line("guidance, of the time of logging at 1,000,000", self.share("warm"), most=MOST)]

    def broken(self) -> list[str]:
        return broken(self.lines)


def fill(url: str, app: App, shop: Shop, count: int) -> None:
    """So many concerns that are over, each with a cause, a customer, a mood before and after, and something given."""
    ended = {"handling": "mine", "outcome": "recovered", "mood_after": 4}
    recovery = {"recovery_actions": [{"remedy": "voucher"}], "customer": {"phone": "+351910000000"}}
    first = log_concern(app, shop, **TOLD, **ended, **recovery, question="what-happened")
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # ours fit: no link is looked up
        (action,) = originals(connection, "recovery_action", concern_id=UUID(first["id"]))
        before = "original.{} - n * interval '30 seconds'"
        multiply(
            connection,
            "customer",
            first["customer_id"],
            CUSTOMERS,
            phone="'+35192' || lpad(n::text, 7, '0')",
            phone_key="lpad(n::text, 8, '0')",
            created_at="original.created_at - interval '2 years'",
        )
        multiply(connection, "staff", shop.staff["floor"], PEOPLE, login="'copy-' || n")
        multiply(
            connection,
            "concern",
            first["id"],
            count,
            customer_id=f"md5('customer' || n % {CUSTOMERS} + 1)::uuid",
            cause_id=_one_of("cause", 2, "slug"),
            mood="1 + n % 3",
            mood_after="2 + n % 4",
            received_at=before.format("received_at"),
            business_date=f"({before.format('received_at')})::date",
        )
        multiply(
            connection,
            "recovery_action",
            action["id"],
            count,
            concern_id="md5('concern' || n)::uuid",
            remedy_id=_one_of("remedy", 3, "slug"),
            acted_by_id=f"md5('staff' || n % {PEOPLE} + 1)::uuid",
            cost_amount="100 * (n % 20)",
            recorded_at=before.format("recorded_at"),
            business_date=f"({before.format('recorded_at')})::date",
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    owner.dispose()


def _limit_vouchers(app: App, shop: Shop) -> None:
    """What has no limit need not be added up."""
    most = {"role": "floor", **{name: {"amount": 10_000, "currency": "EUR"} for name in ("per_customer", "per_staff")}}
    remedies = app.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (voucher,) = (remedy["id"] for remedy in remedies if remedy["slug"] == "voucher")
    path, headers = f"/v1/remedies/{voucher}", {"If-Match": "*"}
    answer = app.request("PATCH", path, (shop, "admin"), json={"limits": [most]}, headers=headers)
    assert answer.status_code == 200, answer.text


def _one_of(table: str, count: int, by: str) -> str:
    """The first so many rows of this organization in turn."""
    mine = f"FROM {table} WHERE organization_id = original.organization_id"
    return f"(SELECT (array_agg(id ORDER BY {by}))[n % {count} + 1] {mine})"


def measure(url: str, *, count: int, rounds: int, requests: int) -> Figures:
    """All kinds in turn, through the whole application in this process."""
    figures, dice = Figures(count), Random(1)
    with capture_logs(), closing(App(url)) as app:  # a line for each request is not what is measured
        shop = make_shop(app.back_office)
        _limit_vouchers(app, shop)
        fill(url, app, shop, count)
        _log(app, shop, dice)
        for _ in range(rounds):
            with patch.object(concerns, "guidance_for_concern", lambda *_, **__: None):
                figures.without += [_log(app, shop, dice) for _ in range(requests)]
            figures.warm += [_log(app, shop, dice) for _ in range(requests)]
            for _ in range(requests):
                app.database.answer_cache = TtlCache()
                figures.cold.append(_log(app, shop, dice))
            figures.alone += [_ask(app, shop) for _ in range(requests)]
    return figures


def _log(app: App, shop: Shop, dice: Random) -> float:
    """Seconds that it takes to log a described concern of a customer who is known."""
    body = {**TOLD, "customer": {"phone": f"+35192{dice.randint(1, CUSTOMERS):07}"}}
    begun = time.perf_counter()
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
    seconds = time.perf_counter() - begun
    assert answer.status_code == 201, answer.text
    return seconds


def _ask(app: App, shop: Shop) -> float:
    begun = time.perf_counter()
    answer = app.request("GET", "/v1/guidance", (shop, "floor"), query_string={**COLD, "mood": 2})
    seconds = time.perf_counter() - begun
    assert answer.json["same_cause"]["n"] > 0, answer.text
    return seconds


def measured() -> Iterator[Figures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        say(f"{CONCERNS} concerns are being written down ...")
        yield measure(url, count=CONCERNS, rounds=ROUNDS, requests=REQUESTS)


if __name__ == "__main__":
    sys.exit(report(measured()))
