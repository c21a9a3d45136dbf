"""Are people asked, and heard out? Checks, questions and reading back. Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.concerns.check import AskedWell
from models.concerns.concern import Concern
from models.organizations.store_day import StoreDay
from models.reports.engine import Asked, Report, Tallies, Tally, chain, counted, how_many, report, sum_of
from models.reports.figures import Lift
from models.reports.grouping import GroupBy, Label
from models.reports.remedies import LIFTED
from models.reports.rollups.aggregates import LISTENING
from models.reports.stats.rate import Share

FIGURES = {
    "concerns": how_many(),
    "read_back": how_many(Concern.read_back.is_(True)),
    "asked": how_many(Concern.question_id.is_not(None)),
    "lifted": how_many(*LIFTED),
    "lift": sum_of(Concern.mood_after - Concern.mood, *LIFTED),
}


@dataclass(frozen=True)
class Listened:
    """Of these concerns, how many were read back, and for how many an open question was asked.

    `ask_rate`: checks and concerns of the days that tell how many there were to ask, over the receipts of those that
    count them and the covers of the others. It and `checks` are None where the concerns are told apart by question:
    nobody knows what was asked at a check.
    """

    group: dict[str, Label]
    concerns: int
    checks: int | None
    ask_rate: Share | None
    read_back_share: Share
    question_asked_share: Share
    mood_lift: Lift


def listening(session: Session, asked: Asked) -> Report[Listened]:
    """Over the concerns, checks and days of these days."""
    whole = GroupBy.QUESTION not in asked.group_by

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        concerns = counted(session, asked.concerns(), asked.grouping(group_by), FIGURES)
        others = (
            counted(session, asked.rows(kind), asked.grouping(group_by, kind), LISTENING[kind])
            for kind in (AskedWell, StoreDay)
        )
        return chain(concerns, *others) if whole else concerns

    def row(tally: Tally, group: dict[str, Label]) -> Listened:
        figures = tally.figures
        return Listened(
            group=group,
            concerns=figures["concerns"],
            checks=figures["checks"] if whole else None,
            ask_rate=tally.share("heard", "to_ask") if whole else None,
            read_back_share=tally.share("read_back", "concerns"),
            question_asked_share=tally.share("asked", "concerns"),
            mood_lift=Lift(figures["lift"], figures["lifted"]),
        )

    return report(session, asked, count, row)
