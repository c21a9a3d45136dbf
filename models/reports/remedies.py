"""Remedies report: what helps. Counts what was given for concerns, and how the concerns that received it ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.base import Money
from models.recovery.action import IN_EFFECT, ActionStatus, RecoveryAction
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Label
from models.reports.rollups.aggregates import MOOD_AFTER_KNOWN
from models.reports.stats.rate import Rate
from models.reports.totals import (
    Totals,
    TotalsByGroup,
    count_figures_and_costs,
    count_where,
    group_totals,
    sum_where,
)


@dataclass(frozen=True)
class RemediesRow:
    """Actions of one remedy that are in effect: how many (`times`), what they cost, and for how many `concerns`.

    Outcome and mood are those of the concerns. A concern counts once, however often it received the remedy.
    """

    group: dict[str, Label]
    times: int
    concerns: int
    recovered_share: Rate
    mood_lift: MoodChange
    cost: Sequence[Money]


def remedies_report(session: Session, query: ReportQuery) -> Report[RemediesRow]:
    """Report by remedy. A concern that received two remedies is in two rows, and once in the totals."""

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        actions = query.select_concerns().join(RecoveryAction, RecoveryAction.concern_id == Concern.id)
        grouping = query.grouping(group_by, columns={GroupBy.REMEDY: RecoveryAction.remedy_id})
        is_first = _is_first_of_concern(of_its_remedy=GroupBy.REMEDY in group_by)
        aggregates = {
            "times": count_where(),
            "concerns": count_where(is_first),
            "recovered": count_where(is_first, Concern.outcome == Outcome.RECOVERED),
            "lost": count_where(is_first, Concern.outcome == Outcome.LOST),
            "mood_after_known": count_where(is_first, *MOOD_AFTER_KNOWN),
            "mood_change": sum_where(Concern.mood_after - Concern.mood, is_first, *MOOD_AFTER_KNOWN),
        }
        return group_totals(count_figures_and_costs(session, actions.where(IN_EFFECT), grouping, aggregates))

    return build_report(session, query, count, _make_row, own_dimensions=[GroupBy.REMEDY], overlapping=True)


def _is_first_of_concern(*, of_its_remedy: bool) -> ColumnElement[bool]:
    """Return whether an action is its concern's first one in effect, or the first one of its remedy."""
    other = aliased(RecoveryAction)
    in_effect = (other.status == ActionStatus.DONE, other.reverses_id.is_(None))
    earlier = [other.concern_id == RecoveryAction.concern_id, other.id < RecoveryAction.id, *in_effect]
    if of_its_remedy:
        earlier.append(other.remedy_id == RecoveryAction.remedy_id)
    return ~select(other.id).where(*earlier).exists()


def _make_row(totals: Totals, group: dict[str, Label]) -> RemediesRow:
    figures = totals.figures
    return RemediesRow(
        group=group,
        times=figures["times"],
        concerns=figures["concerns"],
        recovered_share=totals.rate("recovered", "recovered", "lost"),
        mood_lift=MoodChange(figures["mood_change"], figures["mood_after_known"]),
        cost=totals.money,
    )
