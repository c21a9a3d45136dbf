"""Are promises kept? Follow-ups by the day on which they are due. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.engine import Asked, Report, Tallies, Tally, counted, how_many, report
from models.reports.grouping import GroupBy, Label
from models.reports.rollups.aggregates import DUE, KEPT_IN_TIME
from models.reports.stats.rate import Share

NEVER_BROKEN = FollowUp.broken_at.is_(None)
FIGURES = {
    "due": how_many(DUE),
    "kept": how_many(KEPT_IN_TIME),
    "broken": how_many(~NEVER_BROKEN),
    "kept_late": how_many(~NEVER_BROKEN, FollowUp.status == FollowUpStatus.KEPT),
    "open": how_many(NEVER_BROKEN, FollowUp.status == FollowUpStatus.OPEN),
    "cancelled": how_many(NEVER_BROKEN, FollowUp.status == FollowUpStatus.CANCELLED),
}


@dataclass(frozen=True)
class Promised:
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
    kept_share: Share


def follow_ups(session: Session, asked: Asked) -> Report[Promised]:
    """Of the promises due on these days."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        return counted(session, asked.rows(FollowUp), asked.grouping(group_by, FollowUp), FIGURES)

    return report(session, asked, count, _row)


def _row(tally: Tally, group: dict[str, Label]) -> Promised:
    plain = {name: tally.figures[name] for name in FIGURES}
    return Promised(group=group, **plain, kept_share=tally.share("kept", "due"))
