"""Where the totals of a report come from: whole months and days that are kept, and the rows of what is marked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, true

from models.concerns.concern import Concern
from models.db.session import ScopedSession
from models.reports.grouping import MAX_GROUPS, GroupBy, Grouping, Key, too_many_groups
from models.reports.periods import last_day
from models.reports.rollups.aggregates import Totals, TotalsByGroup, count_concerns, count_listening, group_totals
from models.reports.rollups.dirty import Dirty, find_dirty
from models.reports.rollups.month_cache import cached_month_totals
from models.reports.rollups.scope import RollupQuery
from models.reports.rollups.tables import Rollup, RollupCause, RollupDay, RollupMonth, sum_rollups

ONE_DAY = timedelta(days=1)


def read_totals(
    session: ScopedSession,
    stores: Sequence[ColumnElement[bool]],
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[GroupBy] = (),
    category: str | None = None,
    group_id: UUID | None = None,
) -> TotalsByGroup:
    """The total of each group: exact as of the snapshot that the session reads, however much of it is marked.

    Invalid where there are more than MAX_GROUPS of them.
    """
    scope = RollupQuery(stores, from_date, to_date, group_by, category, group_id)
    found = group_totals(_partial_totals(session, scope))
    if len(found) > MAX_GROUPS:
        raise too_many_groups(MAX_GROUPS)
    return found


def _partial_totals(session: ScopedSession, scope: RollupQuery) -> Iterator[tuple[Key, Totals]]:
    """Whole months, then days, then rows: each takes what those before it could not."""
    dirty = find_dirty(session, scope)
    yield from _whole_months(session, scope, dirty)
    for days in _remaining_days(scope, dirty):
        if scope.by_concern:
            yield from _count_rows(session, days)
        else:
            which = (*scope.stores, *days.which(RollupDay), ~dirty.on_day(RollupDay))
            yield from sum_rollups(session, RollupDay, *which, grouping=days.grouping(RollupDay))
    if dirty.months and not scope.by_concern:
        first, last = max(scope.from_date, min(dirty.months)), min(scope.to_date, last_day(max(dirty.months)))
        yield from _count_rows(session, _DayRange(scope, first, last, only=dirty.on_day))


def _whole_months(session: ScopedSession, scope: RollupQuery, dirty: Dirty) -> Iterator[tuple[Key, Totals]]:
    kept: type[Rollup] = RollupCause if scope.by_concern else RollupMonth
    clean = [month for month in scope.whole_months if month not in dirty.months]
    if GroupBy.STORE in scope.group_by:
        clean = []  # these are too many groups to be remembered
    if clean:
        yield from cached_month_totals(session, scope, kept, clean)
    if rest := [month for month in scope.whole_months if month not in clean]:
        clean_stores = ((kept.business_date != month) | ~dirty.of_store(kept, month) for month in dirty.months)
        which = (*scope.asked_of(kept), kept.business_date.in_(rest), *clean_stores)
        yield from sum_rollups(session, kept, *which, grouping=scope.grouping(kept, monthly=True))


def _remaining_days(scope: RollupQuery, dirty: Dirty) -> "Iterator[_DayRange]":
    """What no whole month answers: the days around them, and in each of them those of the stores marked in it.

    One after the other, or no index would find them.
    """
    whole = scope.whole_months
    if not whole:
        yield _DayRange(scope, scope.from_date, scope.to_date)
        return
    if scope.from_date < whole[0]:
        yield _DayRange(scope, scope.from_date, whole[0] - ONE_DAY)
    if (after := last_day(whole[-1]) + ONE_DAY) <= scope.to_date:
        yield _DayRange(scope, after, scope.to_date)
    for month in whole:
        if month in dirty.months:
            yield _DayRange(scope, month, last_day(month), only=partial(dirty.of_store, month=month))


@dataclass(frozen=True)
class _DayRange:
    """Days of a scope that follow each other, and if need be `only` some of what belongs to them."""

    scope: RollupQuery
    first: date
    last: date
    only: Callable[[Any], ColumnElement[bool]] = lambda _: true()

    def which(self, kind: Any) -> tuple[ColumnElement[bool], ...]:
        return kind.business_date.between(self.first, self.last), self.only(kind)

    def grouping(self, kind: Any) -> Grouping:
        return self.scope.grouping(kind, between=(self.first, self.last))


def _count_rows(session: ScopedSession, days: _DayRange) -> Iterator[tuple[Key, Totals]]:
    scope = days.scope
    concerns = select(Concern.id).select_from(Concern).join(Concern.store)
    concerns = concerns.where(*scope.asked_of(Concern), *days.which(Concern))
    yield from count_concerns(session, concerns, days.grouping(Concern))
    if not scope.by_concern:
        yield from count_listening(session, lambda kind: (*scope.stores, *days.which(kind)), days.grouping)
