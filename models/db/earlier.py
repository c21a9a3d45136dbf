"""Arithmetic with instants and days in SQL. The databases write it differently, so it stands here."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Integer, SQLColumnExpression, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.db.base import UtcDateTime


class Earlier(FunctionElement[datetime]):
    """The instant that is some whole seconds before another one."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, instant: SQLColumnExpression[datetime], by: timedelta) -> None:
        super().__init__(instant, literal(int(by.total_seconds())))


@compiles(Earlier, "postgresql")
def _on_postgresql(element: Earlier, compiler: SQLCompiler, **options: Any) -> str:
    instant, seconds = (compiler.process(part, **options) for part in element.clauses)
    return f"({instant} - make_interval(secs => {seconds}))"


@compiles(Earlier, "sqlite")
def _on_sqlite(element: Earlier, compiler: SQLCompiler, **options: Any) -> str:
    """Write it as SQLite stores an instant: as text, with six digits after the second."""
    instant, seconds = (compiler.process(part, **options) for part in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {instant}, '-' || {seconds} || ' seconds') || '000')"


class EarlierDay(FunctionElement[date]):
    """The day that is some whole days before another one."""

    inherit_cache = True
    type = Date()

    def __init__(self, day: SQLColumnExpression[date], by: timedelta) -> None:
        super().__init__(day, literal(by.days))


@compiles(EarlierDay, "postgresql")
def _day_on_postgresql(element: EarlierDay, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(part, **options) for part in element.clauses)
    return f"({day} - {days})"


@compiles(EarlierDay, "sqlite")
def _day_on_sqlite(element: EarlierDay, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(part, **options) for part in element.clauses)
    return f"date({day}, '-' || {days} || ' days')"


class DaysBetween(FunctionElement[int]):
    """The days from the first day to the second one."""

    inherit_cache = True
    type = Integer()


@compiles(DaysBetween, "postgresql")
def _difference_on_postgresql(element: DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(part, **options) for part in element.clauses)
    return f"({second} - {first})"


@compiles(DaysBetween, "sqlite")
def _difference_on_sqlite(element: DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    """Write it by day numbers: SQLite stores a day as text."""
    first, second = (compiler.process(part, **options) for part in element.clauses)
    return f"(julianday({second}) - julianday({first}))"
