"""Are promises kept? Follow-ups by the day on which they are due. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.engine import Report, ReportQuery, Tallies, Tally, build_report, count_figures, count_where
from models.reports.grouping import GroupBy, Label
from models.reports.rollups.aggregates import DUE, KEPT_IN_TIME
from models.reports.stats.rate import Rate

NEVER_BROKEN = FollowUp.broken_at.is_(None)
FIGURES = {
    "due": count_where(DUE),
    "kept": count_where(KEPT_IN_TIME),
    "broken": count_where(~NEVER_BROKEN),
    "kept_late": count_where(~NEVER_BROKEN, FollowUp.status == FollowUpStatus.KEPT),
    "open": count_where(NEVER_BROKEN, FollowUp.status == FollowUpStatus.OPEN),
    "cancelled": count_where(NEVER_BROKEN, FollowUp.status == FollowUpStatus.CANCELLED),
}


@dataclass(frozen=True)
class FollowUpsRow:
    """What was `due` is `kept` in time, `broken` (of that, `kept_late`) or `open` still.

    `cancelled` are those that nobody waited for any more before they were broken; they are not due. The share is of
    all that were due: what is open still counts as missed.
    """

    group: dict[str, Label]
    due: int
    kept: int
    kept_late: int
    broken: int
    open: int
    cancelled: int
    kept_share: Rate


def follow_ups_report(session: Session, asked: ReportQuery) -> Report[FollowUpsRow]:
    """Of the promises due on these days."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        return count_figures(session, asked.rows(FollowUp), asked.grouping(group_by, FollowUp), FIGURES)

    return build_report(session, asked, count, _row)


def _row(tally: Tally, group: dict[str, Label]) -> FollowUpsRow:
    plain = {name: tally.figures[name] for name in FIGURES}
    return FollowUpsRow(group=group, **plain, kept_share=tally.share("kept", "due"))
