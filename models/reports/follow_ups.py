"""Follow-ups report: whether promises are kept. Counts follow-ups by the business day on which they are due."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.concerns.counted import of_counted_concern
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.grouping import GroupBy, Label
from models.reports.rollups.aggregates import IS_DUE, KEPT_IN_TIME
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, TotalsByGroup, count_figures, count_where, group_totals

_NEVER_BROKEN = FollowUp.broken_at.is_(None)
_AGGREGATES = {
    "due": count_where(IS_DUE),
    "kept": count_where(KEPT_IN_TIME),
    "broken": count_where(~_NEVER_BROKEN),
    "kept_late": count_where(~_NEVER_BROKEN, FollowUp.status == FollowUpStatus.KEPT),
    "open": count_where(_NEVER_BROKEN, FollowUp.status == FollowUpStatus.OPEN),
    "cancelled": count_where(_NEVER_BROKEN, FollowUp.status == FollowUpStatus.CANCELLED),
}


@dataclass(frozen=True)
class FollowUpsRow:
    """Follow-ups of one group.

    Each one that is `due` is `kept` in time, `broken` (`kept_late` counts those kept afterwards) or still `open`.
    `cancelled` ones were cancelled before they were broken, and are not due. `kept_share` is of all that were due, so
    that an open one counts as missed.
    """

    group: dict[str, Label]
    due: int
    kept: int
    kept_late: int
    broken: int
    open: int
    cancelled: int
    kept_share: Rate


def follow_ups_report(session: Session, query: ReportQuery) -> Report[FollowUpsRow]:
    """Report on the follow-ups that are due on these days."""

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        grouping = query.grouping(group_by, FollowUp)
        rows = query.select_rows(FollowUp).where(of_counted_concern(FollowUp.concern_id))
        return group_totals(count_figures(session, rows, grouping, _AGGREGATES))

    return build_report(session, query, count, _make_row)


def _make_row(totals: Totals, group: dict[str, Label]) -> FollowUpsRow:
    figures = {name: totals.figures[name] for name in _AGGREGATES}
    return FollowUpsRow(group=group, **figures, kept_share=totals.rate("kept", "due"))
