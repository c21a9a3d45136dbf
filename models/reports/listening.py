"""Listening report: whether customers are asked and heard out. Counts checks, open questions and read-backs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.organizations.store_day import StoreDay
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Label
from models.reports.rollups.aggregates import LISTENING_AGGREGATES, MOOD_AFTER_KNOWN
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, TotalsByGroup, count_figures, count_where, group_totals, sum_where

_CONCERN_AGGREGATES = {
    "concerns": count_where(),
    "read_back": count_where(Concern.read_back.is_(True)),
    "question_asked": count_where(Concern.question_id.is_not(None)),
    "mood_after_known": count_where(*MOOD_AFTER_KNOWN),
    "mood_change": sum_where(Concern.mood_after - Concern.mood, *MOOD_AFTER_KNOWN),
}


@dataclass(frozen=True)
class ListeningRow:
    """Concerns and checks of one group.

    `read_back_share` and `question_asked_share` are of the concerns. `ask_rate` is the checks and concerns of the
    days on which the store reported its receipts or covers, over the receipts of those days, or the covers where
    there are no receipts. It and `checks` are None in a report by question or hour, which receipts have not.
    """

    group: dict[str, Label]
    concerns: int
    checks: int | None
    ask_rate: Rate | None
    read_back_share: Rate
    question_asked_share: Rate
    mood_lift: MoodChange


def listening_report(session: Session, query: ReportQuery) -> Report[ListeningRow]:
    """Report on the concerns, checks and store days of these days."""
    has_checks = {GroupBy.QUESTION, GroupBy.HOUR}.isdisjoint(query.group_by)  # receipts have no hour

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        concerns = count_figures(session, query.select_concerns(), query.grouping(group_by), _CONCERN_AGGREGATES)
        others = (
            count_figures(
                session, query.select_rows(model), query.grouping(group_by, model), LISTENING_AGGREGATES[model]
            )
            for model in (WellbeingCheck, StoreDay)
        )
        return group_totals(concerns, *others) if has_checks else group_totals(concerns)

    def make_row(totals: Totals, group: dict[str, Label]) -> ListeningRow:
        figures = totals.figures
        return ListeningRow(
            group=group,
            concerns=figures["concerns"],
            checks=figures["checks"] if has_checks else None,
            ask_rate=totals.rate("ask_numerator", "ask_denominator") if has_checks else None,
            read_back_share=totals.rate("read_back", "concerns"),
            question_asked_share=totals.rate("question_asked", "concerns"),
            mood_lift=MoodChange(figures["mood_change"], figures["mood_after_known"]),
        )

    return build_report(session, query, count, make_row)
