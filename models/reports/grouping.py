"""Dimensions and grouping: the columns that make the groups of a report, and the labels of these groups."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from models.reports.clock_split import ClockSplit
from models.reports.merged_words import NOTHING_MERGED, MergedWords
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
    WEEKDAY = "weekday"
    HOUR = "hour"


STORE_DIMENSIONS = frozenset({GroupBy.STORE, GroupBy.REGION, GroupBy.GROUP})
WORD_DIMENSIONS = frozenset({GroupBy.CATEGORY, GroupBy.CAUSE})  # of which one may be merged into another one
# Of concerns of one store and day, which a check or a receipt does not tell apart.
CONCERN_DIMENSIONS = WORD_DIMENSIONS | {GroupBy.CHANNEL, GroupBy.HOUR}
CLOCK_DIMENSIONS = frozenset({GroupBy.HOUR, GroupBy.WEEKDAY})  # of which a row may be one person's: see ClockSplit
TIME_DIMENSIONS = frozenset({GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH})
# A store may be in several store groups, so the rows of such a report do not add up to its total.
OVERLAPPING_DIMENSIONS = frozenset({GroupBy.GROUP})
RECOVERY_DIMENSIONS = tuple(
    by for by in GroupBy if by in STORE_DIMENSIONS | CONCERN_DIMENSIONS | TIME_DIMENSIONS | CLOCK_DIMENSIONS
)
NAME_COLUMNS: dict[GroupBy, Any] = {
    GroupBy.STORE: Store.name,
    GroupBy.REGION: Region.name,
    GroupBy.GROUP: StoreGroup.name,
    GroupBy.CATEGORY: Category.name,
    GroupBy.CAUSE: Cause.name,
    GroupBy.REMEDY: Remedy.name,
    GroupBy.ITEM: CatalogueItem.name,
    GroupBy.QUESTION: Question.text,
}
WEEKDAY_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
CALENDARS = {GroupBy.WEEK: weeks, GroupBy.MONTH: months}


@dataclass(frozen=True)
class NamedLabel:
    """Label of a group that the organization named itself, such as a store, a cause or a remedy.

    Slug and name are None where the reader may know that there is such a thing, but not what it is called. `names` are
    those in further languages.
    """

    id: UUID
    slug: str | None
    name: str | None
    names: Mapping[str, str] = field(default_factory=dict)


MAX_GROUPS = 20_000  # groups of one report: more than anybody reads, and as many as are answered in time
Label = NamedLabel | str | None  # None: concerns without a category, cause or question, or stores in no store group
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Dimension:
    """One way to group: the column whose values make the groups, its join if any, and how a value is read."""

    column: Any
    join: Callable[[Select[Any]], Select[Any]] = lambda stmt: stmt
    read: Callable[[Any], Any] = lambda value: value


class Grouping:
    """The groups of one report over rows of a model.

    The model has a store and a business date, and its rows are joined with that store.

    Args:
        group_by: the dimensions, in the order of the key.
        from_date: the first business day of the rows.
        to_date: the last business day of the rows.
        model: the model that has `business_date` and the columns of the dimensions, such as `category_id`.
        monthly: whether each row stands for a month, by its first day.
        group_id: the store group the report is limited to. Stores are then grouped by that store group only: of any
            other one they are in, the report would show a part under the name of the whole.
        columns: the columns of dimensions that stand in another model.
        merged_words: the merges by which categories and causes are mapped.
        clock: what may be shown by hour or weekday, for these dimensions.
        max_groups: the number of groups above which `fetch` raises Invalid; None for no limit.
    """

    def __init__(
        self,
        group_by: Sequence[GroupBy],
        from_date: date,
        to_date: date,
        *,
        model: Any,
        monthly: bool = False,
        group_id: UUID | None = None,
        columns: Mapping[GroupBy, Any] | None = None,
        merged_words: MergedWords = NOTHING_MERGED,
        clock: ClockSplit | None = None,
        max_groups: int | None = None,
    ) -> None:
        special = {by: Dimension(column) for by, column in (columns or {}).items()}
        if GroupBy.CATEGORY in group_by:
            special[GroupBy.CATEGORY] = Dimension(merged_words.category_id(model))
        if GroupBy.CAUSE in group_by:
            special[GroupBy.CAUSE] = Dimension(merged_words.cause_id(model))
        if clock is not None:
            by, read = (GroupBy.HOUR, _hour_label) if clock.by_hour else (GroupBy.WEEKDAY, _weekday_label)
            if by in group_by:
                special[by] = Dimension(clock.column(model), read=read)
        self._dimensions = [
            special.get(by) or _dimension(by, from_date, to_date, model, monthly=monthly, group_id=group_id)
            for by in group_by
        ]
        self._max_groups = max_groups
        self.keys = tuple(dimension.column for dimension in self._dimensions)

    def add_joins(self, stmt: Select[Any]) -> Select[Any]:
        """Return the statement joined with the tables that the dimensions need."""
        for dimension in self._dimensions:
            stmt = dimension.join(stmt)
        return stmt

    def fetch(self, session: Session, stmt: Select[Any], *more_keys: Any) -> Iterator[tuple[Key, Sequence[Any]]]:
        """Yield one row for each group, and within it for each value of `more_keys`.

        The columns of the statement begin with `keys`. Raises Invalid for more than `max_groups` rows.
        """
        limit = None if self._max_groups is None else self._max_groups + 1
        rows = session.execute(stmt.group_by(*self.keys, *more_keys).limit(limit)).all()
        if self._max_groups is not None and len(rows) > self._max_groups:
            raise too_many_groups(self._max_groups)
        return self.split_keys(rows)

    def split_keys(self, rows: Iterable[Row[Any]]) -> Iterator[tuple[Key, Sequence[Any]]]:
        """Yield the key of each row's group and the rest of the row. The rows begin with `keys`."""
        size = len(self.keys)
        for row in rows:
            yield self._read_key(row[:size]), row[size:]

    def _read_key(self, values: Key) -> Key:
        return tuple(dimension.read(value) for dimension, value in zip(self._dimensions, values, strict=True))


