"""Opening hours, compared with an oracle that knows of time zones only what a wall clock shows each minute."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.organizations.opening_hours import WEEKDAYS, Hours, Period, in_quiet_hours, is_open, parse_weekly
from tests.support.profiles import examples

# Each with the days around a night in which its clocks change.
NIGHTS = [
    ("Europe/Lisbon", date(2026, 3, 28)),
    ("Europe/Lisbon", date(2026, 10, 24)),
    ("America/New_York", date(2026, 3, 7)),
    ("America/New_York", date(2026, 10, 31)),
    ("Atlantic/Azores", date(2026, 10, 24)),  # from 01:00 back to midnight
    ("Australia/Lord_Howe", date(2026, 4, 4)),  # by half an hour
    ("Asia/Tokyo", date(2026, 3, 28)),
]


def period(opens: time, closes: time) -> Period:
    return {"opens_at": f"{opens:%H:%M}", "closes_at": f"{closes:%H:%M}"}


CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
PERIODS = st.lists(st.builds(period, CLOCKS, CLOCKS), max_size=3)
WEEKS = st.dictionaries(st.sampled_from(WEEKDAYS), PERIODS)


@examples(quick=25, deep=150)
@given(night=st.sampled_from(NIGHTS), week=WEEKS, data=st.data())
def test_a_store_is_open_when_the_wall_clock_says_so(
    night: tuple[str, date], week: dict[str, list[Period]], data: st.DataObject
) -> None:
    name, day = night
    exceptions = data.draw(st.dictionaries(st.sampled_from([day, day + timedelta(days=1)]), PERIODS))
    hours: Hours = {
        "weekly": [{"weekday": weekday, **period} for weekday, periods in week.items() for period in periods],
        "exceptions": [{"date": on.isoformat(), "periods": periods} for on, periods in exceptions.items()],
    }
    zone = ZoneInfo(name)
    wall_clock = WallClock(zone, day)
    minutes = data.draw(st.lists(st.integers(0, 2 * 24 * 60), min_size=20, max_size=20))
    for at in (datetime.combine(day, time(), tzinfo=UTC) + timedelta(minutes=minute) for minute in minutes):
        assert is_open(hours, at, zone) is wall_clock.says_open(week, exceptions, at), at


def test_a_store_without_hours_is_always_open_and_one_with_an_empty_week_never() -> None:
    zone, at = ZoneInfo("Europe/Lisbon"), datetime(2026, 3, 3, 3, tzinfo=UTC)
    assert is_open(None, at, zone)
    assert not is_open({"weekly": [], "exceptions": []}, at, zone)


@pytest.mark.parametrize(
    ("start", "end", "quiet"),
    [
        (time(22), time(7), [*range(7), 22, 23]),
        (time(13), time(15), [13, 14]),
        (time(0), time(4), [0, 1, 2, 3]),
        (time(8), time(8), []),
        (None, time(7), []),
        (time(22), None, []),
    ],
)
def test_quiet_hours_may_go_past_midnight(start: time | None, end: time | None, quiet: list[int]) -> None:
    zone = ZoneInfo("America/New_York")
    hours = [datetime(2026, 7, 1, hour, tzinfo=zone) for hour in range(24)]
    assert [at.hour for at in hours if in_quiet_hours(start, end, at.astimezone(UTC), zone)] == quiet


class WallClock:
    """What a wall clock of the store shows, minute by minute, for some days around one day."""

    def __init__(self, zone: ZoneInfo, day: date) -> None:
        begin = datetime.combine(day - timedelta(days=3), time(), tzinfo=UTC)
        self.minutes = [begin + timedelta(minutes=minute) for minute in range(8 * 24 * 60)]
        self.shows = [at.astimezone(zone).replace(tzinfo=None) for at in self.minutes]
        self.first: dict[datetime, datetime] = {}
        for at, shown in zip(self.minutes, self.shows, strict=True):
            self.first.setdefault(shown, at)

    def moment(self, shown: datetime) -> datetime:
        """The first minute that shows it; what is skipped comes as long after the minute before the jump as it says."""
        if shown in self.first:
            return self.first[shown]
        last = max(earlier for earlier in self.first if earlier < shown)
        return self.first[last] + (shown - last)

    def says_open(self, week: dict[str, list[Period]], exceptions: dict[date, list[Period]], at: datetime) -> bool:
        for day in {shown.date() for shown in self.shows[1440:-1440]}:
            for period in exceptions.get(day, week.get(WEEKDAYS[day.weekday()], [])):
                opens = datetime.fromisoformat(f"{day.isoformat()}T{period['opens_at']}")
                closes = datetime.fromisoformat(f"{day.isoformat()}T{period['closes_at']}")
                overnight = timedelta(days=period["closes_at"] <= period["opens_at"])
                if self.moment(opens) <= at < self.moment(closes + overnight):
                    return True
        return False


@pytest.mark.parametrize(
    ("text", "openings"),
    [
        ("sun 10:00-16:00;", ["sunday 10:00-16:00"]),
        ("fri-sun 18:00-02:00", ["friday 18:00-02:00", "saturday 18:00-02:00", "sunday 18:00-02:00"]),
        ("sun-mon 09:00-12:00", ["sunday 09:00-12:00", "monday 09:00-12:00"]),
        (" Mon 09:00 - 12:00;mon  14:00-18:00 ", ["monday 09:00-12:00", "monday 14:00-18:00"]),
    ],
)
def test_hours_can_be_written_as_text(text: str, openings: list[str]) -> None:
    weekly = parse_weekly(text) or []
    assert [f"{period['weekday']} {period['opens_at']}-{period['closes_at']}" for period in weekly] == openings
    assert parse_weekly(" Always ") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "never",
        "mon",
        "09:00-18:00",
        "mon 9:00-18:00",
        "mon 09:00-24:00",
        "mon,tue 09:00-18:00",
        "monday 09:00-18:00",
        "mon-tue-wed 09:00-18:00",
        "always; mon 09:00-18:00",
        ";".join(["mon-sun 09:00-10:00"] * 11),
    ],
)
def test_a_text_that_says_no_hours_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_weekly(text)
