"""Why are people unhappy, and was it put right for good? Concerns by category and cause. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.db.base import Money
from models.recovery.fix import Fix
from models.reports.engine import (
    Report,
    ReportQuery,
    Tallies,
    Tally,
    build_report,
    chain_counts,
    count_figures,
    count_figures_and_costs,
    count_where,
)
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Grouping, Label
from models.reports.rollups.aggregates import CONCERN_FIGURES
from models.reports.stats.rate import Rate

CAUSE_FIGURES = ("concerns", "unhappy", "recovered", "lost", "repeated", "mood_after_known", "mood_change")


@dataclass(frozen=True)
class CausesRow:
    """What became of the concerns of one cause.

    `repeat_within_30_days` are those of customers who had been unhappy shortly before. `fixed_at` is when the cause was
    last fixed in a store of these concerns, in `raised_since_fixed` of them after it had been fixed there.
    """

    group: dict[str, Label]
    concerns: int
    unhappy: int
    recovered_share: Rate
    repeat_within_30_days: Rate
    mood_lift: MoodChange
    cost: Sequence[Money]
    fixed_at: datetime | None
    raised_since_fixed: int


def causes_report(session: Session, asked: ReportQuery) -> Report[CausesRow]:
    """By category and cause; the last rows are those without."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        concerns, grouping = asked.concerns(), asked.grouping(group_by)
        figures = {name: CONCERN_FIGURES[name] for name in CAUSE_FIGURES} | {
            "raised_since_fixed": count_where(_fixed_before())
        }
        given = count_figures_and_costs(session, concerns.join(Concern.actions), grouping, {})
        return chain_counts(
            count_figures(session, concerns, grouping, figures), given, _fixed(session, concerns, grouping)
        )

    return build_report(session, asked, count, _row, about=[GroupBy.CATEGORY, GroupBy.CAUSE])


def _here() -> tuple[ColumnElement[bool], ...]:
    """That a fix is of the cause of a concern, and of its store or of all stores."""
    return Fix.cause_id == Concern.cause_id, or_(Fix.store_id.is_(None), Fix.store_id == Concern.store_id)


def _fixed_before() -> ColumnElement[bool]:
    return select(Fix.id).where(*_here(), Fix.fixed_at <= Concern.received_at).exists()


def _fixed(session: Session, concerns: Any, grouping: Grouping) -> Tallies:
    newest: ScalarSelect[Any] = select(func.max(Fix.fixed_at)).where(*_here()).correlate(Concern).scalar_subquery()
    last = func.max(newest, type_=Fix.fixed_at.type)
    stmt = grouping.join(concerns).with_only_columns(*grouping.keys, last).group_by(*grouping.keys)
    for key, (fixed_at,) in grouping.each(session.execute(stmt)):
        yield key, Tally(latest=fixed_at)


def _row(tally: Tally, group: dict[str, Label]) -> CausesRow:
    counted_ = tally.figures
    return CausesRow(
        group=group,
        concerns=counted_["concerns"],
        unhappy=counted_["unhappy"],
        recovered_share=tally.share("recovered", "recovered", "lost"),
        repeat_within_30_days=tally.share("repeated", "concerns"),
        mood_lift=MoodChange(counted_["mood_change"], counted_["mood_after_known"]),
        cost=tally.money,
        fixed_at=tally.latest,
        raised_since_fixed=counted_["raised_since_fixed"],
    )