def _hour_label(hour: int | None) -> str | None:
    return None if hour is None else f"{int(hour):02}"


def _weekday_label(weekday: int | None) -> str | None:
    return None if weekday is None else WEEKDAY_NAMES[int(weekday)]


def too_many_groups(max_groups: int) -> Invalid:
    return Invalid(f"These are more than {max_groups} rows: ask for fewer days, or for larger groups.")


def _dimension(
    by: GroupBy, from_date: date, to_date: date, model: Any, *, monthly: bool, group_id: UUID | None
) -> Dimension:
    if by is GroupBy.MONTH and monthly:
        return Dimension(model.business_date, read=month)
    if by in CALENDARS:
        label_by_last_day = CALENDARS[by](from_date, to_date)
        # CASE instead of a joined table of periods: SQLAlchemy would compile such a statement for every request.
        period = case(*((model.business_date <= last_day, last_day) for last_day in label_by_last_day))
        return Dimension(period, read=label_by_last_day.__getitem__)
    match by:
        case GroupBy.REGION:
            return Dimension(Store.region_id)
        case GroupBy.GROUP:
            members = Store.in_groups
            joined = members if group_id is None else members.and_(StoreGroupMember.group_id == group_id)
            return Dimension(StoreGroupMember.group_id, join=lambda stmt: stmt.outerjoin(joined))
        case GroupBy.DAY:
            return Dimension(model.business_date, read=str)
        case _:
            return Dimension(getattr(model, by if by in (GroupBy.CHANNEL, GroupBy.KIND) else f"{by}_id"))


def labels(session: Session, group_by: Sequence[GroupBy], keys: Iterable[Key]) -> dict[Key, dict[str, Label]]:
    """Return the labels of each key's group by dimension. Each dimension that has names costs one statement."""
    labels_by_id = {by: _named_labels(session, NAME_COLUMNS[by]) for by in group_by if by in NAME_COLUMNS}

    def label(by: GroupBy, value: Any) -> Label:
        if value is None:
            return None
        return labels_by_id[by][value] if by in labels_by_id else str(value)

    return {key: {by.value: label(by, value) for by, value in zip(group_by, key, strict=True)} for key in keys}


def _named_labels(session: Session, name: Any) -> dict[UUID, NamedLabel]:
    model = name.class_
    further = [model.names] if hasattr(model, "names") else []
    return {row.id: NamedLabel(*row) for row in session.execute(select(model.id, model.slug, name, *further))}


def sort_key(group: dict[str, Label]) -> list[tuple[bool, str]]:
    """Return a key that sorts groups by their labels: named ones by slug, weekdays from Monday on, and none last."""

    def text(by: str, label: Label) -> str:
        if isinstance(label, NamedLabel):
            return label.slug or str(label.id)
        return str((WEEKDAY_NAMES.index(label) - 1) % 7) if label and by == GroupBy.WEEKDAY else label or ""

    return [(label is None, text(by, label)) for by, label in group.items()]
