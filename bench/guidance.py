"""Measure what guidance adds to the time of logging, with a million concerns: `make bench-guidance`."""

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
from bench.table import Line, missed_targets, report
from models.db.cache import TtlCache
from tests.chaos.drivers.chaos_run import fresh_postgresql, say
from tests.support.app import App
from tests.support.factories.bulk_copies import multiply, originals
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop

CONCERNS, CUSTOMERS, STAFF = 1_000_000, 50_000, 200
ROUNDS, REQUESTS = 5, 60  # these concerns stay open; more than a thousand would hide the past outcomes of the cause
MAX_SHARE = 0.2  # of the time of logging, once past outcomes are cached
CAUSE = {"category": "food", "cause": "cold"}
CONCERN_DATA = {"mood": 2, **CAUSE, "place": "table-12", "their_words": "It is stone cold.", "wanted": "A warm one."}


@dataclass
class Figures:
    """Seconds of each request: logging without guidance, with it and a warm or cold cache, and guidance only."""

    concerns: int
    without_guidance: list[float] = field(default_factory=list)
    warm_cache: list[float] = field(default_factory=list)
    cold_cache: list[float] = field(default_factory=list)
    guidance_only: list[float] = field(default_factory=list)

    def share(self, kind: str) -> float:
        """Return the share of guidance in the time of logging."""
        return 1 - median(self.without_guidance) / median(getattr(self, kind))

    def __str__(self) -> str:
        times = ", ".join(
            f"{label} {median(getattr(self, kind)) * 1000:.1f} ms"
            for kind, label in {
                "without_guidance": "logging without guidance",
                "warm_cache": "with it",
                "cold_cache": "with it and an empty cache",
                "guidance_only": "GET /v1/guidance",
            }.items()
        )
        return (
            f"{self.concerns} concerns, {len(self.warm_cache)} requests of each kind in turn, medians: {times}; "
            f"guidance is {self.share('warm_cache'):.0%} of the time of logging, "
            f"{self.share('cold_cache'):.0%} with an empty cache"
        )

    @property
    def lines(self) -> list[Line]:
        """Return the line of the table."""
        return [
            Line(
                "guidance, relative to the time of logging, at 1,000,000 concerns",
                self.share("warm_cache"),
                maximum=MAX_SHARE,
            )
        ]

    def missed_targets(self) -> list[str]:
        return missed_targets(self.lines)


def write_concerns(url: str, app: App, shop: Shop, count: int) -> None:
    """Write resolved concerns, each with a cause, a customer, a mood before and after, and a recovery action."""
    resolved = {"handling": "mine", "outcome": "recovered", "mood_after": 4}
    recovery = {"recovery_actions": [{"remedy": "voucher"}], "customer": {"phone": "+351910000000"}}
    first = log_concern(app, shop, **CONCERN_DATA, **resolved, **recovery, question="what-happened")
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        # Skips the checks of foreign keys: the rows written here are right.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        (action,) = originals(connection, "recovery_action", concern_id=UUID(first["id"]))
        recorded_earlier = "original.{} - n * interval '30 seconds'"
        multiply(
            connection,
            "customer",
            first["customer_id"],
            CUSTOMERS,
            phone="'+35192' || lpad(n::text, 7, '0')",
            phone_key="lpad(n::text, 8, '0')",
            created_at="original.created_at - interval '2 years'",
        )
        multiply(connection, "staff", shop.staff["floor"], STAFF, login="'copy-' || n")
        multiply(
            connection,
            "concern",
            first["id"],
            count,
            customer_id=f"md5('customer' || n % {CUSTOMERS} + 1)::uuid",
            cause_id=_id_in_turn("cause", 2, "slug"),
            mood="1 + n % 3",
            mood_after="2 + n % 4",
            received_at=recorded_earlier.format("received_at"),
            business_date=f"({recorded_earlier.format('received_at')})::date",
        )
        multiply(
            connection,
            "recovery_action",
            action["id"],
            count,
            concern_id="md5('concern' || n)::uuid",
            remedy_id=_id_in_turn("remedy", 3, "slug"),
            acted_by_id=f"md5('staff' || n % {STAFF} + 1)::uuid",
            cost_amount="100 * (n % 20)",
            recorded_at=recorded_earlier.format("recorded_at"),
            business_date=f"({recorded_earlier.format('recorded_at')})::date",
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    owner.dispose()


def _limit_vouchers(app: App, shop: Shop) -> None:
    """Limit what a person may give in vouchers, because only what has a limit is added up."""
    limit = {"role": "floor", **{name: {"amount": 10_000, "currency": "EUR"} for name in ("per_customer", "per_staff")}}
    remedies = app.request("GET", "/v1/remedies", (shop, "admin")).json["items"]
    (voucher,) = (remedy["id"] for remedy in remedies if remedy["slug"] == "voucher")
    path, headers = f"/v1/remedies/{voucher}", {"If-Match": "*"}
    answer = app.request("PATCH", path, (shop, "admin"), json={"limits": [limit]}, headers=headers)
    assert answer.status_code == 200, answer.text


def _id_in_turn(table: str, count: int, by: str) -> str:
    """Return an expression for the id of one of the first rows of this organization, in turn."""
    rows = f"FROM {table} WHERE organization_id = original.organization_id"
    return f"(SELECT (array_agg(id ORDER BY {by}))[n % {count} + 1] {rows})"


def measure(url: str, *, count: int, rounds: int, requests: int) -> Figures:
    """Send each kind of request in turn, through the whole application in this process."""
    figures, random = Figures(count), Random(1)
    with capture_logs(), closing(App(url)) as app:  # printing log events is not what is measured
        shop = make_shop(app.back_office)
        _limit_vouchers(app, shop)
        write_concerns(url, app, shop, count)
        _time_logging(app, shop, random)
        for _ in range(rounds):
            with patch.object(concerns, "guidance_for_concern", lambda *_, **__: None):
                figures.without_guidance += [_time_logging(app, shop, random) for _ in range(requests)]
            figures.warm_cache += [_time_logging(app, shop, random) for _ in range(requests)]
            for _ in range(requests):
                app.database.answer_cache = TtlCache()
                figures.cold_cache.append(_time_logging(app, shop, random))
            figures.guidance_only += [_time_guidance(app, shop) for _ in range(requests)]
    return figures


def _time_logging(app: App, shop: Shop, random: Random) -> float:
    """Return the seconds that it takes to log a concern of a customer who is known."""
    body = {**CONCERN_DATA, "customer": {"phone": f"+35192{random.randint(1, CUSTOMERS):07}"}}
    begun = time.perf_counter()
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
    seconds = time.perf_counter() - begun
    assert answer.status_code == 201, answer.text
    return seconds


def _time_guidance(app: App, shop: Shop) -> float:
    """Return the seconds that guidance for the same cause takes."""
    begun = time.perf_counter()
    answer = app.request("GET", "/v1/guidance", (shop, "floor"), query_string={**CAUSE, "mood": 2})
    seconds = time.perf_counter() - begun
    assert answer.json["same_cause"]["n"] > 0, answer.text
    return seconds


def run_bench() -> Iterator[Figures]:
    """Run the benchmark with a million concerns."""
    with fresh_postgresql() as (_, url):
        say(f"writing {CONCERNS} concerns ...")
        yield measure(url, count=CONCERNS, rounds=ROUNDS, requests=REQUESTS)


if __name__ == "__main__":
    sys.exit(report(run_bench()))
