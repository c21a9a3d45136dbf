"""The business day of a store: at 01:30 on Saturday a restaurant is still in its Friday, in every night of the year."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import GRANTS, Actor, Role
from models.concern import Concern
from models.store import Store
from tests.factories import make_store

LISBON, NEW_YORK, HAVANA = "Europe/Lisbon", "America/New_York", "America/Havana"


def store_in(zone: str, day_starts_at: time = time(4)) -> Store:
    return make_store("anywhere", uuid4(), zone=zone, day_starts_at=day_starts_at)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# zone, the day starts at, instant (UTC), the business date, why
NIGHTS = [
    (LISBON, time(4), "2026-01-10 03:59:59", "2026-01-09", "winter: local time is UTC, a second before the day starts"),
    (LISBON, time(4), "2026-01-10 04:00:00", "2026-01-10", "winter: the very second the day starts"),
    (LISBON, time(4), "2026-07-11 02:59:59", "2026-07-10", "summer: 03:59:59 on the wall"),
    (LISBON, time(4), "2026-07-11 03:00:00", "2026-07-11", "summer: 04:00 on the wall"),
    (LISBON, time(4), "2026-03-29 00:59:59", "2026-03-28", "spring: a second before 01:00 becomes 02:00"),
    (LISBON, time(4), "2026-03-29 02:59:59", "2026-03-28", "spring: 03:59:59 on the wall, in the short night"),
    (LISBON, time(4), "2026-03-29 03:00:00", "2026-03-29", "spring: 04:00 comes an hour of waiting earlier"),
    (LISBON, time(4), "2026-10-25 00:30:00", "2026-10-24", "autumn: 01:30, for the first time"),
    (LISBON, time(4), "2026-10-25 01:30:00", "2026-10-24", "autumn: 01:30, for the second time"),
    (LISBON, time(4), "2026-10-25 03:59:59", "2026-10-24", "autumn: 03:59:59, in the long night"),
    (LISBON, time(4), "2026-10-25 04:00:00", "2026-10-25", "autumn: 04:00"),
    (
        LISBON,
        time(1, 30),
        "2026-10-25 00:29:59",
        "2026-10-24",
        "the day starts in the hour that comes twice: before it",
    ),
    (LISBON, time(1, 30), "2026-10-25 00:30:00", "2026-10-25", "... it starts with the first 01:30"),
    (LISBON, time(1, 30), "2026-10-25 01:10:00", "2026-10-25", "... and does not fall back when the clock does"),
    (
        LISBON,
        time(1, 30),
        "2026-03-29 00:59:59",
        "2026-03-28",
        "the day starts in the hour that is left out: before it",
    ),
    (LISBON, time(1, 30), "2026-03-29 01:30:00", "2026-03-29", "... half an hour after the clock went forward"),
    (NEW_YORK, time(4), "2026-03-08 06:59:59", "2026-03-07", "spring: 01:59:59, the last second before the gap"),
    (NEW_YORK, time(4), "2026-03-08 07:59:59", "2026-03-07", "spring: 03:59:59, an hour after it in the short night"),
    (NEW_YORK, time(4), "2026-03-08 08:00:00", "2026-03-08", "spring: 04:00"),
    (NEW_YORK, time(4), "2026-11-01 05:30:00", "2026-10-31", "autumn: 01:30, for the first time"),
    (NEW_YORK, time(4), "2026-11-01 06:30:00", "2026-10-31", "autumn: 01:30, for the second time"),
    (NEW_YORK, time(4), "2026-11-01 08:59:59", "2026-10-31", "autumn: 03:59:59, in the long night"),
    (NEW_YORK, time(4), "2026-11-01 09:00:00", "2026-11-01", "autumn: 04:00"),
    (
        NEW_YORK,
        time(2, 30),
        "2026-03-08 07:29:59",
        "2026-03-07",
        "the day starts at a time that this night does not have",
    ),
    (NEW_YORK, time(2, 30), "2026-03-08 07:30:00", "2026-03-08", "... it starts as long after midnight as usual"),
    (NEW_YORK, time(0), "2026-11-01 03:59:59", "2026-10-31", "a shop whose day starts at midnight"),
    (NEW_YORK, time(0), "2026-11-01 04:00:00", "2026-11-01", "a shop whose day starts at midnight"),
    (HAVANA, time(0), "2026-11-01 03:59:59", "2026-10-31", "where the clock goes back at 01:00 to midnight: before it"),
    (HAVANA, time(0), "2026-11-01 04:00:00", "2026-11-01", "... midnight, for the first time"),
    (HAVANA, time(0), "2026-11-01 05:00:00", "2026-11-01", "... midnight, for the second time, is the same day"),
    (HAVANA, time(0), "2026-03-08 04:59:59", "2026-03-07", "where there is no midnight in spring: before it"),
    (HAVANA, time(0), "2026-03-08 05:00:00", "2026-03-08", "... 01:00 is the first there is of the day"),
]


@pytest.mark.parametrize(("zone", "day_starts_at", "instant", "expected", "why"), NIGHTS)
def test_the_business_date_around_the_start_of_a_day(
    zone: str, day_starts_at: time, instant: str, expected: str, why: str
) -> None:
    assert store_in(zone, day_starts_at).business_date(utc(instant)) == date.fromisoformat(expected), why


zones = st.sampled_from(sorted(available_timezones()))
starts = st.times(max_value=time(12), timezones=st.none()).map(lambda at: at.replace(microsecond=0))
instants = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 the zone follows


@given(zones, starts, instants)
def test_every_instant_lies_in_exactly_one_business_day(zone: str, day_starts_at: time, instant: datetime) -> None:
    store = store_in(zone, day_starts_at)
    day = store.business_date(instant)
    opens_at, closes_at = store.day_bounds(day)
    assert opens_at <= instant < closes_at
    assert store.day_bounds(day - timedelta(days=1))[1] == opens_at


@given(zones, starts, instants, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_business_dates_never_go_back(zone: str, day_starts_at: time, instant: datetime, later: timedelta) -> None:
    store = store_in(zone, day_starts_at)
    assert store.business_date(instant) <= store.business_date(instant + later)


RECEIVED = utc("2026-03-03 12:00:00")  # noon in Lisbon
MOMENTS = [  # seconds before it was received, kept as told?, late?, business date
    (0, True, False, "2026-03-03"),
    (15 * 60, True, False, "2026-03-03"),
    (15 * 60 + 1, True, True, "2026-03-03"),
    (9 * 3600, True, True, "2026-03-02"),  # 03:00 on the wall: still the day before
    (30 * 86400, True, True, "2026-02-01"),
    (30 * 86400 + 1, False, False, "2026-03-03"),
    (400 * 86400, False, False, "2026-03-03"),
    (-5 * 60, True, False, "2026-03-03"),
    (-5 * 60 - 1, False, False, "2026-03-03"),
    (-400 * 86400, False, False, "2026-03-03"),
]


@pytest.mark.parametrize(("seconds_before", "kept", "late", "business_date"), MOMENTS)
def test_a_phones_clock_is_believed_within_reason_and_never_refused(
    seconds_before: int, *, kept: bool, late: bool, business_date: str
) -> None:
    told = RECEIVED - timedelta(seconds=seconds_before)
    by = Actor(uuid4(), GRANTS[Role.FLOOR], frozenset(), staff_id=uuid4(), role=Role.FLOOR)
    concern = Concern.log(by=by, store=store_in(LISBON), mood=2, at=RECEIVED, occurred_at=told).concern
    assert concern.occurred_at == (told if kept else RECEIVED)
    assert concern.time_adjusted is not kept
    assert concern.late is late
    assert concern.business_date == date.fromisoformat(business_date)
    assert concern.received_at == RECEIVED


def test_the_table_above_is_about_nights_in_which_clocks_change() -> None:
    for zone, nights in {LISBON: ("2026-03-29", "2026-10-25"), NEW_YORK: ("2026-03-08", "2026-11-01")}.items():
        for night in nights:
            start = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo(zone))
            assert start.utcoffset() != (start + timedelta(hours=12)).utcoffset()
