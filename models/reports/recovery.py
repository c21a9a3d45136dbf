"""Recovery report: whether customers were listened to and it helped. Read from rollups, exact at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from models.db.session import ScopedSession
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.figures import WHOLE_STORE_FIGURES, FiguresRow, figure_fields
from models.reports.grouping import GroupBy, Label
from models.reports.periods import previous_period, same_period_last_year
from models.reports.rollups.aggregates import DURATIONS
from models.reports.rollups.read import read_totals
from models.reports.rollups.scope import RollupQuery
from models.reports.stats.control_limits import ControlPoint, compare_count, compare_rate
from models.reports.stats.ddsketch import RELATIVE_ERROR, percentiles_of_sketch, unpack
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, TotalsByGroup


class CompareTo(StrEnum):
    """The earlier period that a report is compared with."""

    PREVIOUS = "previous"
    LAST_YEAR = "last_year"


CONTROLLED_SHARES = (
    "recovery_rate",
    "taken_share",
    "unhappy_share",
    "quick_own_share",
    "corrected_up_share",
    "taken_back_share",
)
CONCERNS_PER_1000 = "concerns_per_1000"  # receipts, on days whose receipts are known
EARLIER_PERIOD = {CompareTo.PREVIOUS: previous_period, CompareTo.LAST_YEAR: same_period_last_year}


@dataclass(frozen=True)
class RecoveryReport(Report[FiguresRow]):
    """The recovery report, and the same report over an earlier period where one was asked for."""

    compared: "RecoveryReport | None" = None
    clock: str = "wall"  # minutes are elapsed time, whatever the opening hours


def recovery_report(
    session: ScopedSession, query: ReportQuery, *, compare_to: CompareTo | None = None
) -> RecoveryReport:
    """Report on all concerns of these days.

    Grouped by store alone, each row has its `control`: how the store compares with all stores together. Grouped by
    store group, a store counts in the row of each store group it is in, and once in the totals.
    """
    scope = RollupQuery(
        query.store_criteria(),
        query.from_date,
        query.to_date,
        query.group_by,
        query.category_id,
        query.group_id,
        query.merged_words,
        query.clock,
    )

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        return read_totals(session, replace(scope, group_by=group_by))

    def make_row(totals: Totals, group: dict[str, Label]) -> FiguresRow:
        to_take, to_resolve = (percentiles_of_sketch(unpack(totals.sketch(name))) for name in DURATIONS)
        of_whole_stores: dict[str, Any] = {
            name: None if scope.by_concern else totals.figures[name] for name in WHOLE_STORE_FIGURES
        }
        return FiguresRow(**figure_fields(totals, to_take, to_resolve), **of_whole_stores, group=group)

    report = build_report(session, query, count, make_row, relative_error=RELATIVE_ERROR)
    if list(query.group_by) == [GroupBy.STORE]:
        rows = [replace(row, control=_control_points(row, report.totals)) for row in report.rows]
        report = replace(report, rows=rows)
    compared = None
    if compare_to is not None:
        first, last = EARLIER_PERIOD[compare_to](query.from_date, query.to_date)
        compared = recovery_report(session, query.over(session, first, last))
    return RecoveryReport(**vars(report), compared=compared)


def _control_points(store: FiguresRow, overall: FiguresRow) -> dict[str, ControlPoint | None]:
    """Return how the figures of a store compare with those of all stores together, by name."""
    rates = ((name, getattr(store, name), getattr(overall, name)) for name in CONTROLLED_SHARES)
    points = {name: _named(name, compare_rate(rate, of_all)) for name, rate, of_all in rates if rate is not None}
    if (
        store.concerns_on_receipt_days is None
        or store.transactions is None
        or overall.concerns_on_receipt_days is None
        or overall.transactions is None
    ):
        return points
    overall_rate = Rate(overall.concerns_on_receipt_days, overall.transactions)
    per_1000 = compare_count(store.concerns_on_receipt_days, store.transactions, overall_rate, per=1000)
    return {**points, CONCERNS_PER_1000: _named(CONCERNS_PER_1000, per_1000)}


def _named(figure: str, point: ControlPoint | None) -> ControlPoint | None:
    return None if point is None else replace(point, figure=figure)
