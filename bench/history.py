"""Invented concerns of an organization over a year, written by the database itself."""

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from tests.support.app import App
from tests.support.factories.bulk_copies import multiply
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

REGIONS, CATEGORIES = 10, 8
LAST_DAY = date(2026, 2, 28)  # a year that ends here has whole months only
CONCERN, ACTION = 1, 2  # first group of the ids of a table


@dataclass(frozen=True)
class History:
    """Size of a history: its concerns, stores and days, up to LAST_DAY."""

    concerns: int
    stores: int
    days: int

    def __str__(self) -> str:
        return f"{self.concerns} concerns of {self.stores} stores in {self.days} days"

    @property
    def first_day(self) -> date:
        return LAST_DAY - timedelta(days=self.days - 1)


def write_history(url: str, app: App, shop: Shop, history: History) -> None:
    """Write the concerns of all stores, spread evenly over the days; a third of them have a recovery action.

    All are resolved. A concern is taken after 30 seconds to half an hour and resolved after 2 to 40 minutes; long times
    are rare.
    """
    concern = {
        "mood": 2,
        "category": "food",
        "cause": "cold",
        "handling": "mine",
        "outcome": "recovered",
        "mood_after": 4,
    }
    first = log_concern(app, shop, **concern, recovery_actions=[{"remedy": "voucher"}])
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        # Skips the checks of foreign keys: the rows written here are right.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
        (action,) = connection.scalars(sa.text("SELECT id FROM recovery_action"))
        multiply(connection, "region", str(shop.region_id), REGIONS, slug="'region-' || n")
        stores = {"slug": "'copy-' || n", "region_id": f"md5('region' || n % {REGIONS} + 1)::uuid"}
        multiply(connection, "store", str(shop.store_id), history.stores, **stores)
        (cause,) = connection.execute(sa.text("SELECT category_id, id FROM cause WHERE slug = 'cold'")).all()
        multiply(connection, "category", cause.category_id, CATEGORIES, slug="'copy-' || n")
        category_id = f"md5('category' || n % {CATEGORIES} + 1)::uuid"
        multiply(connection, "cause", cause.id, 3 * CATEGORIES, slug="'copy-' || n", category_id=category_id)
        _write_concerns(connection, first["id"], str(action), history)
        connection.execute(
            sa.text(
                "INSERT INTO dirty_day (organization_id, id, store_id, business_date, month)"
                " SELECT DISTINCT organization_id, md5(store_id::text || business_date)::uuid, store_id, business_date,"
                " date_trunc('month', business_date)::date FROM concern ON CONFLICT DO NOTHING"
            )
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    owner.dispose()


def fill_change_feed(url: str) -> None:
    """Write a change for every concern, as logging it would have done."""
    owner = sa.create_engine(url)
    with owner.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO change (organization_id, seq, store_id, kind, object_id, version, op, at)"
                " SELECT organization_id, (SELECT max(seq) FROM change) + row_number() OVER (ORDER BY id), store_id,"
                " 'concern', id, version, 'upsert', received_at FROM concern"
            )
        )
        connection.execute(sa.text("UPDATE change_counter SET last_seq = (SELECT max(seq) FROM change)"))
    owner.dispose()


def _write_concerns(connection: sa.Connection, concern: str, action: str, history: History) -> None:
    stores = connection.scalars(sa.text("SELECT array_agg(id::text) FROM store WHERE slug LIKE 'copy-%'")).one()
    causes = connection.execute(sa.text("SELECT array_agg(id::text), array_agg(category_id::text) FROM cause")).one()
    # Days rise with n, and the stores take turns.
    day_number = f"({{n}}::bigint * {history.days} / {history.concerns + 1})::int"
    opens_at = f"timestamptz '{history.first_day} 08:00Z'"
    moment = f"{opens_at} + {day_number} * interval '1 day' + ({{n}} % 43200) * interval '1 second'"

    business_date = f"date '{history.first_day}' + {day_number}"
    store = f"({_array(stores)})[{{n}} % {len(stores)} + 1]"
    random_number = "(abs(hashint4(n)) % 1000)"
    random_cause = f"[{random_number} % {len(causes[0])} + 1]"
    multiply(
        connection,
        "concern",
        concern,
        history.concerns,
        id=_id(CONCERN, "n"),
        store_id=store.format(n="n"),
        category_id=f"({_array(causes[1])}){random_cause}",
        cause_id=f"({_array(causes[0])}){random_cause}",
        mood=f"1 + {random_number} % 4",
        mood_after=f"2 + {random_number} % 4",
        outcome=f"CASE WHEN {random_number} < 800 THEN 'recovered' ELSE 'lost' END",
        received_at=moment.format(n="n"),
        occurred_at=moment.format(n="n"),
        business_date=business_date.format(n="n"),
        seconds_to_take=f"(30 * exp({random_number} / 1000.0 * 4))::int",
        seconds_to_resolve=f"(120 * exp({random_number} / 1000.0 * 3))::int",
    )
    multiply(
        connection,
        "recovery_action",
        action,
        history.concerns // 3,
        id=_id(ACTION, "n"),
        concern_id=_id(CONCERN, "3 * n"),
        store_id=store.format(n="(3 * n)"),
        cost_amount=f"100 * ({random_number} % 20)",
        recorded_at=moment.format(n="(3 * n)"),
        business_date=business_date.format(n="(3 * n)"),
    )


def _id(kind: int, n: str) -> str:
    """Return an expression for an id that grows with `n`, so that indexes grow at their end."""
    return f"('{kind:08d}-0000-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid"


def _array(ids: list[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{id_}'" for id_ in ids) + "]::uuid[]"
