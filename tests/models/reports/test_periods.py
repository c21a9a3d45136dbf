"""Calendar periods of reports."""

from datetime import date, timedelta

import pytest

from models.reports.periods import last_day, months, previous_period, same_period_last_year, weeks, whole_months


def test_a_week_goes_from_monday_to_sunday_and_belongs_to_the_year_of_its_thursday() -> None:
    assert weeks(date(2026, 12, 27), date(2027, 1, 4)) == {
        date(2026, 12, 27): "2026-W52",
        date(2027, 1, 3): "2026-W53",
        date(2027, 1, 10): "2027-W01",
    }


def test_months_follow_each_other_whatever_their_length() -> None:
    assert months(date(2023, 12, 31), date(2024, 3, 1)) == {
        date(2023, 12, 31): "2023-12",
        date(2024, 1, 31): "2024-01",
        date(2024, 2, 29): "2024-02",
        date(2024, 3, 31): "2024-03",
    }


def test_a_day_is_in_the_first_period_that_does_not_end_before_it() -> None:
    first, last = date(2026, 1, 31), date(2029, 2, 3)
    week_labels, month_labels = weeks(first, last), months(first, last)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        year, week, _ = day.isocalendar()
        assert next(label for end, label in week_labels.items() if day <= end) == f"{year}-W{week:02}"
        assert next(label for end, label in month_labels.items() if day <= end) == f"{day:%Y-%m}"


@pytest.mark.parametrize(
    ("from_date", "to_date", "expected"),
    [
        ("2026-01-01", "2026-03-31", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("2026-01-02", "2026-03-30", ["2026-02-01"]),
        ("2026-12-01", "2027-01-30", ["2026-12-01"]),
        ("2026-01-02", "2026-02-27", []),
        ("2026-01-05", "2026-01-06", []),
    ],
)
def test_a_month_is_whole_if_the_period_has_each_of_its_days(from_date: str, to_date: str, expected: list[str]) -> None:
    whole = whole_months(date.fromisoformat(from_date), date.fromisoformat(to_date))
    assert [str(month) for month in whole] == expected
    assert all(last_day(month).day in (28, 31) for month in whole)


@pytest.mark.parametrize(
    ("period", "earlier"),
    [
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),
        (("2026-03-02", "2026-03-08"), ("2026-02-23", "2026-03-01")),
        (("2026-03-03", "2026-03-03"), ("2026-03-02", "2026-03-02")),
    ],
)
def test_the_previous_period_has_as_many_months_or_else_as_many_days(
    period: tuple[str, str], earlier: tuple[str, str]
) -> None:
    first, last = map(date.fromisoformat, period)
    assert previous_period(first, last) == tuple(map(date.fromisoformat, earlier))


@pytest.mark.parametrize(
    ("year", "last", "last_a_year_before"), [(2028, 29, 28), (2025, 28, 29), (2026, 28, 28)], ids=str
)
def test_a_whole_month_is_compared_with_the_whole_month_last_year(
    year: int, last: int, last_a_year_before: int
) -> None:
    before = (date(year - 1, 2, 1), date(year - 1, 2, last_a_year_before))
    assert same_period_last_year(date(year, 2, 1), date(year, 2, last)) == before
    first, _ = same_period_last_year(date(year, 1, 1), date(year, 2, last))
    assert (first, same_period_last_year(date(year, 1, 1), date(year, 2, last))[1]) == (date(year - 1, 1, 1), before[1])
    assert same_period_last_year(date(year, 2, 2), date(year, 2, 28))[1] == date(year - 1, 2, 28)


def test_the_same_period_last_year_has_the_28th_for_a_29th_of_february() -> None:
    assert same_period_last_year(date(2026, 3, 1), date(2026, 3, 31)) == (date(2025, 3, 1), date(2025, 3, 31))
    assert same_period_last_year(date(2024, 2, 1), date(2024, 2, 29)) == (date(2023, 2, 1), date(2023, 2, 28))
