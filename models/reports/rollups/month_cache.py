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
from models.reports.grouping import MOST, OF_STORES, GroupBy, Grouping, Key
from models.reports.periods import month
from models.reports.rollups.aggregates import SECONDS, Total
from models.reports.rollups.scope import Scope
from models.reports.rollups.tables import Edition, Kept, add_up
from models.reports.stats.ddsketch import compact

A_TOTAL = 2048  # bytes without its histograms


def remembered(
    session: ScopedSession, scope: Scope, kept: type[Kept], months: Sequence[date]
) -> Iterator[tuple[Key, Total]]:
    """The totals of each group in each of these months; one statement for all that nobody remembers."""
    made_from = (session.tenant, kept, tuple(scope.group_by), scope.category, _stores(session, scope))
    kept_now = session.execute(select(Edition.month, Edition.edition).where(Edition.month.in_(months)))
    editions: dict[date, UUID] = dict(kept_now.all())
    names = {first_day: (made_from, first_day, editions.get(first_day)) for first_day in months}
    found = {first_day: session.shelf.find(name) for first_day, name in names.items()}
    if missing := [first_day for first_day, totals in found.items() if totals is None]:
        for first_day, totals in _added_up(session, scope, kept, missing).items():
            session.shelf.keep(names[first_day], totals, size=_size(totals))
            found[first_day] = totals
    for totals in found.values():
        yield from totals.items()


def _stores(session: ScopedSession, scope: Scope) -> bytes:
    """What tells these stores, and which groups each of them is in, from any others."""
    group_by = [by for by in scope.group_by if by in OF_STORES]
    groups = Grouping(group_by, scope.from_date, scope.to_date, of=Store, group_id=scope.group_id)
    ids = [cast(id_, String) for id_ in (Store.id, *groups.keys)]
    rows = session.execute(groups.join(select(Store.id).where(*scope.stores)).with_only_columns(*ids))
    return sha256("".join(sorted("".join(id_ or "-" for id_ in row) for row in rows)).encode()).digest()


def _added_up(
    session: ScopedSession, scope: Scope, kept: type[Kept], months: Sequence[date]
) -> Mapping[date, dict[Key, Total]]:
    by_month = (*scope.group_by, GroupBy.MONTH)
    most = MOST * len(months)
    shown: dict[str, Any] = {"of": kept, "monthly": True, "group_id": scope.group_id, "most": most}
    grouping = Grouping(by_month, scope.from_date, scope.to_date, **shown)
    which = (*scope.asked_of(kept), kept.business_date.in_(months))
    totals: dict[str, dict[Key, Total]] = {month(first_day): {} for first_day in months}
    for (*key, label), total in add_up(session, kept, *which, grouping=grouping):
        totals[label].setdefault(tuple(key), Total()).add(total)
    return {
        first_day: {key: _compact(total) for key, total in totals[month(first_day)].items()} for first_day in months
    }


def _compact(total: Total) -> Total:
    seconds = {name: [compact(total.histogram(name))] for name in SECONDS}
    return Total(total.figures, total.cost, defaultdict(list, seconds))


def _size(totals: Mapping[Key, Total]) -> int:
    """In bytes, as far as it matters."""
    histograms = chain.from_iterable(total.seconds.values() for total in totals.values())
    return A_TOTAL * (1 + len(totals)) + sum(map(len, chain.from_iterable(histograms)))
