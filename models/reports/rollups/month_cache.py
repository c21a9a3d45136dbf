"""Month cache: sums of whole months per process, so that a repeated report reads only the months that changed.

The cache key holds everything the sums depend on: the organization, the stores, the store groups these are in, the
dimensions, the category, the merges of words that are not done yet, and the version of the month's rollups. A cached
value is therefore never stale; after a change its key is not looked up any more, and the LRU cache drops it in time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import chain
from uuid import UUID

from sqlalchemy import String, cast, select

from models.db.session import ScopedSession
from models.organizations.store import Store
from models.reports.grouping import MAX_GROUPS, STORE_DIMENSIONS, GroupBy, Grouping, Key
from models.reports.periods import month
from models.reports.rollups.aggregates import DURATIONS, sum_rollups
from models.reports.rollups.scope import RollupQuery
from models.reports.rollups.tables import Rollup, RollupVersion
from models.reports.stats.ddsketch import compact
from models.reports.totals import KeyedTotals, Totals

TOTALS_BYTES = 2048  # of one group, without its sketches


def cached_month_totals(
    session: ScopedSession, query: RollupQuery, rollup: type[Rollup], months: Sequence[date]
) -> KeyedTotals:
    """Yield the totals of each group in each of these months; one statement for all months that are not cached."""
    concerns = (tuple(query.group_by), query.category_id, query.merged_words)
    common_key = (session.tenant, rollup, concerns, _stores_digest(session, query))
    stmt = select(RollupVersion.month, RollupVersion.version_id).where(RollupVersion.month.in_(months))
    versions: dict[date, UUID] = dict(session.execute(stmt).all())
    cache_keys = {first_day: (common_key, first_day, versions.get(first_day)) for first_day in months}
    month_totals = {first_day: session.month_totals.get(key) for first_day, key in cache_keys.items()}
    if missing := [first_day for first_day, totals in month_totals.items() if totals is None]:
        for first_day, totals in _sum_months(session, query, rollup, missing).items():
            session.month_totals.put(cache_keys[first_day], totals, size=_estimate_bytes(totals))
            month_totals[first_day] = totals
    for totals in month_totals.values():
        yield from totals.items()


def _stores_digest(session: ScopedSession, query: RollupQuery) -> bytes:
    """Return a digest of the ids of these stores, and of the region and store groups each of them is grouped by."""
    group_by = [by for by in query.group_by if by in STORE_DIMENSIONS]
    grouping = Grouping(group_by, query.from_date, query.to_date, model=Store, group_id=query.group_id)
    id_columns = [cast(column, String) for column in (Store.id, *grouping.keys)]
    stmt = grouping.add_joins(select(Store.id).where(*query.stores)).with_only_columns(*id_columns)
    lines = sorted("".join(id_ or "-" for id_ in row) for row in session.execute(stmt))
    return sha256("".join(lines).encode()).digest()


def _sum_months(
    session: ScopedSession, query: RollupQuery, rollup: type[Rollup], months: Sequence[date]
) -> Mapping[date, dict[Key, Totals]]:
    grouping = Grouping(
        (*query.group_by, GroupBy.MONTH),
        query.from_date,
        query.to_date,
        model=rollup,
        monthly=True,
        group_id=query.group_id,
        merged_words=query.merged_words,
        max_groups=MAX_GROUPS * len(months),
    )
    criteria = (*query.criteria(rollup), rollup.business_date.in_(months))
    by_month: dict[str, dict[Key, Totals]] = {month(first_day): {} for first_day in months}
    for (*key, label), totals in sum_rollups(session, rollup, *criteria, grouping=grouping):
        by_month[label].setdefault(tuple(key), Totals()).add(totals)
    return {
        first_day: {key: _compact(totals) for key, totals in by_month[month(first_day)].items()} for first_day in months
    }


def _compact(totals: Totals) -> Totals:
    sketches = {name: [compact(totals.sketch(name))] for name in DURATIONS}
    return Totals(totals.figures, totals.cost, defaultdict(list, sketches), totals.recovered_in)


def _estimate_bytes(groups: Mapping[Key, Totals]) -> int:
    """Return about how many bytes the totals of a month take."""
    sketches = chain.from_iterable(totals.sketches.values() for totals in groups.values())
    return TOTALS_BYTES * (1 + len(groups)) + sum(map(len, chain.from_iterable(sketches)))
