"""Causes report: why customers are unhappy, and whether a fix lasted. Counts concerns by category and cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, or_, select
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.db.base import Money
from models.recovery.fix import Fix
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Grouping, Label
from models.reports.merged_words import MergedWords
from models.reports.rollups.aggregates import CONCERN_AGGREGATES
from models.reports.stats.rate import Rate
from models.reports.totals import (
    KeyedTotals,
    Totals,
    TotalsByGroup,
    count_figures,
    count_where,
    group_totals,
    sum_costs,
)

_CONCERN_FIGURES = (
    "concerns",
    "unhappy",
    "recovered",
    "lost",
    "repeated",
    "with_customer",
    "mood_after_known",
    "mood_change",
)


@dataclass(frozen=True)
class CausesRow:
    """Concerns of one cause.

    `repeat_within_30_days` is, of the concerns with a known customer, the share whose customer had another one in
    the 30 days before. `fixed_at` is when the cause was last fixed in a store of these concerns.
    `raised_since_fixed` counts the concerns received after the cause had been fixed in their store.
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


def causes_report(session: Session, query: ReportQuery) -> Report[CausesRow]:
    """Report by category and cause. Concerns without a cause come last."""

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        concerns, grouping = query.select_concerns(), query.grouping(group_by)
        aggregates = {name: CONCERN_AGGREGATES[name] for name in _CONCERN_FIGURES} | {
            "raised_since_fixed": count_where(_was_fixed_before(query.merged_words))
        }
        return group_totals(
            count_figures(session, concerns, grouping, aggregates),
            sum_costs(session, concerns.join(Concern.actions), grouping),
            _latest_fixes(session, concerns, grouping, query.merged_words),
        )

    return build_report(session, query, count, _make_row, own_dimensions=[GroupBy.CATEGORY, GroupBy.CAUSE])


def _fixes_cause_of_concern(words: MergedWords) -> tuple[ColumnElement[bool], ...]:
    """Return the criteria of a fix of a concern's cause, in the concern's store or in all stores."""
    return Fix.cause_id == words.cause_id(Concern), or_(Fix.store_id.is_(None), Fix.store_id == Concern.store_id)


def _was_fixed_before(words: MergedWords) -> ColumnElement[bool]:
    return select(Fix.id).where(*_fixes_cause_of_concern(words), Fix.fixed_at <= Concern.received_at).exists()


def _latest_fixes(session: Session, concerns: Select[Any], grouping: Grouping, words: MergedWords) -> KeyedTotals:
    latest: ScalarSelect[Any] = (
        select(func.max(Fix.fixed_at)).where(*_fixes_cause_of_concern(words)).correlate(Concern).scalar_subquery()
    )
    latest_of_group = func.max(latest, type_=Fix.fixed_at.type)
    stmt = grouping.add_joins(concerns).with_only_columns(*grouping.keys, latest_of_group)
    for key, (fixed_at,) in grouping.fetch(session, stmt):
        yield key, Totals(latest=fixed_at)


def _make_row(totals: Totals, group: dict[str, Label]) -> CausesRow:
    figures = totals.figures
    return CausesRow(
        group=group,
        concerns=figures["concerns"],
        unhappy=figures["unhappy"],
        recovered_share=totals.rate("recovered", "recovered", "lost"),
        repeat_within_30_days=totals.rate("repeated", "with_customer"),
        mood_lift=MoodChange(figures["mood_change"], figures["mood_after_known"]),
        cost=totals.money,
        fixed_at=totals.latest,
        raised_since_fixed=figures["raised_since_fixed"],
    )
