"""When a store is open: periods per weekday, split or past midnight, and days that are different."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NotRequired, TypedDict
from zoneinfo import ZoneInfo

from models.errors import Invalid

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_PER_DAY = 24 * 60  # minutes


class Period(TypedDict):
    """From one civil time to another; one that does not come after the first is on the next day."""

    opens_at: str
    closes_at: str


class WeeklyPeriod(Period):
    weekday: str


class HoursException(TypedDict):
    """A holiday or another exception: what opens on that date, instead of what the weekday says."""

    date: str
    name: NotRequired[str | None]
    periods: list[Period]


class Hours(TypedDict):
    """As stored and as told by the API; times are `HH:MM` in the store's own zone."""

    weekly: list[WeeklyPeriod] | None  # none: always open, but for the exceptions
    exceptions: list[HoursException]


ALWAYS_OPEN: Hours = {"weekly": None, "exceptions": []}
_INSTANT_BEFORE = timedelta(microseconds=1)
_ALL_DAY: list[Period] = [{"opens_at": "00:00", "closes_at": "00:00"}]


def check_hours(hours: Hours) -> None:
    """Invalid, with a pointer, where two openings overlap, from one day into the next too, or a date comes twice."""
    weekly = hours["weekly"] or []
    overlapping = _overlapping([(WEEKDAYS.index(one["weekday"]), one) for one in weekly], within=7 * MINUTES_PER_DAY)
    if overlapping is not None:
        raise Invalid("This opening overlaps with another one.", pointer=f"/weekly/{overlapping}")
    dates = [one["date"] for one in hours["exceptions"]]
    for number, one in enumerate(hours["exceptions"]):
        if one["date"] in dates[:number]:
            raise Invalid("This date has an entry already.", pointer=f"/exceptions/{number}/date")
        overlapping = _overlapping([(0, period) for period in one["periods"]])
        if overlapping is not None:
            pointer = f"/exceptions/{number}/periods/{overlapping}"
            raise Invalid("This opening overlaps with another one.", pointer=pointer)


def _overlapping(openings: Sequence[tuple[int, Period]], *, within: int | None = None) -> int | None:
    """The place of an opening, given with its day, that another one overlaps with; time is a ring `within` minutes."""
    minutes = sorted((*_period_minutes(day, period), number) for number, (day, period) in enumerate(openings))
    if within is not None and minutes:
        start, end, number = minutes[0]
        minutes.append((start + within, end + within, number))
    clashes = (max(first[2], second[2]) for first, second in pairwise(minutes) if second[0] < first[1])
    return next(clashes, None)


def _period_minutes(day: int, period: Period) -> tuple[int, int]:
    opens_at, closes_at = (time.fromisoformat(period[name]) for name in ("opens_at", "closes_at"))
    start, end = (clock.hour * 60 + clock.minute for clock in (opens_at, closes_at))
    return day * MINUTES_PER_DAY + start, (day + (end <= start)) * MINUTES_PER_DAY + end


def is_open(hours: Hours | None, at: datetime, zone: ZoneInfo) -> bool:
    """Whether a store with these hours is open at this instant. A store that never told its hours always is.

    Openings are compared as instants, so a night in which clocks change is as long as it really is.
    """
    if hours is None:
        return True
    today = at.astimezone(zone).date()
    # What opened yesterday may still be open.
    return any(
        start <= at < end for day in (today - timedelta(days=1), today) for start, end in _openings_on(hours, day, zone)
    )


def last_closing(hours: Hours, start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """When the last of the openings that begin between two instants is over; None where none begins."""
    first, last = (instant.astimezone(zone).date() for instant in (start, end))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return max(
        (closes for day in days for opens, closes in _openings_on(hours, day, zone) if start <= opens < end),
        default=None,
    )


def first_opening(hours: Hours, start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """When a store that is shut opens for the first time between two instants; None where it does not.

    What follows on another opening without a gap opens nothing: a store that never shuts is open at midnight too.
    """
    first, last = (instant.astimezone(zone).date() for instant in (start, end))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    moments = sorted(opens for day in days for opens, _ in _openings_on(hours, day, zone) if start <= opens < end)
    return next((opens for opens in moments if not is_open(hours, opens - _INSTANT_BEFORE, zone)), None)


def _openings_on(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The openings that begin on a civil date, in UTC."""
    different = {one["date"]: one["periods"] for one in hours["exceptions"]}
    weekday = WEEKDAYS[day.weekday()]
    weekly = hours["weekly"]
    usual = _ALL_DAY if weekly is None else [one for one in weekly if one["weekday"] == weekday]
    for period in different.get(day.isoformat(), usual):
        opens_at, closes_at = time.fromisoformat(period["opens_at"]), time.fromisoformat(period["closes_at"])
        closing_day = day if closes_at > opens_at else day + timedelta(days=1)
        yield _instant(day, opens_at, zone), _instant(closing_day, closes_at, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def in_quiet_hours(start: time | None, end: time | None, at: datetime, zone: ZoneInfo) -> bool:
    """Whether a person's quiet hours, which may go past midnight, hold at this instant in this zone."""
    if start is None or end is None:
        return False
    now = at.astimezone(zone).time().replace(tzinfo=None)
    return start <= now < end if start <= end else now >= start or now < end
