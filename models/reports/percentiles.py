"""Median and 90th percentile after PERCENTILE_CONT, exactly, with one SQL text for both databases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, or_, select

MEDIAN, P90 = 5, 9  # in tenths of the way from the smallest to the largest


@dataclass(frozen=True)
class Spread:
    """How long something took, in minutes, over the `n` times it happened."""

    median: float | None
    p90: float | None
    n: int


NOTHING = Spread(None, None, 0)


def neighbours(
    question: Select[Any], seconds: SQLColumnExpression[int | None], keys: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    """Of each group of `question` the few values its percentiles lie between: (*keys, seconds, place, n).

    `place` counts from 0. A percentile stands at (n - 1) * tenths / 10, between the places below and above it; both
    sides are multiplied out, so that whole numbers are compared.
    """
    place = func.row_number().over(partition_by=keys or None, order_by=seconds) - 1
    size = func.count().over(partition_by=keys or None)
    ranked = (
        question.where(seconds.is_not(None))
        .with_only_columns(
            *(key.label(f"key_{number}") for number, key in enumerate(keys)),
            seconds.label("seconds"),
            place.label("place"),
            size.label("n"),
        )
        .subquery("ranked")
    )
    column = ranked.c
    around = (
        and_((column.place - 1) * 10 <= (column.n - 1) * tenths, (column.n - 1) * tenths < (column.place + 1) * 10)
        for tenths in (MEDIAN, P90)
    )
    return select(ranked).where(or_(*around))


def spread(n: int, seconds: Mapping[int, int]) -> Spread:
    """The percentiles of `n` values of which those around them are known by place."""
    if not n:
        return NOTHING
    return Spread(_minutes(MEDIAN, n, seconds), _minutes(P90, n, seconds), n)


def _minutes(tenths: int, n: int, seconds: Mapping[int, int]) -> float:
    """Linear interpolation between the two neighbouring ranks; whole numbers up to the last step."""
    below, rest = divmod((n - 1) * tenths, 10)
    above = below + 1 if rest else below
    return (seconds[below] * (10 - rest) + seconds[above] * rest) / 600
