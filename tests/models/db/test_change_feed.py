"""The change feed: every committed change once, in the order of commits, and nothing that was not committed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.change_feed import Change, ChangeCounter, ChangeOp
from models.db.session import ALL_TENANTS, Database, DatabaseRole, ScopedSession
from models.organizations.place import Place
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.approvals import record_action
from models.recovery.remedy import Remedy
from models.staff.shift import Shift
from notifications.decide.announce import announce
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_postgresql
from tests.support.factories.customers import recognise
from tests.support.factories.organizations import Shop, make_shop

WRITERS, SECONDS = 8, 5.0


def actor(shop: Shop, login: str = "floor") -> Actor:
    return Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff[login])


def log(session: ScopedSession, shop: Shop, *, at: Any = NOON, mood: int = 3) -> Concern:
    store = session.get_one(Store, (shop.organization_id, shop.store_id))
    event = Concern.log(by=actor(shop), store=store, mood=mood, at=at)
    session.add(event.concern)
    announce(session, event)
    return event.concern


def feed(app: App, shop: Shop, *, after: int = 0) -> list[Change]:
    """Return what a reader gets who has read everything up to this number."""
    with app.database.reading(shop.organization_id) as session:
        return list(session.scalars(select(Change).where(Change.seq > after).order_by(Change.seq)))


def last_number(app: App, shop: Shop) -> int:
    with app.database.reading(shop.organization_id) as session:
        return session.scalars(select(ChangeCounter.last_seq)).one()


def summary(changes: list[Change]) -> list[tuple[str, UUID, int, ChangeOp]]:
    return [(change.kind, change.object_id, change.version, change.op) for change in changes]


class Fault(Exception):
    """An error before the commit."""


def _log_and_fail(session: ScopedSession, shop: Shop) -> None:
    log(session, shop)
    recognise(session, None, phone="+351912345678")
    session.flush()
    raise Fault


def test_each_object_of_a_transaction_appears_once_with_its_version(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    with app.database.writing(shop.organization_id) as session:
        concern = log(session, shop, mood=1)
        session.flush()
        announce(session, concern.edit(by=actor(shop), at=NOON, stake="birthday"))
        action, event = record_action(
            session, concern, by=actor(shop), remedy=Remedy.by_slug(session, "apology"), at=NOON
        )
        announce(session, event)
        session.flush()
        announce(session, concern.resolve(by=actor(shop), outcome=Outcome.RECOVERED, at=NOON))
        alert = concern.alert
    assert alert is not None
    changes = feed(app, shop, after=before)
    expected = [("concern", concern), ("alert", alert), ("recovery_action", action)]
    assert sorted(summary(changes)) == sorted((kind, row.id, row.version, ChangeOp.UPSERT) for kind, row in expected)
    assert [change.seq for change in changes] == [before + 1, before + 2, before + 3]
    assert {change.store_id for change in changes} == {shop.store_id}
    assert (concern.version, alert.version, action.version) == (1, 1, 1)


def test_a_later_transaction_appears_again_with_the_new_version(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    with app.database.writing(shop.organization_id) as session:
        concern_id = log(session, shop).id
    with app.database.writing(shop.organization_id) as session:
        Concern.get_visible(session, concern_id, actor=actor(shop)).take(by=actor(shop), at=NOON)
    assert summary(feed(app, shop, after=before)) == [
        ("concern", concern_id, 1, ChangeOp.UPSERT),
        ("concern", concern_id, 2, ChangeOp.UPSERT),
    ]


def test_a_rolled_back_transaction_takes_no_number(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    with pytest.raises(Fault), app.database.writing(shop.organization_id) as session:
        _log_and_fail(session, shop)
    assert last_number(app, shop) == before
    with app.database.writing(shop.organization_id) as session:
        concern = log(session, shop)
    assert summary(feed(app, shop, after=before)) == [("concern", concern.id, 1, ChangeOp.UPSERT)]
    assert last_number(app, shop) == before + 1


def test_a_refused_request_takes_no_number(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    body = {"mood": 2, "customer": {"phone": "912 345 678"}, "store_id": str(shop.organization_id)}
    assert app.request("POST", "/v1/concerns", (shop, "floor"), json=body).status_code == 422
    assert last_number(app, shop) == before
    assert feed(app, shop, after=before) == []


def test_a_rolled_back_savepoint_is_not_in_the_feed(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    with app.database.writing(shop.organization_id) as session:
        first = log(session, shop)
        with pytest.raises(Fault), session.begin_nested():
            _log_and_fail(session, shop)
        with session.begin_nested():
            released = log(session, shop)
        released.take(by=actor(shop), at=NOON)
    assert summary(feed(app, shop, after=before)) == [
        ("concern", first.id, 1, ChangeOp.UPSERT),
        ("concern", released.id, 1, ChangeOp.UPSERT),
    ]


def test_a_deleted_row_is_in_the_feed_as_deleted(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        session.add(category := Category(slug="short-lived", name="Short-lived"))
    before = last_number(app, shop)
    with app.database.writing(shop.organization_id) as session:
        session.delete(session.get_one(Category, (shop.organization_id, category.id)))
    assert summary(feed(app, shop, after=before)) == [("category", category.id, 1, ChangeOp.DELETE)]
    assert feed(app, shop, after=before)[0].store_id is None


def test_rows_that_are_no_aggregates_are_not_in_the_feed(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    with app.database.writing(shop.organization_id) as session:
        session.add(Place(store_id=shop.store_id, slug="table-99", name="Table 99"))
    with app.database.writing(shop.organization_id) as session:
        log(session, shop)
        session.rollback()
    assert last_number(app, shop) == before


def test_a_shift_is_in_the_feed_of_its_store_from_its_beginning_to_its_end(app: App, shop: Shop) -> None:
    before, colleague = last_number(app, shop), (shop, "colleague")
    app.request("PUT", "/v1/me/shift", colleague, json={"store_id": str(shop.store_id)})
    app.request("POST", "/v1/me/pause", colleague, json={"minutes": 5})
    app.request("DELETE", "/v1/me/pause", colleague)
    app.request("PUT", "/v1/me/shift", colleague, json={"store_id": str(shop.store_id), "lead": True})
    with app.database.writing(shop.organization_id) as session:
        shift = session.scalars(select(Shift).where(Shift.staff_id == shop.staff["colleague"])).one()
        app.clock.at = shift.ends_at - timedelta(minutes=1)
        Shift.note_activity(session, staff_id=shop.staff["colleague"], at=app.clock())
    app.request("DELETE", "/v1/me/shift", colleague)
    changes = [change for change in feed(app, shop, after=before) if change.kind == "shift"]
    assert [(change.object_id, change.store_id, change.version) for change in changes] == [
        (shift.id, shop.store_id, version) for version in range(1, 7)
    ]


def test_an_unchanged_customer_is_not_in_the_feed_again(app: App, shop: Shop) -> None:
    before = last_number(app, shop)
    for _ in range(2):
        with app.database.writing(shop.organization_id) as session:
            customer = recognise(session, shop.store_id, phone="+351912345678")
    assert summary(feed(app, shop, after=before)) == [("customer", customer.id, 1, ChangeOp.UPSERT)]


def test_every_organization_counts_for_itself(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    before = {owner.slug: last_number(app, owner) for owner in (shop, other)}
    # The worker sees all of them, and may change something of each in one transaction.
    with app.back_office.writing(ALL_TENANTS) as session:
        for owner in (shop, other, shop):
            session.add(Category(organization_id=owner.organization_id, slug=f"c{len(session.new)}", name="New"))
    for owner, count in ((shop, 2), (other, 1)):
        numbers = [change.seq for change in feed(app, owner, after=before[owner.slug])]
        assert numbers == list(range(before[owner.slug] + 1, before[owner.slug] + 1 + count))


def test_a_commit_without_a_counter_fails(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.delete(session.get_one(ChangeCounter, shop.organization_id))
    with pytest.raises(Exception, match=r"counter|row"), app.database.writing(shop.organization_id) as session:
        log(session, shop)
    assert feed(app, shop, after=1000) == []


@only_on_postgresql
def test_a_cursor_over_times_misses_what_the_feed_contains(app: App, shop: Shop) -> None:
    """Why there is a feed: an earlier time may be committed later, when a reader of times has passed it."""

    def newer_than(at: Any) -> list[Concern]:
        with app.database.reading(shop.organization_id) as session:
            return list(session.scalars(select(Concern).where(Concern.received_at > at).order_by(Concern.received_at)))

    by_time, by_number = app.clock(), last_number(app, shop)
    with app.database.writing(shop.organization_id) as slow:
        overtaken = log(slow, shop, at=app.clock.move(seconds=1))
        slow.flush()
        with app.database.writing(shop.organization_id) as fast:
            overtaking = log(fast, shop, at=app.clock.move(seconds=1))
        (seen,) = newer_than(by_time)
        (change,) = feed(app, shop, after=by_number)
        assert seen.id == change.object_id == overtaking.id
        by_time, by_number = seen.received_at, change.seq
    assert newer_than(by_time) == []
    assert [change.object_id for change in feed(app, shop, after=by_number)] == [overtaken.id]


@only_on_postgresql
def test_a_reader_misses_nothing_of_what_eight_writers_commit(app: App, shop: Shop) -> None:
    stopping, start = threading.Event(), threading.Barrier(WRITERS + 1)

    def write() -> list[UUID]:
        written = []
        with closing(Database(app.url, DatabaseRole.APP, clock=app.clock)) as database:
            start.wait()
            while not stopping.is_set():
                with database.writing(shop.organization_id) as session:
                    concern = log(session, shop)
                written.append(concern.id)
        return written

    def follow(cursor: int) -> Iterator[Change]:
        """Pages of the feed, until the one after the last writer stopped."""
        last = False
        while not last:
            last = all(writer.done() for writer in writers)
            for change in feed(app, shop, after=cursor):
                assert change.seq == cursor + 1, "a gap, or out of order"
                cursor = change.seq
                yield change

    before = last_number(app, shop)
    with ThreadPoolExecutor(WRITERS + 1) as executor:
        writers = [executor.submit(write) for _ in range(WRITERS)]
        reader = executor.submit(lambda: [change.object_id for change in follow(before)])
        start.wait()
        stopping.wait(SECONDS)
        stopping.set()
        written = [concern_id for writer in writers for concern_id in writer.result()]
        read = reader.result()
    assert len(read) == len(set(read)) == len(written)
    assert set(read) == set(written)
    assert len(written) > WRITERS
    assert last_number(app, shop) == before + len(written)
