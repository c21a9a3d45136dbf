"""Show how customers are found among a million: `make bench-customers`, with CUSTOMERS=100000 for fewer."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest.mock import patch
from uuid import UUID

import sqlalchemy as sa
from structlog.testing import capture_logs

from api.resources import customers
from tests.chaos.drivers.chaos_run import fresh_postgresql, machine, say
from tests.support.app import App
from tests.support.factories.bulk_copies import copy, multiply, originals
from tests.support.factories.customers import make_customer
from tests.support.factories.organizations import Shop, make_shop
from tests.support.query_plans import sent

STORES, ROUNDS = 100, 5
FIRST_NAMES, LAST_NAMES = 200, 5_000  # of so many names, each a word of its own
SEARCHES: dict[str, dict[str, str]] = {
    "a frequent first name": {"name": "first17"},
    "the beginning of all first names": {"name": "fir"},
    "a last name, and the beginning of a first one": {"name": "last4711 fir"},
    "a name that nobody has": {"name": "nobody"},
    "six digits of a phone number": {"phone_end": "345678"},
    "all digits of a phone number": {"phone_end": "910345678"},
}


def write_customers(url: str, app: App, shop: Shop, count: int) -> None:
    """Write customers with a name and a number, each met in one of a hundred stores."""
    made = UUID(make_customer(app, shop, "First Last", phone="+351912345678"))
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        (store,) = originals(connection, "store", id=shop.store_id)
        copy(connection, "store", store, STORES - 2, slug=lambda number: f"copy-{number}")
        # Skips the checks of foreign keys: the rows written here are right.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        stores = "(SELECT array_agg(id ORDER BY slug) FROM store WHERE organization_id = original.organization_id)"
        first, last = f"'first' || n % {FIRST_NAMES}", f"'last' || n * 7 % {LAST_NAMES}"
        multiply(
            connection,
            "customer",
            made,
            count,
            name=f"{first} || ' ' || {last}",
            name_key=f"{first} || ' ' || {last}",
            phone="'+35191' || lpad((n % 10000000)::text, 7, '0')",
            phone_key="reverse('35191' || lpad((n % 10000000)::text, 7, '0'))",
            first_store_id=f"({stores})[n % 977 % {STORES} + 1]",
        )
        for original in originals(connection, "customer_name_word", customer_id=made):
            word = first if original["word"] == "first" else last
            multiply(
                connection,
                "customer_name_word",
                original["id"],
                count,
                id=f"md5('{original['word']}' || n)::uuid",
                customer_id="md5('customer' || n)::uuid",
                word=word,
            )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    owner.dispose()


def explain(app: App, shop: Shop, wanted: dict[str, str]) -> Iterator[str]:
    """Search as floor staff of one store; yield the time that it takes, and the plan of the search itself."""

    def search() -> Any:
        answer = app.request("POST", "/v1/customers/search", (shop, "floor"), json=wanted)
        assert answer.status_code == 200, answer.text
        return answer.json["items"]

    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        items = search()
        times.append((time.perf_counter() - begun) * 1000)
    yield f"{len(items)} found in {min(times):.1f} to {max(times):.1f} ms, request and answer"
    (question,) = (
        question for question in sent(app.database, search) if "FROM customer" in question[0] and "LIMIT" in question[0]
    )
    with app.database.reading(shop.organization_id) as session:
        plan = session.connection().exec_driver_sql(
            "EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) " + question[0], question[1]
        )
        yield from (f"    {line}" for line in plan.scalars())


def main(count: int) -> None:
    say(machine())
    unlimited = patch.object(customers, "count_hit", lambda *_: None)  # not twenty searches a minute
    with fresh_postgresql() as (_, url), capture_logs(), unlimited, closing(App(url)) as app:
        shop = make_shop(app.back_office)
        say(f"writing {count} customers of {STORES} stores ...")
        write_customers(url, app, shop, count)
        for what, wanted in SEARCHES.items():
            say(f"\n{what}: {wanted}")
            for line in explain(app, shop, wanted):
                say(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    sys.exit(main(parser.parse_args().customers))
