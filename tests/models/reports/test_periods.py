"""Weeks and months as tables of dates."""

from datetime import date
from itertools import pairwise

import pytest
import sqlalchemy as sa

from models.reports.periods import a_year_before, before, months, weeks
from models.session import Database, DatabaseRole


def rows(url: str, calendar: sa.CTE) -> list[tuple[str, date, date]]:
    database = Database(url, DatabaseRole.WORKER)
    with database.engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.select(calendar))]
    database.close()
    return found


def test_a_week_goes_from_monday_to_sunday_and_belongs_to_the_year_of_its_thursday(database_url: str) -> None:
    assert rows(database_url, weeks(date(2026, 12, 27), date(2027, 1, 4))) == [
        ("2026-W52", date(2026, 12, 21), date(2026, 12, 27)),
        ("2026-W53", date(2026, 12, 28), date(2027, 1, 3)),
        ("2027-W01", date(2027, 1, 4), date(2027, 1, 10)),
    ]


def test_months_follow_each_other_whatever_their_length(database_url: str) -> None:
    assert rows(database_url, months(date(2023, 12, 31), date(2024, 3, 1))) == [
        ("2023-12", date(2023, 12, 1), date(2023, 12, 31)),
        ("2024-01", date(2024, 1, 1), date(2024, 1, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-03", date(2024, 3, 1), date(2024, 3, 31)),
    ]


def test_every_day_of_eleven_hundred_is_in_exactly_one_period(database_url: str) -> None:
    first, last = date(2026, 1, 31), date(2029, 2, 3)
    for calendar in (weeks(first, last), months(first, last)):
        periods = rows(database_url, calendar)
        assert periods[0][1] <= first
        assert last <= periods[-1][2]
        assert all((following[1] - before[2]).days == 1 for before, following in pairwise(periods))


@pytest.mark.parametrize(
    ("period", "earlier"),
    [
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),
        (("2026-03-02", "2026-03-08"), ("2026-02-23", "2026-03-01")),
        (("2026-03-03", "2026-03-03"), ("2026-03-02", "2026-03-02")),
    ],
)
def test_before_it_come_as_many_months_or_else_as_many_days(period: tuple[str, str], earlier: tuple[str, str]) -> None:
    first, last = map(date.fromisoformat, period)
    assert before(first, last) == tuple(map(date.fromisoformat, earlier))


def test_a_year_before_are_the_same_days_and_a_leap_day_is_the_one_before_it() -> None:
    assert a_year_before(date(2026, 3, 1), date(2026, 3, 31)) == (date(2025, 3, 1), date(2025, 3, 31))
    assert a_year_before(date(2024, 2, 1), date(2024, 2, 29)) == (date(2023, 2, 1), date(2023, 2, 28))
