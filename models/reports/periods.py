"""Calendar periods of reports: ISO weeks and months by their days, so that no database has to compute them."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta


def weeks(from_date: date, to_date: date) -> dict[date, str]:
    """Return the ISO weeks (Monday to Sunday) that touch these days: labels such as 2026-W10 by their last day."""
    return {last: _week(first) for first, last in _periods(from_date, to_date, _monday, max_days=7)}


def months(from_date: date, to_date: date) -> dict[date, str]:
    """Return the months that touch these days: labels such as 2026-03 by their last day."""
    return {last: month(first) for first, last in _periods(from_date, to_date, first_of_month, max_days=31)}


def labels_of(by: str, from_date: date, to_date: date) -> list[str]:
    """Return the labels of the days, weeks or months (`by`) that touch these days, in order."""
    match by:
        case "week":
            return list(weeks(from_date, to_date).values())
        case "month":
            return list(months(from_date, to_date).values())
    return [str(from_date + timedelta(days=number)) for number in range((to_date - from_date).days + 1)]


def _periods(
    from_date: date, to_date: date, first_day: Callable[[date], date], *, max_days: int
) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each period; `first_day` returns the first day of the period of a day."""
    first = first_day(from_date)
    while first <= to_date:
        following = first_day(first + timedelta(days=max_days))
        yield first, following - timedelta(days=1)
        first = following


def whole_months(from_date: date, to_date: date) -> list[date]:
    """Return the first days of the months of which every day is among these."""
    periods = _periods(from_date, to_date, first_of_month, max_days=31)
    return [first for first, last in periods if from_date <= first and last <= to_date]


def whole_months_over(from_date: date, to_date: date, *, at: datetime) -> list[date]:
    """Return the first days of the whole months among these days of which every business day is over in every zone."""
    return whole_months(from_date, min(to_date, last_day(newest_month_over(at))))


def newest_month_over(at: datetime) -> date:
    """Return the first day of the last month that is over in every zone. `at` is UTC."""
    return following_month(at.date() - timedelta(days=1), -1)


def last_day(month: date) -> date:
    return following_month(month) - timedelta(days=1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def month(day: date) -> str:
    return f"{day:%Y-%m}"


def previous_period(from_date: date, to_date: date) -> tuple[date, date]:
    """Return the period before: as many whole months if the period consists of whole months, else as many days."""
    last = from_date - timedelta(days=1)
    if _are_whole_months(from_date, to_date):
        number_of_months = (to_date.year - from_date.year) * 12 + to_date.month - from_date.month + 1
        return following_month(from_date, -number_of_months), last
    return from_date - (to_date - from_date) - timedelta(days=1), last


def same_period_last_year(from_date: date, to_date: date) -> tuple[date, date]:
    """Return the same months of the year before, or else the same days, with 28 February for the 29th."""
    first, last = (_same_day(day, day.year - 1) for day in (from_date, to_date))
    return first, last_day(last) if _are_whole_months(from_date, to_date) else last


def _are_whole_months(from_date: date, to_date: date) -> bool:
    return from_date.day == 1 and (to_date + timedelta(days=1)).day == 1


def _same_day(day: date, year: int) -> date:
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def following_month(day: date, step: int = 1) -> date:
    """Return the first day of the month that comes so many months after the day's own, or before it if negative."""
    year, month_index = divmod(day.year * 12 + day.month - 1 + step, 12)
    return date(year, month_index + 1, 1)
