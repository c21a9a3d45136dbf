"""What helps? What was given for concerns, and what became of the people who received it. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import Concern
from models.concerns.enums import Outcome, Status
from models.db.base import Money
from models.recovery.action import IN_EFFECT, ActionStatus, RecoveryAction
from models.reports.engine import (
    Report,
    ReportQuery,
    Tallies,
    Tally,
    build_report,
    count_figures_and_costs,
    count_where,
    sum_where,
)
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Label
from models.reports.stats.rate import Rate

MOOD_AFTER_KNOWN = (Concern.status == Status.RESOLVED, Concern.mood_after.is_not(None))


@dataclass(frozen=True)
class RemediesRow:
    """What was given and not taken back: how often (`times`), at what cost, and for how many `concerns`.

    The mood and the end are those of the concerns, each counted once however often it received the same.
    """

    group: dict[str, Label]
    times: int
    concerns: int
    recovered_share: Rate
    mood_lift: MoodChange
    cost: Sequence[Money]


def remedies_report(session: Session, asked: ReportQuery) -> Report[RemediesRow]:
    """By remedy, over the concerns of these days; a concern that received two stands in two rows, once in the total."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        given = asked.concerns().join(RecoveryAction, RecoveryAction.concern_id == Concern.id).where(IN_EFFECT)
        grouping = asked.grouping(group_by, columns={GroupBy.REMEDY: RecoveryAction.remedy_id})
        first = _first(of_its_kind=GroupBy.REMEDY in group_by)
        figures = {
            "times": count_where(),
            "concerns": count_where(first),
            "recovered": count_where(first, Concern.outcome == Outcome.RECOVERED),
            "lost": count_where(first, Concern.outcome == Outcome.LOST),
            "mood_after_known": count_where(first, *MOOD_AFTER_KNOWN),
            "mood_change": sum_where(Concern.mood_after - Concern.mood, first, *MOOD_AFTER_KNOWN),
        }
        return count_figures_and_costs(session, given, grouping, figures)

    return build_report(session, asked, count, _row, about=[GroupBy.REMEDY], overlapping=True)


def _first(*, of_its_kind: bool) -> ColumnElement[bool]:
    """That a concern received nothing before this, or nothing of the same remedy."""
    other = aliased(RecoveryAction)
    stands = (other.status == ActionStatus.DONE, other.reverses_id.is_(None))
    before = [other.concern_id == RecoveryAction.concern_id, other.id < RecoveryAction.id, *stands]
    if of_its_kind:
        before.append(other.remedy_id == RecoveryAction.remedy_id)
    return ~select(other.id).where(*before).exists()


def _row(tally: Tally, group: dict[str, Label]) -> RemediesRow:
    counted = tally.figures
    return RemediesRow(
        group=group,
        times=counted["times"],
        concerns=counted["concerns"],
        recovered_share=tally.share("recovered", "recovered", "lost"),
        mood_lift=MoodChange(counted["mood_change"], counted["mood_after_known"]),
        cost=tally.money,
    )
