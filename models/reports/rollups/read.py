"""Totals of a report over rollups: clean months and days from rollups, dirty days from the rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, select, true

from models.concerns.concern import Concern
from models.db.session import ScopedSession
from models.reports.grouping import MAX_GROUPS, GroupBy, Grouping, too_many_groups
from models.reports.periods import last_day
from models.reports.rollups.aggregates import COUNTS_FOR_ITS_CAUSE, count_concerns, count_listening, sum_rollups
from models.reports.rollups.dirty import Dirty, find_dirty
from models.reports.rollups.month_cache import cached_month_totals
from models.reports.rollups.scope import RollupQuery
from models.reports.rollups.tables import Rollup, RollupCause, RollupDay, RollupMonth
from models.reports.totals import KeyedTotals, TotalsByGroup, group_totals

ONE_DAY = timedelta(days=1)


def read_totals(session: ScopedSession, query: RollupQuery) -> TotalsByGroup:
    """Return the totals of each group, exact as of the session's snapshot, however much of it is dirty.

    Raises Invalid for more than MAX_GROUPS groups.
    """
    groups = group_totals(_partial_totals(session, query))
    if len(groups) > MAX_GROUPS:
        raise too_many_groups(MAX_GROUPS)
    return groups


def _partial_totals(session: ScopedSession, query: RollupQuery) -> KeyedTotals:
    """Yield totals of clean months, then of the other clean days, then of dirty days. No day is counted twice."""
    dirty = find_dirty(session, query)
    yield from _read_months(session, query, dirty)
    for days in _days_outside_clean_months(query, dirty):
        if query.by_concern:
            yield from _count_rows(session, days)
        else:
            criteria = (*query.stores, *days.criteria(RollupDay), ~dirty.on_dirty_day(RollupDay))
            yield from sum_rollups(session, RollupDay, *criteria, grouping=days.grouping(RollupDay))
    if dirty.months and not query.by_concern:
        first, last = max(query.from_date, min(dirty.months)), min(query.to_date, last_day(max(dirty.months)))
        yield from _count_rows(session, _DayRange(query, first, last, only=dirty.on_dirty_day))


def _read_months(session: ScopedSession, query: RollupQuery, dirty: Dirty) -> KeyedTotals:
    """Yield totals of whole months: all stores of a clean month, and the clean stores of a dirty one."""
    rollup: type[Rollup] = RollupCause if query.by_concern else RollupMonth
    cacheable = [month for month in query.whole_months if month not in dirty.months]
    if GroupBy.STORE in query.group_by:
        cacheable = []  # too many groups for the cache
    if cacheable:
        yield from cached_month_totals(session, query, rollup, cacheable)
    if months := [month for month in query.whole_months if month not in cacheable]:
        clean_stores = (
            (rollup.business_date != month) | ~dirty.in_dirty_store(rollup, month) for month in dirty.months
        )
        criteria = (*query.criteria(rollup), rollup.business_date.in_(months), *clean_stores)
        yield from sum_rollups(session, rollup, *criteria, grouping=query.grouping(rollup, monthly=True))


def _days_outside_clean_months(query: RollupQuery, dirty: Dirty) -> "Iterator[_DayRange]":
    """Yield the days around the whole months, and each whole dirty month for the stores that are dirty in it.

    Each range is a statement of its own, because an index finds one range but not a disjunction of several.
    """
    whole_months = query.whole_months
    if not whole_months:
        yield _DayRange(query, query.from_date, query.to_date)
        return
    if query.from_date < whole_months[0]:
        yield _DayRange(query, query.from_date, whole_months[0] - ONE_DAY)
    if (after := last_day(whole_months[-1]) + ONE_DAY) <= query.to_date:
        yield _DayRange(query, after, query.to_date)
    for month in whole_months:
        if month in dirty.months:
            yield _DayRange(query, month, last_day(month), only=partial(dirty.in_dirty_store, month=month))


@dataclass(frozen=True)
class _DayRange:
    """Consecutive days of a query. `only` returns a further criterion on the rows of a model."""

    query: RollupQuery
    first: date
    last: date
    only: Callable[[Any], ColumnElement[bool]] = lambda _: true()

    def criteria(self, model: Any) -> tuple[ColumnElement[bool], ...]:
        return model.business_date.between(self.first, self.last), self.only(model)

    def grouping(self, model: Any) -> Grouping:
        return self.query.grouping(model, days=(self.first, self.last))


def _count_rows(session: ScopedSession, days: _DayRange) -> KeyedTotals:
    query = days.query
    concerns = select(Concern.id).select_from(Concern).join(Concern.store)
    concerns = concerns.where(*query.criteria(Concern), *days.criteria(Concern))
    if query.by_concern:
        concerns = concerns.where(COUNTS_FOR_ITS_CAUSE)
    yield from count_concerns(session, concerns, days.grouping(Concern))
    if not query.by_concern:
        yield from count_listening(session, lambda model: (*query.stores, *days.criteria(model)), days.grouping)
