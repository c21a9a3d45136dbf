"""The day-end job: managers are informed once, at the start of the next day, of what the day left open."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from models.alerts.notification import NotificationKind
from models.daily_log.day_end import DayEndSchedule
from models.organizations.opening_hours import WEEKDAYS
from models.organizations.store import Store
from models.outbox.message import OUTBOX_LEASE
from models.policy_defaults import DAY_END_DELAY
from models.staff.device import Device
from notifications.worker.jobs.day_end import DAY_END_BATCH, DAY_END_INTERVAL
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, make_shop, make_store
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

DAY = date(2026, 3, 3)  # of NOON; Lisbon is at UTC then
END = datetime(2026, 3, 4, 4, tzinfo=UTC)
EIGHT = datetime(2026, 3, 4, 8, tzinfo=UTC)
OPEN_FROM_EIGHT = [{"weekday": day, "opens_at": "08:00", "closes_at": "22:00"} for day in WEEKDAYS]


@pytest.fixture
def shop(world: App) -> Shop:
    """Nobody is on shift; the manager has a phone."""
    shop = make_shop(world.back_office, on_shift=())
    give_phone(world.back_office, shop, "manager", "phone of manager")
    give_phone(world.back_office, shop, "floor", "phone of floor")
    give_phone(world.back_office, shop, "regional", "phone of regional")
    change(world, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": []})
    return shop


@pytest.fixture
def book() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def worker(world: App, shop: Shop, book: RecordingChannel) -> Iterator[Worker]:
    with running_worker(world, for_all_kinds(book)) as worker:
        work_until_idle(worker)
        yield worker


def change(world: App, shop: Shop, **columns: Any) -> None:
    with world.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        for name, value in columns.items():
            setattr(store, name, value)


def leave_open(world: App, shop: Shop, **said: Any) -> dict[str, Any]:
    """A concern that rings nobody and that nobody puts right."""
    return log_concern(world, shop, "manager", **{"mood": 3, **said})


def go_on(world: App, worker: Worker, until: datetime) -> None:
    """Let time go by, from one moment at which something is to be done to the next."""
    while world.clock() < until:
        work_until_idle(worker)
        due = [
            row.due_at for row in (*pending_messages(world), *rows(world, DayEndSchedule)) if row.due_at > world.clock()
        ]
        world.clock.at = max(min([*due, until]), min(until, world.clock() + DAY_END_INTERVAL))
    work_until_idle(worker)


def told(book: RecordingChannel) -> list[tuple[str, str, str]]:
    return [
        (message.kind, message.recipient.address, message.title)
        for message in book.messages
        if "yesterday" in message.title
    ]


def test_those_who_manage_the_store_hear_of_it_as_it_opens(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    for _ in range(2):
        leave_open(world, shop)
    go_on(world, worker, EIGHT - timedelta(seconds=1))
    assert told(book) == []
    go_on(world, worker, EIGHT)
    assert told(book) == [("inform", "phone of manager", "Still open from yesterday: 2")]
    assert book.messages[-1].body == "Open to see more"
    go_on(world, worker, EIGHT + timedelta(hours=12))
    assert len(told(book)) == 1


def test_what_stays_open_is_sent_on_one_morning_only(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    leave_open(world, shop)
    go_on(world, worker, EIGHT)
    book.messages.clear()
    go_on(world, worker, EIGHT + timedelta(days=1))
    assert told(book) == []  # the day in between left nothing more
    leave_open(world, shop)
    go_on(world, worker, EIGHT + timedelta(days=2))
    assert told(book) == [("inform", "phone of manager", "Still open from yesterday: 1")]


def test_a_day_that_left_nothing_informs_nobody(world: App, shop: Shop, worker: Worker, book: RecordingChannel) -> None:
    move(world, shop, leave_open(world, shop), "resolve")
    log_concern(world, shop, "manager", mood=5, kind="praise")
    go_on(world, worker, EIGHT)
    assert (told(book), pending_messages(world)) == ([], [])


def test_what_was_put_right_meanwhile_is_not_sent(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    first, _ = leave_open(world, shop), leave_open(world, shop)
    go_on(world, worker, EIGHT - timedelta(minutes=1))
    move(world, shop, first, "resolve")
    later = leave_open(world, shop)  # in the new day: not from yesterday
    go_on(world, worker, EIGHT)
    assert [title for *_, title in told(book)] == ["Still open from yesterday: 1"]
    book.messages.clear()
    go_on(world, worker, EIGHT + timedelta(days=1) - timedelta(minutes=1))
    move(world, shop, later, "resolve")
    go_on(world, worker, EIGHT + timedelta(days=1))
    assert told(book) == []
    assert [(row.state, row.failure) for row in notifications(world)][-1] == ("suppressed", "answered")


def test_a_store_without_opening_hours_hears_of_it_five_hours_into_its_day(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    change(world, shop, hours=None, day_starts_at=time(0))
    leave_open(world, shop)
    go_on(world, worker, datetime(2026, 3, 4, 4, 59, tzinfo=UTC))
    assert told(book) == []
    go_on(world, worker, datetime(2026, 3, 4, 5, tzinfo=UTC))
    assert len(told(book)) == 1


def test_after_a_day_on_which_the_store_was_shut_it_is_sent_once_at_the_next_opening(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    shut = [{"date": str(DAY + timedelta(days=n)), "periods": []} for n in (1, 2)]
    change(world, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": shut})
    leave_open(world, shop)
    go_on(world, worker, EIGHT + timedelta(days=2) - timedelta(seconds=1))
    assert told(book) == []
    go_on(world, worker, EIGHT + timedelta(days=2, hours=8))
    assert len(told(book)) == 1


@pytest.mark.parametrize(("zone", "eight"), [("Europe/Lisbon", 8), ("America/New_York", 13), ("Asia/Tokyo", -1)])
def test_it_is_eight_where_the_store_is(world: App, shop: Shop, book: RecordingChannel, zone: str, eight: int) -> None:
    change(world, shop, time_zone=zone)
    leave_open(world, shop)
    opens_at = datetime(2026, 3, 4, tzinfo=UTC) + timedelta(hours=eight)
    with running_worker(world, for_all_kinds(book)) as worker:
        go_on(world, worker, opens_at - timedelta(seconds=1))
        assert told(book) == []
        go_on(world, worker, opens_at)
    assert len(told(book)) == 1


@pytest.mark.parametrize(("day", "eight"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 8)])
def test_it_is_eight_after_a_night_in_which_the_clocks_change(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel, day: date, eight: int
) -> None:
    world.clock.at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    work_until_idle(worker)
    shop = make_shop(world.back_office, "later", at=world.clock(), on_shift=())  # whose sign-ins are still good
    give_phone(world.back_office, shop, "manager", "phone of manager")
    change(world, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": []})
    world.clock.move(hours=1)
    work_until_idle(worker)
    leave_open(world, shop)
    opens_at = datetime(day.year, day.month, day.day, eight, tzinfo=UTC) + timedelta(days=1)
    go_on(world, worker, opens_at - timedelta(seconds=1))
    assert told(book) == []
    go_on(world, worker, opens_at)
    assert len(told(book)) == 1


def test_it_is_sent_in_the_language_of_the_phone(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    for locale in ("pt-PT", "es"):
        id_ = give_phone(world.back_office, shop, "manager", f"phone in {locale}")
        with world.back_office.writing(shop.organization_id) as session:
            session.get_one(Device, (shop.organization_id, id_)).locale = locale
    leave_open(world, shop)
    go_on(world, worker, EIGHT)
    assert sorted(message.title for message in book.messages) == [
        "Por resolver de ontem: 1",
        "Sin resolver de ayer: 1",
        "Still open from yesterday: 1",
    ]


def test_who_does_not_want_to_hear_of_it_does_not(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    headers = {"If-Match": "*"}
    wish = {"muted": ["carried_over"]}
    assert world.request("PATCH", "/v1/me", (shop, "manager"), json=wish, headers=headers).status_code == 200
    leave_open(world, shop)
    go_on(world, worker, EIGHT)
    assert book.messages == []


def test_of_a_week_without_a_worker_only_the_last_day_is_sent(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    leave_open(world, shop)
    world.clock.at = NOON + timedelta(days=7)
    leave_open(world, shop)
    world.clock.at = EIGHT + timedelta(days=7, hours=2)
    go_on(world, worker, world.clock() + timedelta(hours=1))
    assert [title for *_, title in told(book)] == ["Still open from yesterday: 1"]
    (ending,) = (row for row in rows(world, DayEndSchedule) if row.store_id == shop.store_id)
    assert (ending.business_date, ending.due_at) == (DAY + timedelta(days=8), END + timedelta(days=8) + DAY_END_DELAY)


def test_what_waited_for_a_worker_until_the_next_day_is_not_sent(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    leave_open(world, shop)
    go_on(world, worker, EIGHT - timedelta(minutes=1))
    assert len(pending_messages(world)) == 1
    world.clock.at = NOON + timedelta(days=1)
    for _ in range(2):
        leave_open(world, shop)
    world.clock.at = EIGHT + timedelta(days=1)
    go_on(world, worker, world.clock() + timedelta(minutes=1))
    assert [title for *_, title in told(book)] == ["Still open from yesterday: 2"]  # of the day after


def test_two_workers_and_one_that_was_killed_inform_once(world: App, shop: Shop, book: RecordingChannel) -> None:
    kinds = {NotificationKind.CARRIED_OVER}
    with (
        running_worker(world, for_all_kinds(book), name="a") as one,
        running_worker(world, for_all_kinds(book), name="b") as other,
    ):
        work_until_idle(one)
        leave_open(world, shop)
        world.clock.at = END + DAY_END_DELAY
        assert one._day_end.run() == 2  # and its other store; then it is killed
        assert other._day_end.run() == 0
        world.clock.at = EIGHT
        (claimed,) = one._claims.claim(tuple(queued_tasks(world)), limit=1)
        world.clock.at += OUTBOX_LEASE + timedelta(seconds=1)  # killed again
        work_until_idle(other)
        work_until_idle(one)
    assert claimed.business_date == DAY
    assert len(told(book)) == 1
    assert {row.kind for row in notifications(world)} == kinds


def queued_tasks(world: App) -> set[Any]:
    return {row.kind for row in pending_messages(world)}


def test_a_clock_that_was_wrong_keeps_no_day_from_being_sent(
    world: App, shop: Shop, worker: Worker, book: RecordingChannel
) -> None:
    leave_open(world, shop)
    world.clock.move(days=300)
    work_until_idle(worker)
    book.messages.clear()
    world.clock.at = END - timedelta(hours=1)
    go_on(world, worker, EIGHT)
    assert len(told(book)) == 1


def test_a_check_costs_one_statement_while_nothing_is_due(world: App, shop: Shop, worker: Worker) -> None:
    add_stores(world, shop, 100)
    costs = []
    world.clock.move(hours=1)
    work_until_idle(worker)
    assert len(rows(world, DayEndSchedule)) == 102
    for _ in range(2):
        world.clock.move(seconds=5)
        with world.counting(world.back_office) as statements:
            assert worker._day_end.run() == 0
        costs.append(len(statements))
        with world.counting(world.back_office) as statements:
            worker._day_end.run()
        assert statements == []
    assert costs == [1, 1]


def test_stores_that_end_their_day_together_are_processed_in_turn(world: App, shop: Shop, worker: Worker) -> None:
    add_stores(world, shop, DAY_END_BATCH)
    world.clock.move(hours=1)
    work_until_idle(worker)
    world.clock.at = END + DAY_END_DELAY
    found = []
    for _ in range(3):
        found.append(worker._day_end.run())
        world.clock.at += DAY_END_INTERVAL
    assert found == [DAY_END_BATCH, 2, 0]


def add_stores(world: App, shop: Shop, count: int) -> None:
    with world.back_office.writing(shop.organization_id) as session:
        session.add_all(make_store(f"store-{n}", shop.region_id) for n in range(count))
