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
from models.reports.figures import LISTENING_FIGURES, FiguresRow, figure_fields
from models.reports.grouping import CONCERN_DIMENSIONS, OVERLAPPING_DIMENSIONS, GroupBy, labels, sort_key
from models.reports.periods import previous_period, same_period_last_year
from models.reports.rollups.aggregates import DURATIONS, Totals, sum_totals
from models.reports.rollups.read import read_totals
from models.reports.stats.control_limits import ControlPoint, compare_count, compare_rate
from models.reports.stats.ddsketch import RELATIVE_ERROR, percentiles_of_sketch, unpack
from models.reports.stats.rate import Rate


class CompareTo(StrEnum):
    """An earlier period to stand beside the one that is asked for."""

    PREVIOUS = "previous"
    LAST_YEAR = "last_year"


EARLIER_PERIOD = {CompareTo.PREVIOUS: previous_period, CompareTo.LAST_YEAR: same_period_last_year}


@dataclass(frozen=True)
class RecoveryReport:
    """Figures of the business days from `from_date` to `to_date`, both included, each store's own days.

    Counts and sums are exact, medians and 90th percentiles within `relative_error`.
    """

    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    generated_at: datetime
    rows: Sequence[FiguresRow]
    totals: FiguresRow
    compared: "RecoveryReport | None" = None
    clock: str = "wall"  # minutes as they passed, opening hours or not
    business_dates: str = "store"  # a day is what it is in each store's own zone
    relative_error: float = RELATIVE_ERROR


def recovery_report(
    session: ScopedSession,
    *,
    actor: Actor,
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
    stores = Store.filter_criteria(actor, **chosen)
    which: dict[str, Any] = {"from_date": from_date, "to_date": to_date, "category": category, "group_id": group_id}
    count = partial(read_totals, session, stores, **which)
    counted = count(group_by=group_by)
    once = counted if OVERLAPPING_DIMENSIONS.isdisjoint(group_by) else count()
    whole = category is None and CONCERN_DIMENSIONS.isdisjoint(group_by)
    named = labels(session, group_by, counted)
    everything = _row(sum_totals(once.values()), group={}, whole=whole)
    rows = [_row(total, group=named[key], whole=whole) for key, total in counted.items()] if group_by else [everything]
    if list(group_by) == [GroupBy.STORE]:
        rows = [replace(row, control=_control_points(row, everything)) for row in rows]
    rows.sort(key=lambda row: sort_key(row.group))
    report = RecoveryReport(from_date, to_date, group_by, at, rows, everything)
    if compare_to is None:
        return report
    first, last = EARLIER_PERIOD[compare_to](from_date, to_date)
    same: dict[str, Any] = {"actor": actor, "group_by": group_by, "category": category, "at": at, **chosen}
    return replace(report, compared=recovery_report(session, from_date=first, to_date=last, **same))


def _control_points(row: FiguresRow, all_: FiguresRow) -> dict[str, ControlPoint | None]:
    control = {name: compare_rate(getattr(row, name), getattr(all_, name)) for name in ("recovery_rate", "taken_share")}
    if (
        row.concerns_on_receipt_days is None
        or row.transactions is None
        or all_.concerns_on_receipt_days is None
        or all_.transactions is None
    ):
        return control
    of_all = Rate(all_.concerns_on_receipt_days, all_.transactions)
    return {
        **control,
        "concerns_per_1000": compare_count(row.concerns_on_receipt_days, row.transactions, of_all, per=1000),
    }


def _row(total: Totals, *, group: dict[str, Any], whole: bool) -> FiguresRow:
    took, resolved_in = (percentiles_of_sketch(unpack(total.histogram(name))) for name in DURATIONS)
    listened: dict[str, Any] = {name: total.figures[name] if whole else None for name in LISTENING_FIGURES}
    return FiguresRow(**figure_fields(total, took, resolved_in), **listened, group=group)
