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
def shop(app: App) -> Shop:
    """Nobody is on shift; the manager has a phone."""
    shop = make_shop(app.back_office, on_shift=())
    give_phone(app.back_office, shop, "manager", "phone of manager")
    give_phone(app.back_office, shop, "floor", "phone of floor")
    give_phone(app.back_office, shop, "regional", "phone of regional")
    change(app, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": []})
    return shop


@pytest.fixture
def channel() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def worker(app: App, shop: Shop, channel: RecordingChannel) -> Iterator[Worker]:
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        yield worker


def change(app: App, shop: Shop, **columns: Any) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        for name, value in columns.items():
            setattr(store, name, value)


def leave_open(app: App, shop: Shop, **said: Any) -> dict[str, Any]:
    """A concern that rings nobody and that nobody puts right."""
    return log_concern(app, shop, "manager", **{"mood": 3, **said})


def go_on(app: App, worker: Worker, until: datetime) -> None:
    """Let time go by, from one moment at which something is to be done to the next."""
    while app.clock() < until:
        work_until_idle(worker)
        due = [row.due_at for row in (*pending_messages(app), *rows(app, DayEndSchedule)) if row.due_at > app.clock()]
        app.clock.at = max(min([*due, until]), min(until, app.clock() + DAY_END_INTERVAL))
    work_until_idle(worker)


def told(channel: RecordingChannel) -> list[tuple[str, str, str]]:
    return [
        (message.kind, message.recipient.address, message.title)
        for message in channel.messages
        if "yesterday" in message.title
    ]


def test_those_who_manage_the_store_hear_of_it_as_it_opens(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    for _ in range(2):
        leave_open(app, shop)
    go_on(app, worker, EIGHT - timedelta(seconds=1))
    assert told(channel) == []
    go_on(app, worker, EIGHT)
    assert told(channel) == [("inform", "phone of manager", "Still open from yesterday: 2")]
    assert channel.messages[-1].body == "Open to see more"
    go_on(app, worker, EIGHT + timedelta(hours=12))
    assert len(told(channel)) == 1


def test_what_stays_open_is_sent_on_one_morning_only(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    leave_open(app, shop)
    go_on(app, worker, EIGHT)
    channel.messages.clear()
    go_on(app, worker, EIGHT + timedelta(days=1))
    assert told(channel) == []  # the day in between left nothing more
    leave_open(app, shop)
    go_on(app, worker, EIGHT + timedelta(days=2))
    assert told(channel) == [("inform", "phone of manager", "Still open from yesterday: 1")]


def test_a_day_that_left_nothing_informs_nobody(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    move(app, shop, leave_open(app, shop), "resolve")
    log_concern(app, shop, "manager", mood=5, kind="praise")
    go_on(app, worker, EIGHT)
    assert (told(channel), pending_messages(app)) == ([], [])


def test_what_was_put_right_meanwhile_is_not_sent(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    first, _ = leave_open(app, shop), leave_open(app, shop)
    go_on(app, worker, EIGHT - timedelta(minutes=1))
    move(app, shop, first, "resolve")
    later = leave_open(app, shop)  # in the new day: not from yesterday
    go_on(app, worker, EIGHT)
    assert [title for *_, title in told(channel)] == ["Still open from yesterday: 1"]
    channel.messages.clear()
    go_on(app, worker, EIGHT + timedelta(days=1) - timedelta(minutes=1))
    move(app, shop, later, "resolve")
    go_on(app, worker, EIGHT + timedelta(days=1))
    assert told(channel) == []
    assert len(notifications(app)) == 1


def test_a_store_without_opening_hours_hears_of_it_five_hours_into_its_day(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    change(app, shop, hours=None, day_starts_at=time(0))
    leave_open(app, shop)
    go_on(app, worker, datetime(2026, 3, 4, 4, 59, tzinfo=UTC))
    assert told(channel) == []
    go_on(app, worker, datetime(2026, 3, 4, 5, tzinfo=UTC))
    assert len(told(channel)) == 1


def test_after_a_day_on_which_the_store_was_shut_it_is_sent_once_at_the_next_opening(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    shut = [{"date": str(DAY + timedelta(days=n)), "periods": []} for n in (1, 2)]
    change(app, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": shut})
    leave_open(app, shop)
    go_on(app, worker, EIGHT + timedelta(days=2) - timedelta(seconds=1))
    assert told(channel) == []
    go_on(app, worker, EIGHT + timedelta(days=2, hours=8))
    assert len(told(channel)) == 1


@pytest.mark.parametrize(("zone", "eight"), [("Europe/Lisbon", 8), ("America/New_York", 13), ("Asia/Tokyo", -1)])
def test_it_is_eight_where_the_store_is(app: App, shop: Shop, channel: RecordingChannel, zone: str, eight: int) -> None:
    change(app, shop, time_zone=zone)
    leave_open(app, shop)
    opens_at = datetime(2026, 3, 4, tzinfo=UTC) + timedelta(hours=eight)
    with running_worker(app, for_all_kinds(channel)) as worker:
        go_on(app, worker, opens_at - timedelta(seconds=1))
        assert told(channel) == []
        go_on(app, worker, opens_at)
    assert len(told(channel)) == 1


def test_a_day_is_announced_although_the_next_date_has_no_instant(
    app: App, shop: Shop, channel: RecordingChannel
) -> None:
    change(app, shop, time_zone="Pacific/Pago_Pago")
    app.clock.at = datetime(2026, 3, 3, 16, tzinfo=UTC)
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        leave_open(app, shop)
        with app.back_office.writing(shop.organization_id) as session:
            store = session.get_one(Store, (shop.organization_id, shop.store_id))
            store.edit(at=app.clock(), time_zone="Pacific/Kiritimati")  # where the 4th is over when the 3rd ends
        opens_at = datetime(2026, 3, 4, 18, tzinfo=UTC)  # at eight on the 5th
        go_on(app, worker, opens_at - timedelta(seconds=1))
        assert told(channel) == []
        go_on(app, worker, opens_at)
    assert [title for *_, title in told(channel)] == ["Still open from yesterday: 1"]
    (ending,) = (row for row in rows(app, DayEndSchedule) if row.store_id == shop.store_id)
    assert ending.business_date == date(2026, 3, 5)


@pytest.mark.parametrize(("day", "eight"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 8)])
def test_it_is_eight_after_a_night_in_which_the_clocks_change(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, day: date, eight: int
) -> None:
    app.clock.at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    work_until_idle(worker)
    shop = make_shop(app.back_office, "later", at=app.clock(), on_shift=())  # whose sign-ins are still good
    give_phone(app.back_office, shop, "manager", "phone of manager", at=app.clock())
    change(app, shop, hours={"weekly": OPEN_FROM_EIGHT, "exceptions": []})
    app.clock.move(hours=1)
    work_until_idle(worker)
    leave_open(app, shop)
    opens_at = datetime(day.year, day.month, day.day, eight, tzinfo=UTC) + timedelta(days=1)
    go_on(app, worker, opens_at - timedelta(seconds=1))
    assert told(channel) == []
    go_on(app, worker, opens_at)
    assert len(told(channel)) == 1


def test_it_is_sent_in_the_language_of_the_phone(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    for locale in ("pt-PT", "es"):
        id_ = give_phone(app.back_office, shop, "manager", f"phone in {locale}")
        with app.back_office.writing(shop.organization_id) as session:
            session.get_one(Device, (shop.organization_id, id_)).locale = locale
    leave_open(app, shop)
    go_on(app, worker, EIGHT)
    assert sorted(message.title for message in channel.messages) == [
        "Por resolver de ontem: 1",
        "Sin resolver de ayer: 1",
        "Still open from yesterday: 1",
    ]


def test_who_does_not_want_to_hear_of_it_does_not(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    headers = {"If-Match": "*"}
    wish = {"muted": ["carried_over"]}
    assert app.request("PATCH", "/v1/me", (shop, "manager"), json=wish, headers=headers).status_code == 200
    leave_open(app, shop)
    go_on(app, worker, EIGHT)
    assert channel.messages == []


def test_of_a_week_without_a_worker_only_the_last_day_is_sent(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    leave_open(app, shop)
    app.clock.at = NOON + timedelta(days=7)
    leave_open(app, shop)
    app.clock.at = EIGHT + timedelta(days=7, hours=2)
    go_on(app, worker, app.clock() + timedelta(hours=1))
    assert [title for *_, title in told(channel)] == ["Still open from yesterday: 1"]
    (ending,) = (row for row in rows(app, DayEndSchedule) if row.store_id == shop.store_id)
    assert (ending.business_date, ending.due_at) == (DAY + timedelta(days=8), END + timedelta(days=8) + DAY_END_DELAY)


def test_what_waited_for_a_worker_until_the_next_day_is_not_sent(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    leave_open(app, shop)
    go_on(app, worker, EIGHT - timedelta(minutes=1))
    assert len(pending_messages(app)) == 1
    app.clock.at = NOON + timedelta(days=1)
    for _ in range(2):
        leave_open(app, shop)
    app.clock.at = EIGHT + timedelta(days=1)
    go_on(app, worker, app.clock() + timedelta(minutes=1))
    assert [title for *_, title in told(channel)] == ["Still open from yesterday: 2"]  # of the day after


def test_two_workers_and_one_that_was_killed_inform_once(app: App, shop: Shop, channel: RecordingChannel) -> None:
    kinds = {NotificationKind.CARRIED_OVER}
    with (
        running_worker(app, for_all_kinds(channel), name="a") as one,
        running_worker(app, for_all_kinds(channel), name="b") as other,
    ):
        work_until_idle(one)
        leave_open(app, shop)
        app.clock.at = END + DAY_END_DELAY
        assert one._day_end.run() == 2  # and its other store; then it is killed
        assert other._day_end.run() == 0
        app.clock.at = EIGHT
        (claimed,) = one._claims.claim(tuple(queued_tasks(app)), limit=1)
        app.clock.at += OUTBOX_LEASE + timedelta(seconds=1)  # killed again
        work_until_idle(other)
        work_until_idle(one)
    assert claimed.business_date == DAY
    assert len(told(channel)) == 1
    assert {row.kind for row in notifications(app)} == kinds


def queued_tasks(app: App) -> set[Any]:
    return {row.kind for row in pending_messages(app)}


def test_a_clock_that_was_wrong_keeps_no_day_from_being_sent(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    leave_open(app, shop)
    app.clock.move(days=300)
    work_until_idle(worker)
    channel.messages.clear()
    app.clock.at = END - timedelta(hours=1)
    go_on(app, worker, EIGHT)
    assert len(told(channel)) == 1


def test_a_check_costs_one_statement_while_nothing_is_due(app: App, shop: Shop, worker: Worker) -> None:
    add_stores(app, shop, 100)
    costs = []
    app.clock.move(hours=1)
    work_until_idle(worker)
    assert len(rows(app, DayEndSchedule)) == 102
    for _ in range(2):
        app.clock.move(seconds=5)
        with app.counting(app.back_office) as statements:
            assert worker._day_end.run() == 0
        costs.append(len(statements))
        with app.counting(app.back_office) as statements:
            worker._day_end.run()
        assert statements == []
    assert costs == [1, 1]


def test_stores_that_end_their_day_together_are_processed_in_turn(app: App, shop: Shop, worker: Worker) -> None:
    add_stores(app, shop, DAY_END_BATCH)
    app.clock.move(hours=1)
    work_until_idle(worker)
    app.clock.at = END + DAY_END_DELAY
    processed = []
    for _ in range(3):
        processed.append(worker._day_end.run())
        app.clock.at += DAY_END_INTERVAL
    assert processed == [DAY_END_BATCH, 2, 0]


def add_stores(app: App, shop: Shop, count: int) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.add_all(make_store(f"store-{n}", shop.region_id) for n in range(count))
