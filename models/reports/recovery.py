"""Were people listened to, and did it help? The recovery report, over the stores within somebody's reach."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from models.access import Actor
from models.db.session import ScopedSession
from models.organizations.store import Store
from models.reports.figures import LISTENED, Row, figures
from models.reports.grouping import OF_CONCERNS, OVERLAPPING, GroupBy, in_order, labels
from models.reports.periods import a_year_before, before
from models.reports.rollups.aggregates import SECONDS, Total, altogether
from models.reports.rollups.read import totals
from models.reports.stats.control_limits import Control, rate_beside, share_beside
from models.reports.stats.ddsketch import RELATIVE_ERROR, spread, unpack
from models.reports.stats.rate import Share


class CompareTo(StrEnum):
    """An earlier period to stand beside the one that is asked for."""

    PREVIOUS = "previous"
    LAST_YEAR = "last_year"


PERIODS = {CompareTo.PREVIOUS: before, CompareTo.LAST_YEAR: a_year_before}


@dataclass(frozen=True)
class RecoveryReport:
    """Figures of the business days from `from_date` to `to_date`, both included, each store's own days.

    Counts and sums are exact, medians and 90th percentiles within `relative_error`.
    """

    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    generated_at: datetime
    rows: Sequence[Row]
    totals: Row
    compared: "RecoveryReport | None" = None
    clock: str = "wall"  # minutes as they passed, opening hours or not
    business_dates: str = "store"  # a day is what it is in each store's own zone
    relative_error: float = RELATIVE_ERROR


def recovery(
    session: ScopedSession,
    *,
    seen_by: Actor,
    from_date: date,
    to_date: date,
    group_by: Sequence[GroupBy] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    group_id: UUID | None = None,
    store_id: UUID | None = None,
    compare_to: CompareTo | None = None,
    at: datetime,
) -> RecoveryReport:
    """The report over the stores within reach, of one category (by slug), region, group or store where it is named.

    One row for each group in which anything was told, ordered by label. Without `group_by` there is one row, equal to
    the total. By store alone each row says how it stands beside all of them together. By group a store counts in the
    row of each group it is in, and once in the total.
    """
    chosen = {"region_id": region_id, "group_id": group_id, "store_id": store_id}
    stores = Store.chosen(seen_by, **chosen)
    which: dict[str, Any] = {"from_date": from_date, "to_date": to_date, "category": category, "group_id": group_id}
    count = partial(totals, session, stores, **which)
    counted = count(group_by=group_by)
    once = counted if OVERLAPPING.isdisjoint(group_by) else count()
    whole = category is None and OF_CONCERNS.isdisjoint(group_by)
    named = labels(session, group_by, counted)
    everything = _row(altogether(once.values()), group={}, whole=whole)
    rows = [_row(total, group=named[key], whole=whole) for key, total in counted.items()] if group_by else [everything]
    if list(group_by) == [GroupBy.STORE]:
        rows = [replace(row, control=_beside(row, everything)) for row in rows]
    rows.sort(key=lambda row: in_order(row.group))
    report = RecoveryReport(from_date, to_date, group_by, at, rows, everything)
    if compare_to is None:
        return report
    first, last = PERIODS[compare_to](from_date, to_date)
    same: dict[str, Any] = {"seen_by": seen_by, "group_by": group_by, "category": category, "at": at, **chosen}
    return replace(report, compared=recovery(session, from_date=first, to_date=last, **same))


def _beside(row: Row, all_: Row) -> dict[str, Control | None]:
    control = {name: share_beside(getattr(row, name), getattr(all_, name)) for name in ("recovery_rate", "taken_share")}
    if row.receipted is None or row.transactions is None or all_.receipted is None or all_.transactions is None:
        return control
    of_all = Share(all_.receipted, all_.transactions)
    return {**control, "concerns_per_1000": rate_beside(row.receipted, row.transactions, of_all, per=1000)}


def _row(total: Total, *, group: dict[str, Any], whole: bool) -> Row:
    took, resolved_in = (spread(unpack(total.histogram(name))) for name in SECONDS)
    listened: dict[str, Any] = {name: total.figures[name] if whole else None for name in LISTENED}
    return Row(**figures(total, took, resolved_in), **listened, group=group)
