"""The end of a shift by itself: with the day, with the opening hours, after the longest shift; whatever clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.organizations.opening_hours import parse_weekly
from models.organizations.store import Store
from models.policy_defaults import LONGEST_SHIFT, NEXT_DAY_SHIFT
from models.staff.shift_end import shift_ends_at
from tests.support.factories.organizations import make_store
from tests.support.profiles import examples

LISBON = ZoneInfo("Europe/Lisbon")
BISTRO = "mon-sun 09:00-23:00"
BAR = "mon-sun 18:00-04:30"  # open when the business day ends, at four
CAFE = "mon-sun 07:00-11:00; mon-sun 11:30-15:00"
ROUND_THE_CLOCK = "mon-sun 00:00-12:00; mon-sun 12:00-00:00"


def store(weekly: str, *, ends_daily: bool = True, zone: str = "Europe/Lisbon", day_starts_at: time = time(4)) -> Store:
    made = make_store("first", uuid4(), zone=zone, day_starts_at=day_starts_at)
    made.hours = {"weekly": parse_weekly(weekly), "exceptions": []}
    made.shifts_end_daily = ends_daily
    return made


def local(day: int, clock: str, *, month: int = 3) -> datetime:
    return datetime.combine(date(2026, month, day), time.fromisoformat(clock), tzinfo=LISBON).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "begins", "ends"),
    [
        (BISTRO, (3, "17:00"), (4, "04:00")),  # forgotten: with the day
        (BISTRO, (3, "08:00"), (4, "00:00")),  # with the longest shift
        (BISTRO, (4, "00:59"), (4, "04:00")),
        (BISTRO, (4, "01:00"), (4, "17:00")),  # the early shift of the day that begins
        (BAR, (3, "20:00"), (4, "04:30")),
        (BAR, (4, "00:30"), (4, "04:30")),
        (BAR, (4, "03:59"), (4, "19:59")),
        (BAR, (4, "04:10"), (4, "20:10")),
        (CAFE, (3, "13:00"), (4, "04:00")),
        (CAFE, (3, "06:30"), (3, "22:30")),
        (ROUND_THE_CLOCK, (3, "22:00"), (4, "04:00")),  # it never shuts
        ("always", (3, "22:00"), (4, "04:00")),
    ],
)
def test_a_shift_ends_with_the_day_or_when_the_store_next_shuts(
    hours: str, begins: tuple[int, str], ends: tuple[int, str]
) -> None:
    assert shift_ends_at(store(hours), local(*begins)) == local(*ends)


def test_where_the_day_ends_in_the_middle_of_the_opening_hours_a_break_is_a_closing() -> None:
    shop = store("mon-sun 06:00-12:00; mon-sun 13:00-20:00", day_starts_at=time(10))
    assert shift_ends_at(shop, local(3, "06:00")) == local(3, "12:00")


def test_a_store_that_never_shuts_may_turn_the_end_of_the_day_off() -> None:
    began = local(3, "22:00")
    assert shift_ends_at(store("always", ends_daily=False), began) == began + LONGEST_SHIFT


def test_a_holiday_counts_with_its_own_hours() -> None:
    shop = store(BAR)
    assert shop.hours is not None
    holiday = {"date": "2026-03-03", "name": None, "periods": [{"opens_at": "18:00", "closes_at": "02:00"}]}
    shop.hours = {**shop.hours, "exceptions": [holiday]}  # type: ignore[typeddict-item]  # as it is stored
    assert shift_ends_at(shop, local(3, "20:00")) == local(4, "04:00")


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 28, 7.5), (10, 24, 9.5)])
def test_a_night_in_which_clocks_change_has_its_real_length(month: int, day: int, hours: float) -> None:
    began = local(day, "20:00", month=month)
    assert shift_ends_at(store(BAR), began) - began == timedelta(hours=hours)


@examples(quick=25, deep=500)
@given(
    hours=st.sampled_from([BISTRO, BAR, CAFE, ROUND_THE_CLOCK, "always", "mon-fri 00:00-00:00", "sat-sun 22:00-05:00"]),
    zone=st.sampled_from(["Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    day_start=st.sampled_from([time(0), time(4), time(15)]),
    minute=st.integers(0, 365 * 24 * 60),
)
def test_an_end_is_a_days_end_a_closing_or_the_longest_shift(
    hours: str, zone: str, day_start: time, minute: int
) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    shop = store(hours, zone=zone, day_starts_at=day_start)
    ends = shift_ends_at(shop, began)
    day_end = shop.day_bounds(shop.business_date(began + NEXT_DAY_SHIFT))[1]
    assert began < ends <= began + LONGEST_SHIFT
    if ends == began + LONGEST_SHIFT:
        return
    never_shuts = hours in ("always", ROUND_THE_CLOCK)
    if ends == day_end:
        assert never_shuts or not shop.is_open(day_end)
    else:
        assert not shop.is_open(ends)
        assert all(
            shop.is_open(day_end + timedelta(minutes=n)) for n in range(int((ends - day_end).total_seconds() / 60))
        )
