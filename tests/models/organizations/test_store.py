"""A store's business day: where it begins and ends, in the nights when clocks change too."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from models.organizations.store import Store
from tests.support.factories.organizations import make_store
from tests.support.profiles import examples


def store(zone: str, day_starts_at: time = time(4)) -> Store:
    return make_store("first", uuid7(), zone=zone, day_starts_at=day_starts_at)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# zone, day_starts_at, instant in UTC, business date, why
NIGHTS = [
    # Lisbon, 29 March 2026: at 01:00 UTC the clock goes from 01:00 to 02:00.
    ("Europe/Lisbon", "04:00", "2026-03-28 03:59:59", "2026-03-27", "03:59:59 on the clock, an ordinary Saturday"),
    ("Europe/Lisbon", "04:00", "2026-03-28 04:00:00", "2026-03-28", "04:00, an ordinary Saturday"),
    ("Europe/Lisbon", "04:00", "2026-03-29 00:59:59", "2026-03-28", "the last second of winter time"),
    ("Europe/Lisbon", "04:00", "2026-03-29 01:00:00", "2026-03-28", "02:00, the first second of summer time"),
    ("Europe/Lisbon", "04:00", "2026-03-29 02:59:59", "2026-03-28", "03:59:59 on the clock, one hour short"),
    ("Europe/Lisbon", "04:00", "2026-03-29 03:00:00", "2026-03-29", "04:00 comes at 03:00 UTC already"),
    ("Europe/Lisbon", "04:00", "2026-03-30 02:59:59", "2026-03-29", "03:59:59 in summer time"),
    # A morning that begins within the hour that is left out begins as much later: 01:30 is 02:30.
    ("Europe/Lisbon", "01:30", "2026-03-29 01:00:00", "2026-03-28", "02:00, and 01:30 never was"),
    ("Europe/Lisbon", "01:30", "2026-03-29 01:29:59", "2026-03-28", "half an hour after 01:00 is not over"),
    ("Europe/Lisbon", "01:30", "2026-03-29 01:30:00", "2026-03-29", "half an hour after 01:00"),
    # Lisbon, 25 October 2026: at 01:00 UTC the clock goes from 02:00 back to 01:00.
    ("Europe/Lisbon", "04:00", "2026-10-24 02:59:59", "2026-10-23", "03:59:59 in summer time"),
    ("Europe/Lisbon", "04:00", "2026-10-24 03:00:00", "2026-10-24", "04:00 in summer time"),
    ("Europe/Lisbon", "04:00", "2026-10-25 00:30:00", "2026-10-24", "01:30 for the first time"),
    ("Europe/Lisbon", "04:00", "2026-10-25 01:30:00", "2026-10-24", "01:30 for the second time"),
    ("Europe/Lisbon", "04:00", "2026-10-25 03:00:00", "2026-10-24", "03:00: the night is an hour longer"),
    ("Europe/Lisbon", "04:00", "2026-10-25 03:59:59", "2026-10-24", "03:59:59 in winter time"),
    ("Europe/Lisbon", "04:00", "2026-10-25 04:00:00", "2026-10-25", "04:00 in winter time"),
    # A morning that begins within the hour that comes twice begins the first time, and does not end again.
    ("Europe/Lisbon", "01:30", "2026-10-25 00:29:59", "2026-10-24", "01:29:59 for the first time"),
    ("Europe/Lisbon", "01:30", "2026-10-25 00:30:00", "2026-10-25", "01:30 for the first time"),
    ("Europe/Lisbon", "01:30", "2026-10-25 01:15:00", "2026-10-25", "01:15 for the second time: no way back"),
    ("Europe/Lisbon", "01:30", "2026-10-25 01:30:00", "2026-10-25", "01:30 for the second time"),
    # New York, 8 March 2026: at 07:00 UTC the clock goes from 02:00 to 03:00.
    ("America/New_York", "04:00", "2026-03-07 08:59:59", "2026-03-06", "03:59:59 in winter time"),
    ("America/New_York", "04:00", "2026-03-07 09:00:00", "2026-03-07", "04:00 in winter time"),
    ("America/New_York", "04:00", "2026-03-08 06:59:59", "2026-03-07", "the last second of winter time"),
    ("America/New_York", "04:00", "2026-03-08 07:59:59", "2026-03-07", "03:59:59 in summer time"),
    ("America/New_York", "04:00", "2026-03-08 08:00:00", "2026-03-08", "04:00, an hour earlier in UTC"),
    ("America/New_York", "02:30", "2026-03-08 07:29:59", "2026-03-07", "02:30 never was; 03:30 is still to come"),
    ("America/New_York", "02:30", "2026-03-08 07:30:00", "2026-03-08", "03:30 stands for 02:30"),
    # New York, 1 November 2026: at 06:00 UTC the clock goes from 02:00 back to 01:00.
    ("America/New_York", "04:00", "2026-10-31 08:00:00", "2026-10-31", "04:00 in summer time"),
    ("America/New_York", "04:00", "2026-11-01 05:30:00", "2026-10-31", "01:30 for the first time, on a Sunday"),
    ("America/New_York", "04:00", "2026-11-01 06:30:00", "2026-10-31", "01:30 for the second time"),
    ("America/New_York", "04:00", "2026-11-01 08:00:00", "2026-10-31", "03:00: what was 04:00 the day before"),
    ("America/New_York", "04:00", "2026-11-01 08:59:59", "2026-10-31", "03:59:59 in winter time"),
    ("America/New_York", "04:00", "2026-11-01 09:00:00", "2026-11-01", "04:00 in winter time"),
    ("America/New_York", "01:30", "2026-11-01 05:30:00", "2026-11-01", "01:30 for the first time"),
    ("America/New_York", "01:30", "2026-11-01 06:15:00", "2026-11-01", "01:15 for the second time: no way back"),
    # Havana, 8 March 2026: midnight is left out, the clock goes from 00:00 to 01:00 at 05:00 UTC.
    ("America/Havana", "00:00", "2026-03-08 04:59:59", "2026-03-07", "23:59:59 on Saturday"),
    ("America/Havana", "00:00", "2026-03-08 05:00:00", "2026-03-08", "01:00, the first second of Sunday"),
    ("America/Havana", "04:00", "2026-03-08 07:59:59", "2026-03-07", "03:59:59 in summer time"),
    ("America/Havana", "04:00", "2026-03-08 08:00:00", "2026-03-08", "04:00 in summer time"),
    # Havana, 1 November 2026: midnight comes twice, the clock goes from 01:00 back to 00:00 at 05:00 UTC.
    ("America/Havana", "00:00", "2026-11-01 03:59:59", "2026-10-31", "23:59:59 on Saturday"),
    ("America/Havana", "00:00", "2026-11-01 04:00:00", "2026-11-01", "midnight for the first time"),
    ("America/Havana", "00:00", "2026-11-01 05:00:00", "2026-11-01", "midnight for the second time"),
    ("America/Havana", "00:30", "2026-11-01 04:30:00", "2026-11-01", "00:30 for the first time"),
    ("America/Havana", "00:30", "2026-11-01 05:15:00", "2026-11-01", "00:15 for the second time: no way back"),
    # Beirut, 25 October 2026: at 21:00 UTC the clock goes from midnight back to 23:00 of the day before.
    ("Asia/Beirut", "00:00", "2026-10-24 20:59:59", "2026-10-24", "23:59:59 on Saturday for the first time"),
    ("Asia/Beirut", "00:00", "2026-10-24 21:30:00", "2026-10-24", "23:30 on Saturday for the second time"),
    ("Asia/Beirut", "00:00", "2026-10-24 22:00:00", "2026-10-25", "midnight at last"),
    ("Asia/Beirut", "23:30", "2026-10-24 20:30:00", "2026-10-24", "23:30 for the first time"),
    ("Asia/Beirut", "23:30", "2026-10-24 21:15:00", "2026-10-24", "23:15 for the second time: no way back"),
    # St. John's, 7 November 2010: at 00:01 the clock went back to 23:01 of the day before.
    ("America/St_Johns", "00:00", "2010-11-07 02:30:00", "2010-11-07", "midnight for the first time"),
    ("America/St_Johns", "00:00", "2010-11-07 02:31:00", "2010-11-07", "23:01 on Saturday again: no way back"),
    # Apia, 2011: after 29 December came the 31st.
    ("Pacific/Apia", "04:00", "2011-12-30 13:59:59", "2011-12-29", "03:59:59 on the 31st: still the night of the 29th"),
    ("Pacific/Apia", "04:00", "2011-12-30 14:00:00", "2011-12-31", "04:00 on the 31st: there was no 30th"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "begins", "instant", "expected", "why"), NIGHTS)
def test_business_date(zone: str, begins: str, instant: str, expected: str, why: str) -> None:
    business_date = store(zone, time.fromisoformat(begins)).business_date(utc(instant))
    assert business_date == date.fromisoformat(expected), why


def test_a_day_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    lisbon = store("Europe/Lisbon")
    lengths = {}
    for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)):
        begins, ends = lisbon.day_bounds(day)
        lengths[day.isoformat()] = (ends - begins) / timedelta(hours=1)
    assert lengths == {"2026-03-28": 23, "2026-03-29": 24, "2026-10-24": 25, "2026-10-25": 24}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Kiritimati"])
def test_the_zone_of_the_instant_does_not_matter(zone: str) -> None:
    late = utc("2026-07-04 02:30:00").astimezone(ZoneInfo(zone))
    assert store("Europe/Lisbon").business_date(late) == date(2026, 7, 3)


@st.composite
def nights(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant; where the clock changes in that year, one close to a change."""
    zone, year = draw(st.sampled_from(sorted(available_timezones()))), draw(st.integers(1975, 2037))
    noons = [datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    offsets = [noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons]
    changes = [day for day in range(364) if offsets[day] != offsets[day + 1]] or [draw(st.integers(0, 364))]
    return zone, noons[draw(st.sampled_from(changes))] + timedelta(seconds=draw(st.integers(-86_400, 2 * 86_400)))


@examples(quick=30, deep=200)
@given(night=nights(), begins=st.times(), later=st.integers(0, 200_000))
@example(night=("America/St_Johns", utc("2010-11-07 02:30:30")), begins=time(0), later=30)
@example(night=("Pacific/Apia", utc("2011-12-30 10:00:00")), begins=time(4), later=14_400)
def test_every_instant_is_in_exactly_one_day_and_days_never_go_back(
    night: tuple[str, datetime], begins: time, later: int
) -> None:
    zone, instant = night
    here = store(zone, begins)
    day = here.business_date(instant)
    around = [day + timedelta(days=days) for days in range(-2, 3)]
    bounds = {date: here.day_bounds(date) for date in around}
    assert [date for date, (start, end) in bounds.items() if start <= instant < end] == [day]
    assert here.business_date(instant + timedelta(seconds=later)) >= day


CLOSINGS = [  # business date, openings of that civil day, when it closes
    (date(2026, 3, 3), ["12:00 15:00", "18:00 02:00"], "2026-03-04 02:00:00"),
    (date(2026, 3, 3), ["08:00 17:00"], "2026-03-03 17:00:00"),
    (date(2026, 3, 3), ["22:00 06:00"], "2026-03-04 04:00:00"),  # open on: the next day begins all the same
    (date(2026, 3, 3), [], "2026-03-04 04:00:00"),
    (date(2026, 3, 28), ["18:00 02:00"], "2026-03-29 01:00:00"),  # the night that is an hour short
    (date(2026, 10, 24), ["18:00 02:00"], "2026-10-25 02:00:00"),  # and the one that is an hour longer
]


@pytest.mark.parametrize(("day", "openings", "expected"), CLOSINGS)
def test_a_store_closes_when_its_last_opening_of_the_day_ends(day: date, openings: list[str], expected: str) -> None:
    here = store("Europe/Lisbon")
    periods = [{"opens_at": opening[:5], "closes_at": opening[6:]} for opening in openings]
    here.set_hours({"weekly": [], "exceptions": [{"date": day.isoformat(), "periods": periods}]})  # type: ignore[typeddict-item]
    assert here.closing_time(day) == utc(expected)


def test_a_store_without_hours_closes_when_its_day_ends() -> None:
    assert store("Europe/Lisbon").closing_time(date(2026, 3, 3)) == utc("2026-03-04 04:00:00")
