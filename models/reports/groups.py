"""What a report can be grouped by: the columns that make a group, and what it is called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from models.concern import Concern
from models.organization import Region
from models.reports.periods import months, weeks
from models.store import Store
from models.vocabulary import Category, Cause


class GroupBy(StrEnum):
    STORE = "store"
    REGION = "region"
    CATEGORY = "category"
    CAUSE = "cause"
    CHANNEL = "channel"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


NAMED = frozenset({GroupBy.STORE, GroupBy.REGION, GroupBy.CATEGORY, GroupBy.CAUSE})


@dataclass(frozen=True)
class Named:
    """A group that the organization named itself: a store, region, category or cause."""

    id: UUID
    slug: str
    name: str


Label = Named | str | None  # None: the concerns that have no category or cause
Join = Callable[[Select[Any]], Select[Any]]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Dimension:
    """One way to group. The first of its columns tells its groups apart; `join` brings them in."""

    by: GroupBy
    columns: Sequence[Any]
    join: Join


class Grouping:
    """The groups of one report. Its questions select from Concern joined with Store."""

    def __init__(self, group_by: Sequence[GroupBy], from_date: date, to_date: date) -> None:
        self.dimensions = [_dimension(by, from_date, to_date) for by in group_by]
        self.keys = tuple(dimension.columns[0] for dimension in self.dimensions)
        self.columns = tuple(column for dimension in self.dimensions for column in dimension.columns)

    def join(self, question: Select[Any]) -> Select[Any]:
        for dimension in self.dimensions:
            question = dimension.join(question)
        return question

    def read(self, row: Sequence[Any]) -> tuple[Key, dict[str, Label]]:
        """What the values of `columns` stand for: the key of the group, and its label by dimension."""
        key, labels, values = [], {}, iter(row)
        for dimension in self.dimensions:
            shown = [next(values) for _ in dimension.columns]
            key.append(shown[0])
            labels[dimension.by.value] = _label(shown)
        return tuple(key), labels


def _label(shown: Sequence[Any]) -> Label:
    if shown[0] is None:
        return None
    return Named(*shown) if len(shown) > 1 else str(shown[0])


def in_order(group: dict[str, Label]) -> list[tuple[bool, str]]:
    """Sorts groups by their labels, named ones by slug, and what has none last."""
    return [(label is None, label.slug if isinstance(label, Named) else label or "") for label in group.values()]


def _dimension(by: GroupBy, from_date: date, to_date: date) -> Dimension:
    if by in CALENDARS:
        calendar = CALENDARS[by](from_date, to_date)
        within = Concern.business_date.between(calendar.c.first_date, calendar.c.last_date)
        return Dimension(by, (calendar.c.label,), lambda question: question.join(calendar, within))
    columns, join = PLAIN[by]
    return Dimension(by, columns, join)


def _named(kind: type[Store | Region | Category | Cause]) -> tuple[InstrumentedAttribute[Any], ...]:
    return (kind.id, kind.slug, kind.name)


CALENDARS = {GroupBy.WEEK: weeks, GroupBy.MONTH: months}
PLAIN: dict[GroupBy, tuple[Sequence[Any], Join]] = {
    GroupBy.STORE: (_named(Store), lambda question: question),
    GroupBy.REGION: (_named(Region), lambda question: question.join(Store.region)),
    GroupBy.CATEGORY: (_named(Category), lambda question: question.outerjoin(Concern.category)),
    GroupBy.CAUSE: (_named(Cause), lambda question: question.outerjoin(Concern.cause)),
    GroupBy.CHANNEL: ((Concern.channel,), lambda question: question),
    GroupBy.DAY: ((Concern.business_date,), lambda question: question),
}
