"""Are people asked, and heard out? Checks, questions and reading back. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.organizations.store_day import StoreDay
from models.reports.engine import (
    Report,
    ReportQuery,
    Tallies,
    Tally,
    build_report,
    chain_counts,
    count_figures,
    count_where,
    sum_where,
)
from models.reports.figures import MoodChange
from models.reports.grouping import GroupBy, Label
from models.reports.remedies import MOOD_AFTER_KNOWN
from models.reports.rollups.aggregates import LISTENING_FIGURES
from models.reports.stats.rate import Rate

FIGURES = {
    "concerns": count_where(),
    "read_back": count_where(Concern.read_back.is_(True)),
    "asked": count_where(Concern.question_id.is_not(None)),
    "mood_after_known": count_where(*MOOD_AFTER_KNOWN),
    "mood_change": sum_where(Concern.mood_after - Concern.mood, *MOOD_AFTER_KNOWN),
}


@dataclass(frozen=True)
class ListeningRow:
    """Of these concerns, how many were read back, and for how many an open question was asked.

    `ask_rate`: checks and concerns of the days that tell how many there were to ask, over the receipts of those that
    count them and the covers of the others. It and `checks` are None where the concerns are told apart by question:
    nobody knows what was asked at a check.
    """

    group: dict[str, Label]
    concerns: int
    checks: int | None
    ask_rate: Rate | None
    read_back_share: Rate
    question_asked_share: Rate
    mood_lift: MoodChange


def listening_report(session: Session, asked: ReportQuery) -> Report[ListeningRow]:
    """Over the concerns, checks and days of these days."""
    whole = GroupBy.QUESTION not in asked.group_by

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        concerns = count_figures(session, asked.concerns(), asked.grouping(group_by), FIGURES)
        others = (
            count_figures(session, asked.rows(kind), asked.grouping(group_by, kind), LISTENING_FIGURES[kind])
            for kind in (WellbeingCheck, StoreDay)
        )
        return chain_counts(concerns, *others) if whole else concerns

    def row(tally: Tally, group: dict[str, Label]) -> ListeningRow:
        figures = tally.figures
        return ListeningRow(
            group=group,
            concerns=figures["concerns"],
            checks=figures["checks"] if whole else None,
            ask_rate=tally.share("ask_numerator", "ask_denominator") if whole else None,
            read_back_share=tally.share("read_back", "concerns"),
            question_asked_share=tally.share("asked", "concerns"),
            mood_lift=MoodChange(figures["mood_change"], figures["mood_after_known"]),
        )

    return build_report(session, asked, count, row)
