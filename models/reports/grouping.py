"""What a report can be grouped by: the columns that make a group, and what it is called."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, select
from sqlalchemy.orm import Session

from models.errors import Invalid
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.organization import Region
from models.organizations.store import Store
from models.organizations.store_group import StoreGroup, StoreGroupMember
from models.organizations.vocabulary import Category, Cause, Question
from models.recovery.remedy import Remedy
from models.reports.periods import month, months, weeks


class GroupBy(StrEnum):
    STORE = "store"
    REGION = "region"
    GROUP = "group"
    CATEGORY = "category"
    CAUSE = "cause"
    CHANNEL = "channel"
    REMEDY = "remedy"
    ITEM = "item"
    QUESTION = "question"
    KIND = "kind"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


STORE_DIMENSIONS = frozenset({GroupBy.STORE, GroupBy.REGION, GroupBy.GROUP})
CONCERN_DIMENSIONS = frozenset({GroupBy.CATEGORY, GroupBy.CAUSE, GroupBy.CHANNEL})
TIME_DIMENSIONS = frozenset({GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH})
OVERLAPPING_DIMENSIONS = frozenset({GroupBy.GROUP})  # a store may be in several: their rows do not add up
RECOVERY_DIMENSIONS = tuple(by for by in GroupBy if by in STORE_DIMENSIONS | CONCERN_DIMENSIONS | TIME_DIMENSIONS)
NAMES: dict[GroupBy, Any] = {
    GroupBy.STORE: Store.name,
    GroupBy.REGION: Region.name,
    GroupBy.GROUP: StoreGroup.name,
    GroupBy.CATEGORY: Category.name,
    GroupBy.CAUSE: Cause.name,
    GroupBy.REMEDY: Remedy.name,
    GroupBy.ITEM: CatalogueItem.name,
    GroupBy.QUESTION: Question.text,
}
CALENDARS = {GroupBy.WEEK: weeks, GroupBy.MONTH: months}


@dataclass(frozen=True)
class NamedLabel:
    """What the organization named itself: a store, region, group, category, cause, remedy, item or question.

    Without slug and name where somebody may know that it is one thing, and not which.
    """

    id: UUID
    slug: str | None
    name: str | None


MAX_GROUPS = 20_000  # groups of one report: more than anybody reads, and as many as an answer carries in time
Label = NamedLabel | str | None  # None: what has no category, cause or question, or is of a store in no group
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Dimension:
    """One way to group: the column that tells the groups apart, and how its values are read."""

    column: Any
    join: Callable[[Select[Any]], Select[Any]] = lambda stmt: stmt
    read: Callable[[Any], Any] = lambda value: value


class Grouping:
    """The groups of one report over rows `of` a kind that has a store and a business date, joined with that store.

    `monthly` rows stand for a month each, by its first day. `columns` are those of a dimension that stand elsewhere.
    Stores of one group, `group_id`, are told by that one alone: of any other there would be half, under its full name.
    """

    def __init__(
        self,
        group_by: Sequence[GroupBy],
        from_date: date,
        to_date: date,
        *,
        of: Any,
        monthly: bool = False,
        group_id: UUID | None = None,
        columns: Mapping[GroupBy, Any] | None = None,
        most: int | None = None,
    ) -> None:
        elsewhere = {by: Dimension(column) for by, column in (columns or {}).items()}
        self._dimensions = [
            elsewhere.get(by) or _dimension(by, from_date, to_date, of, monthly=monthly, group_id=group_id)
            for by in group_by
        ]
        self._most = most
        self.keys = tuple(dimension.column for dimension in self._dimensions)

    def join(self, stmt: Select[Any]) -> Select[Any]:
        for dimension in self._dimensions:
            stmt = dimension.join(stmt)
        return stmt

    def told(self, session: Session, stmt: Select[Any], *more: Any) -> Iterator[tuple[Key, Sequence[Any]]]:
        """One row for each of these groups, and of `more` within it. Invalid where there are more than `most`."""
        at_most = None if self._most is None else self._most + 1
        rows = session.execute(stmt.group_by(*self.keys, *more).limit(at_most)).all()
        if self._most is not None and len(rows) > self._most:
            raise too_many_groups(self._most)
        return self.each(rows)

    def each(self, rows: Iterable[Row[Any]]) -> Iterator[tuple[Key, Sequence[Any]]]:
        """Rows that begin with the `keys`: the key of the group, and the rest of the row."""
        size = len(self.keys)
        for row in rows:
            yield self._read(row[:size]), row[size:]

    def _read(self, raw: Key) -> Key:
        return tuple(it.read(value) for it, value in zip(self._dimensions, raw, strict=True))


def too_many_groups(most: int) -> Invalid:
    return Invalid(f"These are more than {most} rows: ask for fewer days, or for larger groups.")


def _dimension(
    by: GroupBy, from_date: date, to_date: date, of: Any, *, monthly: bool, group_id: UUID | None
) -> Dimension:
    if by is GroupBy.MONTH and monthly:
        return Dimension(of.business_date, read=month)
    if by in CALENDARS:
        labels_ = CALENDARS[by](from_date, to_date)
        # No table of periods to join: such a statement would be compiled anew each time.
        first_that_ends_later = case(*((of.business_date <= last, last) for last in labels_))
        return Dimension(first_that_ends_later, read=labels_.__getitem__)
    match by:
        case GroupBy.REGION:
            return Dimension(Store.region_id)
        case GroupBy.GROUP:
            groups = Store.in_groups
            told = groups if group_id is None else groups.and_(StoreGroupMember.group_id == group_id)
            return Dimension(StoreGroupMember.group_id, join=lambda stmt: stmt.outerjoin(told))
        case GroupBy.DAY:
            return Dimension(of.business_date, read=str)
        case _:
            return Dimension(getattr(of, by if by in (GroupBy.CHANNEL, GroupBy.KIND) else f"{by}_id"))


def labels(session: Session, group_by: Sequence[GroupBy], keys: Iterable[Key]) -> dict[Key, dict[str, Label]]:
    """What these groups are called, by dimension; one statement for each that has names."""
    names = {by: _names(session, NAMES[by]) for by in group_by if by in NAMES}

    def label(by: GroupBy, value: Any) -> Label:
        if value is None:
            return None
        return names[by][value] if by in names else str(value)

    return {key: {by.value: label(by, value) for by, value in zip(group_by, key, strict=True)} for key in keys}


def _names(session: Session, name: Any) -> dict[UUID, NamedLabel]:
    kind = name.class_
    return {row.id: NamedLabel(*row) for row in session.execute(select(kind.id, kind.slug, name))}


def sort_key(group: dict[str, Label]) -> list[tuple[bool, str]]:
    """Sorts groups by their labels, named ones by slug, and what has none last."""
    return [
        (label is None, (label.slug or str(label.id)) if isinstance(label, NamedLabel) else label or "")
        for label in group.values()
    ]
