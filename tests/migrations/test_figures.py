"""Revision 1006: what it makes of the rows that are there. Every day is counted anew, and nothing else is lost."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.support.bare_rows import insert_row
from tests.support.databases import Databases, migrate

ACME, OTHER, PLACE, STORE, STAFF = (UUID(int=number) for number in range(1, 6))
DAYS = [date(2026, 3, 31), date(2026, 4, 1)]
LATE_ONLY, RANG_LATER, IN_TIME, UNANSWERED, FOUND_NOBODY, CALLS = (UUID(int=number) for number in range(11, 17))
CORRECTED, AS_LOGGED, UNTOLD = (UUID(int=number) for number in range(21, 24))
AT = datetime(2026, 4, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def upgraded(databases: Databases, database_kind: str) -> Iterator[sa.Connection]:
    """A database that was upgraded with rows of the revision before."""
    with databases.empty(database_kind) as url:
        migrate(url, "1005")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for organization_id in (ACME, OTHER):
                of_it = {"organization_id": organization_id, "version": 1}
                insert_row(connection, "organization", id=organization_id)
                insert_row(connection, "region", id=PLACE, **of_it)
                insert_row(connection, "store", id=STORE, region_id=PLACE, country="PT", currency="EUR", **of_it)
                insert_row(connection, "staff", id=STAFF, role="floor", **of_it)
            _insert_rollups(connection)
            _insert_alerts(connection)
            _insert_moods(connection)
            _insert_items(connection)
        migrate(url, "1006")
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def _insert_rollups(connection: sa.Connection) -> None:
    of_store = {"organization_id": ACME, "store_id": STORE, "seconds_to_take": b"", "seconds_to_resolve": b""}
    for day in DAYS:
        for currency in ("EUR", "USD"):  # two rows of one day are one day
            insert_row(connection, "rollup_day", id=uuid4(), business_date=day, currency=currency, **of_store)


def _insert_concern(connection: sa.Connection, organization_id: UUID = ACME, **values: Any) -> UUID:
    values = {"id": uuid4(), "organization_id": organization_id, "store_id": STORE, "kind": "complaint"} | values
    insert_row(connection, "concern", **{"mood": 2, "late": False, "sensitive": False, "version": 1} | values)
    concern_id: UUID = values["id"]
    return concern_id


def _insert_event(connection: sa.Connection, concern_id: UUID, organization_id: UUID = ACME, **values: Any) -> None:
    of_concern = {"organization_id": organization_id, "store_id": STORE, "concern_id": concern_id}
    insert_row(connection, "concern_event", id=uuid4(), **of_concern, **values)


def _insert_alerts(connection: sa.Connection) -> None:
    row = {"organization_id": ACME, "version": 1}
    alerts: dict[UUID, dict[str, Any]] = {
        LATE_ONLY: {},
        RANG_LATER: {},
        IN_TIME: {},
        UNANSWERED: {"unanswered_at": AT},
        FOUND_NOBODY: {"recipients_found_at": AT},
        CALLS: {"state": "open"},
    }
    for id_, values in alerts.items():
        _insert_concern(connection, id=id_, late=id_ != IN_TIME)
        alert = {"store_id": STORE, "concern_id": id_, "run_id": id_, "state": "taken", **row} | values
        insert_row(connection, "alert", id=id_, **alert)
    of_alert = {"alert_id": RANG_LATER, "staff_id": STAFF, "organization_id": ACME}
    insert_row(connection, "notification", id=uuid4(), **of_alert)


def _insert_moods(connection: sa.Connection) -> None:
    """Concerns that were logged with a mood of 2: one is 4 now, one was corrected and back, one says no mood."""
    for id_, mood, logged in ((CORRECTED, 4, 2), (AS_LOGGED, 2, 2), (UNTOLD, 4, None)):
        _insert_concern(connection, id=id_, mood=mood)
        _insert_event(connection, id_, step="logged", details={} if logged is None else {"mood": logged})
        _insert_event(connection, id_, step="edited", details={"mood": {"before": logged or 3, "after": 1}})
        _insert_event(connection, id_, step="taken", details={"mood": 5})
    _insert_concern(connection, OTHER, id=CORRECTED, mood=4)  # of the same id, and as it was logged
    _insert_event(connection, CORRECTED, OTHER, step="logged", details={"mood": 4})


def _insert_items(connection: sa.Connection) -> None:
    """Items named by a concern: each name says what became of it before the upgrade."""

    def item(name: str, version: int, *, hidden: bool = False, made_at: datetime = AT, **concern: Any) -> UUID:
        item_id = uuid4()
        values = {"slug": str(item_id), "name": name, "name_key": name, "created_at": made_at, "version": version}
        insert_row(connection, "catalogue_item", id=item_id, organization_id=ACME, hidden=hidden, **values)
        concern_id = _insert_concern(connection, received_at=AT, **concern)
        link = {"concern_id": concern_id, "item_id": item_id, "position": 0}
        insert_row(connection, "concern_item", id=uuid4(), organization_id=ACME, **link)
        return concern_id

    item("as typed", 1)
    item("as typed, of something sensitive", 1, hidden=True, sensitive=True)
    item("renamed", 2)
    item("renamed, hidden all the same", 2, hidden=True, sensitive=True)
    item("renamed twice, or once and shown", 3)
    item("shown, by a concern of later", 2, made_at=AT - timedelta(microseconds=1))
    item("shown, though a concern is sensitive", 2, sensitive=True)
    no_more = item("shown, as its concern is sensitive no more", 2)
    _insert_event(
        connection, no_more, step="edited", details={"sensitive": {"before": True, "after": False}, "mood": {}}
    )


def test_every_day_that_has_a_rollup_is_dirty_afterwards(upgraded: sa.Connection) -> None:
    dirty = sa.table("dirty_day", sa.column("business_date", sa.Date()), sa.column("month", sa.Date()))
    rows = upgraded.execute(sa.select(dirty).order_by("business_date")).all()
    assert [tuple(row) for row in rows] == [(day, day.replace(day=1)) for day in DAYS]


def test_an_alert_that_came_late_and_called_afterwards_has_rung_whether_it_found_a_phone_or_none(
    upgraded: sa.Connection,
) -> None:
    alert = sa.table("alert", sa.column("id", sa.Uuid()), sa.column("rang", sa.Boolean()))
    rang = {row.id: row.rang for row in upgraded.execute(sa.select(alert))}
    assert [id_ for id_, has_rung in rang.items() if not has_rung] == [LATE_ONLY]


def test_a_corrected_concern_keeps_the_mood_of_its_timeline(upgraded: sa.Connection) -> None:
    concern = sa.table(
        "concern", *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id")), sa.column("mood_as_logged")
    )
    moods = {(row.organization_id, row.id): row.mood_as_logged for row in upgraded.execute(sa.select(concern))}
    assert {key: mood for key, mood in moods.items() if mood is not None} == {(ACME, CORRECTED): 2}
    assert {(ACME, AS_LOGGED), (ACME, UNTOLD), (OTHER, CORRECTED)} <= moods.keys()


def test_a_name_is_confirmed_where_it_is_certain_that_an_administrator_gave_it(upgraded: sa.Connection) -> None:
    item = sa.table("catalogue_item", sa.column("name"), sa.column("confirmed", sa.Boolean()))
    confirmed = {row.name for row in upgraded.execute(sa.select(item)) if row.confirmed}
    assert confirmed == {"renamed", "renamed, hidden all the same", "renamed twice, or once and shown"}
