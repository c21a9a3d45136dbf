"""Query plans on PostgreSQL with twenty thousand concerns: the frequent statements always use an index."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from models.db.change_feed import Change
from models.db.session import ALL_TENANTS, ScopedSession, Tenant
from models.outbox.message import OutboxKind, OutboxMessage
from models.reports.rollups.rebuild import mark_all_dirty
from notifications.decide.escalation import count_overdue, escalate_due
from tests.support.app import App
from tests.support.databases import Databases, only_on_postgresql
from tests.support.factories.bulk_copies import copy, multiply, originals
from tests.support.factories.full_organization import PHONE, FullOrganization, make_full_organization
from tests.support.query_plans import read_through, sent

CONCERNS, CUSTOMERS, STORES = 20_000, 5_000, 20
pytestmark = [only_on_postgresql, pytest.mark.deep]  # twenty thousand concerns are written first
LARGE = {
    "concern",
    "alert",
    "customer",
    "customer_store",
    "customer_name_word",
    "outbox_message",
    "change",
    "concern_event",
    "recovery_action",
}
LARGE |= {"catalogue_item", "concern_item", "customer_external_id", "notification", "idempotency_key"}


@dataclass
class Large:
    """An application with an organization of twenty stores, and a small one beside it."""

    app: App
    org: FullOrganization

    @property
    def tenant(self) -> Tenant:
        return self.org.shop.organization_id


@pytest.fixture(scope="module")
def large(databases: Databases, database_kind: str) -> Iterator[Large]:
    with databases.alone(database_kind) as url:
        app = App(url)
        large = Large(app, make_full_organization(app, "acme"))
        make_full_organization(app, "other")
        owner = sa.create_engine(url)
        with owner.begin() as connection:
            _fill(connection, large.org)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
        owner.dispose()
        yield large
        app.close()


def _fill(owner: sa.Connection, org: FullOrganization) -> None:
    """Forty days of concerns, one every three minutes somewhere, most of them long over."""
    ids, slug = org.ids, {"slug": lambda number: f"copy-{number}"}
    (store,) = originals(owner, "store", id=org.shop.store_id)
    copy(owner, "store", store, STORES - 2, **slug)
    stores = "(SELECT array_agg(id ORDER BY slug) FROM store WHERE organization_id = original.organization_id)"
    hours_ago = "original.%s - n * interval '3 minutes'"
    multiply(
        owner,
        "customer",
        ids["customer_id"],
        CUSTOMERS,
        name="'Customer ' || n",
        name_key="'customer ' || n",
        phone_key="reverse('3519' || lpad(n::text, 8, '0'))",
        phone="'+3519' || lpad(n::text, 8, '0')",
        created_at=hours_ago % "created_at",
        first_store_id=f"({stores})[n % {STORES} + 1]",
    )
    multiply(
        owner,
        "customer_store",
        originals(owner, "customer_store", organization_id=org.shop.organization_id)[0]["id"],
        CUSTOMERS,
        customer_id="md5('customer' || n)::uuid",
        store_id=f"({stores})[(n + 1) % {STORES} + 1]",
    )
    multiply(
        owner,
        "customer_name_word",
        originals(owner, "customer_name_word", organization_id=org.shop.organization_id)[0]["id"],
        CUSTOMERS,
        customer_id="md5('customer' || n)::uuid",
        word="'customer' || n",
    )
    multiply(
        owner,
        "customer_external_id",
        originals(owner, "customer_external_id", organization_id=org.shop.organization_id)[0]["id"],
        CUSTOMERS,
        customer_id="md5('customer' || n)::uuid",
        reference="'reference ' || n",
    )
    multiply(
        owner,
        "catalogue_item",
        ids["item_id"],
        CUSTOMERS,
        slug="'item-' || n",
        name="'Item ' || n",
        name_key="'item ' || n",
    )
    multiply(
        owner,
        "concern",
        ids["concern_id"],
        CONCERNS,
        store_id=f"({stores})[n % {STORES} + 1]",
        customer_id=f"CASE WHEN n % 2 = 0 THEN md5('customer' || n % {CUSTOMERS} + 1)::uuid END",
        received_at=hours_ago % "received_at",
        business_date="(original.received_at - n * interval '3 minutes')::date",
        status="CASE WHEN n < 50 THEN 'open' ELSE 'resolved' END",
    )
    multiply(
        owner,
        "alert",
        ids["alert_id"],
        CONCERNS,
        concern_id="md5('concern' || n)::uuid",
        store_id=f"({stores})[n % {STORES} + 1]",
        raised_at=hours_ago % "raised_at",
        state="CASE WHEN n < 50 THEN 'open' ELSE 'resolved' END",
        next_step_at=f"CASE WHEN n < 50 THEN {hours_ago % 'raised_at'} END",
    )
    for part in ("concern_item", "concern_event", "recovery_action"):
        original = originals(owner, part, concern_id=ids["concern_id"])[0]["id"]
        days = {"business_date": "(original.recorded_at - n * interval '3 minutes')::date"}
        fresh = days if part == "recovery_action" else {}
        multiply(owner, part, original, CONCERNS, concern_id="md5('concern' || n)::uuid", **fresh)
    multiply(owner, "notification", ids["notification_id"], CONCERNS, alert_id="md5('alert' || n)::uuid")
    outgoing = owner.scalar(sa.text("SELECT id FROM outbox_message WHERE alert_id = :id"), {"id": ids["alert_id"]})
    multiply(
        owner,
        "outbox_message",
        outgoing,
        CONCERNS,
        alert_id="md5('alert' || n)::uuid",
        notification_id="NULL",
        due_at=hours_ago % "due_at",
        done_at=f"CASE WHEN n < 50 THEN NULL ELSE {hours_ago % 'due_at'} END",
    )
    owner.execute(
        sa.text(
            "WITH counted AS (UPDATE change_counter SET last_seq = last_seq + :count WHERE organization_id = :tenant"
            " RETURNING organization_id, last_seq - :count AS last_seq)"
            " INSERT INTO change SELECT organization_id, last_seq + n, :store, 'concern', md5('concern' || n)::uuid, 1,"
            " 'upsert', now() FROM counted, generate_series(1, :count) n"
        ),
        {"store": org.shop.store_id, "count": CONCERNS, "tenant": org.shop.organization_id},
    )


REPORT = "/v1/reports/recovery?from=2026-02-01&to=2026-03-31&group_by=region,month"
REQUESTS = {
    "the home screen of the floor": ("floor", "GET", "/v1/me/home"),
    "the home screen of a region": ("regional", "GET", "/v1/me/home"),
    "a store's concerns, newest first": ("floor", "GET", "/v1/concerns?store_id={store_id}"),
    "the concerns of one's stores": ("floor", "GET", "/v1/concerns"),
    "the concerns of a region": ("regional", "GET", "/v1/concerns"),
    "the concerns of all stores": ("hq", "GET", "/v1/concerns"),
    "a store's open concerns": ("manager", "GET", "/v1/concerns?store_id={store_id}&status=open"),
    "a store's concerns of one day": (
        "manager",
        "GET",
        "/v1/concerns?store_id={store_id}&business_date={business_date}",
    ),
    "what is open of days before": ("manager", "GET", "/v1/concerns?store_id={store_id}&open_before={business_date}"),
    "what is not over anywhere": ("hq", "GET", "/v1/concerns?status=open,taken"),
    "what is not over, the severe first": ("hq", "GET", "/v1/concerns?status=open,taken&sort=severity"),
    "the severe ones of a store": ("manager", "GET", "/v1/concerns?store_id={store_id}&severity=severe&mood=1,2"),
    "the concerns of some categories": ("hq", "GET", "/v1/concerns?category=food,allergy"),
    "what somebody logged": ("admin", "GET", "/v1/concerns?reported_by={staff_id}"),
    "what happened at a place": ("hq", "GET", "/v1/concerns?place=table-12,table-1"),
    "an order's concerns": ("admin", "GET", "/v1/concerns?order=T12-0815"),
    "the concerns of some days": ("hq", "GET", "/v1/concerns?from=2026-02-10&to=2026-02-12"),
    "a store's concerns of some days": ("manager", "GET", "/v1/concerns?store_id={store_id}&from=2026-02-10"),
    "the oldest concerns": ("hq", "GET", "/v1/concerns?sort=received_at"),
    "words in the concerns of a store": ("manager", "GET", "/v1/concerns?store_id={store_id}&q=cold+soup"),
    "a customer's concerns": ("manager", "GET", "/v1/concerns?customer_id={customer_id}"),
    "a concern": ("floor", "GET", "/v1/concerns/{concern_id}"),
    "its steps": ("floor", "GET", "/v1/concerns/{concern_id}/events"),
    "its actions": ("floor", "GET", "/v1/concerns/{concern_id}/recovery-actions"),
    "a customer's history": ("manager", "GET", "/v1/customers/{customer_id}/history"),
    "a store's log of a day": ("manager", "GET", "/v1/stores/{store_id}/recovery-logs/{business_date}"),
    "the customers of all stores": ("admin", "GET", "/v1/customers"),
    "a customer by the beginning of a name": ("manager", "GET", "/v1/customers?name=Customer+49"),
    "a customer of all stores by the beginning of a name": ("admin", "GET", "/v1/customers?name=C%C3%BAstomer+49"),
    "the catalogue": ("floor", "GET", "/v1/items"),
    "an item by the beginning of its name": ("floor", "GET", "/v1/items?name=%C3%8Ftem+49"),
    "who may be the same customer": ("manager", "GET", "/v1/customers/{customer_id}/duplicates"),
    "the alerts": ("manager", "GET", "/v1/alerts"),
    "the alerts of all stores": ("hq", "GET", "/v1/alerts"),
    "what calls or called for nobody": ("manager", "GET", "/v1/alerts?state=open,unanswered"),
    "the open alerts of a store": ("manager", "GET", "/v1/alerts?store_id={store_id}&state=open"),
    "an alert's notifications": ("manager", "GET", "/v1/alerts/{alert_id}/notifications"),
    "what one was notified of": ("floor", "GET", "/v1/me/notifications"),
    "the actions": ("manager", "GET", "/v1/recovery-actions"),
    "the actions of all stores": ("hq", "GET", "/v1/recovery-actions"),
    "the actions that are done or wait": ("hq", "GET", "/v1/recovery-actions?status=pending,done"),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_what_is_asked_for_most_is_found_by_an_index(large: Large, what: str) -> None:
    login, method, path = REQUESTS[what]
    _by_an_index(large, method, path.format(**large.org.ids), login)


def test_what_changed_since_is_found_by_an_index(large: Large) -> None:
    path = "/v1/concerns?limit=1"
    cursor = large.app.request("GET", path, (large.org.shop, "manager")).json["feed_cursor"]
    for login in ("manager", "hq"):
        _by_an_index(large, "GET", f"/v1/concerns?changed_since={cursor}", login)
    assert "ix_concern_newest" not in _plan_of_list(large, f"changed_since={cursor}"), "all concerns are read"


def test_a_customer_is_recognised_by_an_index(large: Large) -> None:
    _by_an_index(large, "POST", "/v1/customers/search", "floor", {"phone": PHONE})
    _by_an_index(large, "POST", "/v1/customers/search", "floor", {"reference": {"source": "till", "reference": "1"}})
    for wanted in ({"name": "customer49"}, {"name": "customer4 customer49"}, {"phone_end": "000049"}):
        _by_an_index(large, "POST", "/v1/customers/search", "floor", wanted)
    contacts = {"phone": PHONE, "email": "Somebody@Example.org", "loyalty_number": "4711"}
    _by_an_index(large, "POST", "/v1/concerns", "floor", {"mood": 2, "customer": contacts})


def test_what_a_concern_is_about_is_found_by_an_index(large: Large) -> None:
    body = {"mood": 4, "items": [{"name": "Item 4"}, {"slug": "item-5"}]}
    _by_an_index(large, "POST", "/v1/concerns", "floor", body)


def test_a_name_is_found_by_the_index_of_names(large: Large) -> None:
    def ask() -> None:
        path = "/v1/customers?name=Customer+49"
        assert len(large.app.request("GET", path, (large.org.shop, "admin")).json["items"]) > 10

    *_, (statement, parameters), _references = sent(large.app.database, ask)
    with large.app.database.reading(large.tenant) as session:
        plan = session.connection().exec_driver_sql("EXPLAIN " + statement, parameters).scalars().all()
    assert any("ix_customer_name_key" in line for line in plan), plan


def test_few_of_many_are_found_by_the_index_of_their_filter(large: Large) -> None:
    colleague = large.org.shop.staff["colleague"]
    for query, name in (
        (f"reported_by={colleague}", "ix_concern_reporter"),
        ("place=table-1", "ix_concern_place"),
        ("order=T12-0815", "ix_concern_order_newest"),
        ("status=open,taken", "ix_concern_open"),
    ):
        assert name in _plan_of_list(large, query), query


def _plan_of_list(large: Large, query: str) -> str:
    def ask() -> None:
        assert large.app.request("GET", f"/v1/concerns?{query}", (large.org.shop, "admin")).status_code == 200

    (listing,) = (question for question in sent(large.app.database, ask) if "FROM concern " in question[0])
    with large.app.database.reading(large.tenant) as session:
        return "\n".join(session.connection().exec_driver_sql("EXPLAIN " + listing[0], listing[1]).scalars())


def test_of_a_report_no_plan_is_kept_for_any_days_whatever(large: Large) -> None:
    with closing(App(large.app.url)) as app:
        for _ in range(15):  # by then PostgreSQL would have one
            assert app.request("GET", REPORT, (large.org.shop, "hq")).status_code == 200
        with app.database.engine.connect() as connection:
            plans = "SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE :of"
            for_these, for_any = connection.execute(sa.text(plans), {"of": "%kept_%"}).one()
    assert for_these > 0
    assert for_any == 0


def _by_an_index(large: Large, method: str, path: str, login: str, body: Any = None) -> None:
    statuses = []

    def ask() -> None:
        answer = large.app.request(method, path, (large.org.shop, login), json=body)
        statuses.append(answer.status_code)

    questions = sent(large.app.database, ask)
    assert statuses in ([200], [201])
    assert len(questions) >= 2  # who asks, and what
    assert read_through(large.app.database, large.tenant, questions, large=LARGE) == []


WORK: dict[str, tuple[bool, Callable[[App, ScopedSession], object]]] = {  # for every tenant at once?
    "what is due to be sent": (
        True, lambda app, session: OutboxMessage.claim(session, tuple(OutboxKind), at=app.clock(), limit=16)
    ),
    "what is due to be sent to phones": (
        True, lambda app, session: OutboxMessage.claim(
            session,
            tuple(OutboxKind),
            at=app.clock(),
            limit=16,
            only=~OutboxMessage.is_addressed_to(["email"]),
        )
    ),
    "the alerts whose next step is due": (
        True, lambda app, session: escalate_due(session, at=app.clock(), limit=5)
    ),
    "the alerts whose next step is overdue": (
        True, lambda app, session: count_overdue(session, at=app.clock(), by=timedelta(seconds=30))
    ),
    "the days of a store, to be marked": (True, lambda app, _: next(mark_all_dirty(app.back_office))),
    "what others changed since": (
        False, lambda _, session: session.scalars(
            select(Change).where(Change.seq > CONCERNS).order_by(Change.seq).limit(100)
        ).all()
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WORK)
def test_what_there_is_to_do_is_found_by_an_index(large: Large, what: str) -> None:
    everywhere, do = WORK[what]
    database = large.app.back_office if everywhere else large.app.database
    tenant = ALL_TENANTS if everywhere else large.tenant

    def ask() -> None:
        with database.writing(tenant) as session:
            assert do(large.app, session)

    questions = sent(database, ask)
    assert questions
    assert read_through(database, tenant, questions, large=LARGE) == []
