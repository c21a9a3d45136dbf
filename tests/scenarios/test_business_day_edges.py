"""Business days of a restaurant that closes at two, in nights with a clock change: each concern is in one log."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.reports.daily_log import DailyLogReport, build_daily_log
from tests.support.app import App
from tests.support.factories.organizations import Shop, make_store
from tests.support.profiles import examples

NIGHTS = [  # zone, the first night on which the clock changes, when it does
    ("Europe/Lisbon", date(2026, 3, 28), "2026-03-29 01:00"),
    ("Europe/Lisbon", date(2026, 10, 24), "2026-10-25 01:00"),
    ("America/New_York", date(2026, 3, 7), "2026-03-08 07:00"),
    ("America/New_York", date(2026, 10, 31), "2026-11-01 06:00"),
    ("Australia/Lord_Howe", date(2026, 4, 4), "2026-04-04 15:00"),
    ("Australia/Lord_Howe", date(2026, 10, 3), "2026-10-03 15:30"),
]
EVENINGS = {
    "weekly": [
        {"weekday": day, "opens_at": "18:00", "closes_at": "02:00"}
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    ],
    "exceptions": [],
}
# Any second around the change, and those at which a day may begin or end.
SECONDS = st.integers(-100_000, 100_000)
EDGES = st.builds(lambda half, second: half * 1800 + second, st.integers(-60, 60), st.sampled_from([-1, 0, 1]))


def restaurant(app: App, shop: Shop, zone: str, day_starts_at: time) -> UUID:
    slug = f"store-{app.clock.move(seconds=1):%H%M%S}"
    with app.back_office.writing(shop.organization_id) as session:
        store = make_store(slug, shop.region_id, zone=zone, day_starts_at=day_starts_at)
        store.set_hours(EVENINGS)  # type: ignore[arg-type]  # plain dicts
        session.add(store)
    return store.id


def log_at(app: App, shop: Shop, store_id: UUID, instants: list[datetime]) -> dict[UUID, datetime]:
    """One concern at each of these; the instants by their ids."""
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    instants_by_id = {}
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, store_id))
        for at in instants:
            concern = Concern.log(by=by, store=store, mood=2, at=at).concern
            session.add(concern)
            instants_by_id[concern.id] = at
    return instants_by_id


def logs_around(app: App, shop: Shop, store_id: UUID, night: date) -> dict[date, DailyLogReport]:
    admin = Actor(shop.organization_id, GRANTS[Role.ADMIN], None)
    with app.database.reading(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, store_id))
        days = [night + timedelta(days=days) for days in range(-2, 4)]
        return {day: build_daily_log(session, store, day, actor=admin, at=app.clock()) for day in days}


@examples(quick=4, deep=15)
@given(
    night=st.sampled_from(NIGHTS),
    begins=st.sampled_from([time(2), time(4)]),
    seconds=st.lists(SECONDS | EDGES, min_size=1, max_size=12),
)
def test_every_concern_around_the_change_is_in_exactly_one_log(
    app: App, shop: Shop, night: tuple[str, date, str], begins: time, seconds: list[int]
) -> None:
    zone, day, changes = night
    store_id = restaurant(app, shop, zone, begins)
    change = datetime.fromisoformat(changes).replace(tzinfo=UTC)
    instants_by_id = log_at(app, shop, store_id, [change + timedelta(seconds=second) for second in seconds])
    logs = logs_around(app, shop, store_id, day)
    listed = [concern.id for log in logs.values() for concern in log.concerns]
    assert sorted(listed) == sorted(instants_by_id)
    assert sum(log.figures.concerns for log in logs.values()) == len(instants_by_id)
    for log in logs.values():
        assert all(log.opens_at <= instants_by_id[concern.id] < log.closes_at for concern in log.concerns)


EVERY_NIGHT: list[Any] = [(night, begins) for night in NIGHTS for begins in (time(2), time(4))]


@pytest.mark.parametrize(("night", "begins"), EVERY_NIGHT)
def test_opening_hours_until_two_are_one_day_however_long_the_night(
    app: App, shop: Shop, night: tuple[str, date, str], begins: time
) -> None:
    zone, day, changes = night
    store_id = restaurant(app, shop, zone, begins)
    change = datetime.fromisoformat(changes).replace(tzinfo=UTC)
    with app.database.reading(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, store_id))
        shuts_at, (opens_at, ends_at) = store.closing_time(day), store.day_bounds(day)
        opening = datetime.combine(day, time(18), tzinfo=store.zone_on(day)).astimezone(UTC)
    assert opens_at < opening < shuts_at <= ends_at
    # Two on the clock comes an hour early, in time or late; Lord Howe moves by half an hour only.
    usual = opening + timedelta(hours=8)
    assert abs(shuts_at - usual) <= timedelta(hours=1)
    times = [opening + timedelta(minutes=15 * n) for n in range(40) if opening + timedelta(minutes=15 * n) < shuts_at]
    assert any(at < change for at in times)
    log_at(app, shop, store_id, times)
    logs = logs_around(app, shop, store_id, day)
    assert {on: len(log.concerns) for on, log in logs.items() if log.concerns} == {day: len(times)}
