"""Opening hours of a store: periods per weekday, split or past midnight, and dates with other hours."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NotRequired, TypedDict
from zoneinfo import ZoneInfo

from models.errors import Invalid

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_PER_DAY = 24 * 60
MAX_WEEKLY_PERIODS = 70


class Period(TypedDict):
    """From one civil time to another. A closing time that is not after the opening time is on the next day."""

    opens_at: str
    closes_at: str


class WeeklyPeriod(Period):
    weekday: str


class HoursException(TypedDict):
    """Hours of one date, such as a holiday, instead of those of its weekday."""

    date: str
    name: NotRequired[str | None]
    periods: list[Period]


class Hours(TypedDict):
    """Hours as they are stored and sent by the API. Times are `HH:MM` in the store's own zone."""

    weekly: list[WeeklyPeriod] | None  # None: always open, except on the dates in `exceptions`
    exceptions: list[HoursException]


ALWAYS_OPEN: Hours = {"weekly": None, "exceptions": []}
_INSTANT_BEFORE = timedelta(microseconds=1)
ALWAYS = "always"
_DAYS = [weekday[:3] for weekday in WEEKDAYS]
_ONE_OF, _CLOCK = "|".join(_DAYS), "([01][0-9]|2[0-3]):[0-5][0-9]"
_ENTRY = re.compile(rf"(?P<first>{_ONE_OF})( ?- ?(?P<last>{_ONE_OF}))? +(?P<opens>{_CLOCK}) ?- ?(?P<closes>{_CLOCK})")
_ALL_DAY: list[Period] = [{"opens_at": "00:00", "closes_at": "00:00"}]


def parse_weekly(text: str) -> list[WeeklyPeriod] | None:
    """Return what a text such as `mon-fri 09:00-18:00; sat 10:00-16:00` says, or None for `always`.

    Each entry is a day or a range of days (`sat-mon` is three), and one opening. A second opening of a day is a second
    entry. One that closes at or before its beginning ends on the next day. Invalid for any other text.
    """
    if text.strip().lower() == ALWAYS:
        return None
    weekly: list[WeeklyPeriod] = []
    for entry in text.strip().rstrip(";").lower().split(";"):
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise Invalid("These are no hours: `always` is, or `mon-fri 09:00-18:00; sat 10:00-16:00`.", pointer="")
        first = _DAYS.index(match["first"])
        count = (_DAYS.index(match["last"] or match["first"]) - first) % len(_DAYS) + 1
        for number in range(first, first + count):
            weekday = WEEKDAYS[number % len(WEEKDAYS)]
            weekly.append({"weekday": weekday, "opens_at": match["opens"], "closes_at": match["closes"]})
    if len(weekly) > MAX_WEEKLY_PERIODS:
        raise Invalid(f"A week has at most {MAX_WEEKLY_PERIODS} openings.", pointer="")
    return weekly


def check_hours(hours: Hours, *, pointer: str = "") -> None:
    """Raise Invalid where two periods overlap, also from one day into the next, or a date repeats.

    `pointer` is the JSON pointer of the hours in the request, to which that of the period is added.
    """
    weekly = hours["weekly"] or []
    openings = [(WEEKDAYS.index(period["weekday"]), period) for period in weekly]
    overlapping = _overlapping(openings, within=7 * MINUTES_PER_DAY)
    if overlapping is not None:
        raise Invalid("This opening overlaps with another one.", pointer=f"{pointer}/weekly/{overlapping}")
    dates = [exception["date"] for exception in hours["exceptions"]]
    for index, exception in enumerate(hours["exceptions"]):
        if exception["date"] in dates[:index]:
            raise Invalid("This date has an entry already.", pointer=f"{pointer}/exceptions/{index}/date")
        overlapping = _overlapping([(0, period) for period in exception["periods"]])
        if overlapping is not None:
            period_pointer = f"{pointer}/exceptions/{index}/periods/{overlapping}"
            raise Invalid("This opening overlaps with another one.", pointer=period_pointer)


