"""Number of days between two dates in SQL."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class days_between(FunctionElement[int]):  # noqa: N801 used as a function
    """The days from the first date to the second one. SQLite has dates as text; hence the difference."""

    type = Integer()
    inherit_cache = True


@compiles(days_between, "sqlite")
def _subtract_in_sqlite(element: days_between, compiler: Any, **keywords: Any) -> str:
    first, second = (compiler.process(date, **keywords) for date in element.clauses)
    return f"(julianday({second}) - julianday({first}))"


@compiles(days_between, "postgresql")
def _subtract_in_postgresql(element: days_between, compiler: Any, **keywords: Any) -> str:
    first, second = (compiler.process(date, **keywords) for date in element.clauses)
    return f"({second} - {first})"
