"""Sums of whole months that a process has added up before: of a year asked again, only what has changed is read.

A month's sums are remembered under everything they were made from: the stores, the groups these are in, and the
edition of the month. So nothing that is remembered can be wrong: once any of it has changed, it is not found.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, select

from models.db.session import ScopedSession
from models.organizations.store import Store
from models.reports.grouping import MAX_GROUPS, STORE_DIMENSIONS, GroupBy, Grouping, Key
from models.reports.periods import month
from models.reports.rollups.aggregates import DURATIONS, Totals
from models.reports.rollups.scope import RollupQuery
from models.reports.rollups.tables import Rollup, RollupVersion, sum_rollups
from models.reports.stats.ddsketch import compact

TOTALS_BYTES = 2048  # bytes without its histograms


def cached_month_totals(
    session: ScopedSession, scope: RollupQuery, kept: type[Rollup], months: Sequence[date]
) -> Iterator[tuple[Key, Totals]]:
    """The totals of each group in each of these months; one statement for all that nobody remembers."""
    made_from = (session.tenant, kept, tuple(scope.group_by), scope.category, _stores_digest(session, scope))
    kept_now = session.execute(
        select(RollupVersion.month, RollupVersion.version_id).where(RollupVersion.month.in_(months))
    )
    editions: dict[date, UUID] = dict(kept_now.all())
    names = {first_day: (made_from, first_day, editions.get(first_day)) for first_day in months}
    found = {first_day: session.month_totals.get(name) for first_day, name in names.items()}
    if missing := [first_day for first_day, totals in found.items() if totals is None]:
        for first_day, totals in _sum_months(session, scope, kept, missing).items():
            session.month_totals.put(names[first_day], totals, size=_bytes_of(totals))
            found[first_day] = totals
    for totals in found.values():
        yield from totals.items()


def _stores_digest(session: ScopedSession, scope: RollupQuery) -> bytes:
    """What tells these stores, and which groups each of them is in, from any others."""
    group_by = [by for by in scope.group_by if by in STORE_DIMENSIONS]
    groups = Grouping(group_by, scope.from_date, scope.to_date, of=Store, group_id=scope.group_id)
    ids = [cast(id_, String) for id_ in (Store.id, *groups.keys)]
    rows = session.execute(groups.join(select(Store.id).where(*scope.stores)).with_only_columns(*ids))
    return sha256("".join(sorted("".join(id_ or "-" for id_ in row) for row in rows)).encode()).digest()


def _sum_months(
    session: ScopedSession, scope: RollupQuery, kept: type[Rollup], months: Sequence[date]
) -> Mapping[date, dict[Key, Totals]]:
    by_month = (*scope.group_by, GroupBy.MONTH)
    most = MAX_GROUPS * len(months)
    shown: dict[str, Any] = {"of": kept, "monthly": True, "group_id": scope.group_id, "most": most}
    grouping = Grouping(by_month, scope.from_date, scope.to_date, **shown)
    which = (*scope.asked_of(kept), kept.business_date.in_(months))
    totals: dict[str, dict[Key, Totals]] = {month(first_day): {} for first_day in months}
    for (*key, label), total in sum_rollups(session, kept, *which, grouping=grouping):
        totals[label].setdefault(tuple(key), Totals()).add(total)
    return {
        first_day: {key: _compact(total) for key, total in totals[month(first_day)].items()} for first_day in months
    }


def _compact(total: Totals) -> Totals:
    seconds = {name: [compact(total.histogram(name))] for name in DURATIONS}
    return Totals(total.figures, total.cost, defaultdict(list, seconds))


def _bytes_of(totals: Mapping[Key, Totals]) -> int:
    """In bytes, as far as it matters."""
    histograms = chain.from_iterable(total.seconds.values() for total in totals.values())
    return TOTALS_BYTES * (1 + len(totals)) + sum(map(len, chain.from_iterable(histograms)))