def _overlapping(openings: Sequence[tuple[int, Period]], *, within: int | None = None) -> int | None:
    """Return the index of a period that overlaps with another one, or None.

    Each period comes with the number of its day. With `within` (minutes) time is a ring, so the last period may overlap
    with the first.
    """
    minutes = sorted((*_period_minutes(day, period), index) for index, (day, period) in enumerate(openings))
    if within is not None and minutes:
        start, end, index = minutes[0]
        minutes.append((start + within, end + within, index))
    clashes = (max(first[2], second[2]) for first, second in pairwise(minutes) if second[0] < first[1])
    return next(clashes, None)


def _period_minutes(day: int, period: Period) -> tuple[int, int]:
    opens_at, closes_at = (time.fromisoformat(period[name]) for name in ("opens_at", "closes_at"))
    start, end = (clock.hour * 60 + clock.minute for clock in (opens_at, closes_at))
    return day * MINUTES_PER_DAY + start, (day + (end <= start)) * MINUTES_PER_DAY + end


def never_shuts(hours: Hours) -> bool:
    """Return whether a store with these hours is open all week, whatever holds for single dates."""
    if hours["weekly"] is None:
        return True
    periods = [_period_minutes(WEEKDAYS.index(period["weekday"]), period) for period in hours["weekly"]]
    return sum(end - start for start, end in periods) == 7 * MINUTES_PER_DAY  # they do not overlap: see `check_hours`


def is_open(hours: Hours | None, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a store with these hours is open at an instant. A store without hours always is.

    Periods are compared as instants, so a night in which clocks change has its real length.
    """
    if hours is None:
        return True
    today = at.astimezone(zone).date()
    # A period that began yesterday may still run.
    return any(
        start <= at < end for day in (today - timedelta(days=1), today) for start, end in _openings_on(hours, day, zone)
    )


def last_closing(hours: Hours, start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the end of the last period that begins between two instants, or None when none begins."""
    first, last = (instant.astimezone(zone).date() for instant in (start, end))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return max(
        (closes for day in days for opens, closes in _openings_on(hours, day, zone) if start <= opens < end),
        default=None,
    )


def first_opening(hours: Hours, start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when a closed store first opens between two instants, or None when it does not.

    A period that follows another one without a gap does not count: a store that never closes is open at midnight too.
    """
    first, last = (instant.astimezone(zone).date() for instant in (start, end))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    openings = sorted(opens for day in days for opens, _ in _openings_on(hours, day, zone) if start <= opens < end)
    return next((opens for opens in openings if not is_open(hours, opens - _INSTANT_BEFORE, zone)), None)


def next_closing(hours: Hours, at: datetime, zone: ZoneInfo, *, within: timedelta) -> datetime | None:
    """Return when a store that is open at an instant next shuts; None when it does not shut within this time.

    A period that follows another one without a gap goes on: a store that never closes does not shut at midnight.
    """
    first = at.astimezone(zone).date() - timedelta(days=1)  # a period that began the day before may still run
    closes_at = at
    for number in range(within.days + 3):
        for opens, closes in sorted(_openings_on(hours, first + timedelta(days=number), zone)):
            if opens <= closes_at < closes:
                closes_at = closes
    return closes_at if closes_at < at + within else None


def _openings_on(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield start and end, in UTC, of each period that begins on a civil date."""
    exceptions = {exception["date"]: exception["periods"] for exception in hours["exceptions"]}
    weekday = WEEKDAYS[day.weekday()]
    weekly = hours["weekly"]
    usual = _ALL_DAY if weekly is None else [period for period in weekly if period["weekday"] == weekday]
    for period in exceptions.get(day.isoformat(), usual):
        opens_at, closes_at = time.fromisoformat(period["opens_at"]), time.fromisoformat(period["closes_at"])
        closing_day = day if closes_at > opens_at else day + timedelta(days=1)
        yield _instant(day, opens_at, zone), _instant(closing_day, closes_at, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def in_quiet_hours(start: time | None, end: time | None, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether an instant is within a person's quiet hours in this zone. They may go past midnight."""
    if start is None or end is None:
        return False
    now = at.astimezone(zone).time().replace(tzinfo=None)
    return start <= now < end if start <= end else now >= start or now < end
