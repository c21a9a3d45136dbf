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
from models.reports.engine import Asked, Report, Tallies, Tally, chain, counted, how_many, paid, report
from models.reports.figures import Lift
from models.reports.grouping import GroupBy, Grouping, Label
from models.reports.rollups.aggregates import CONCERNS
from models.reports.stats.rate import Share

COUNTED = ("concerns", "unhappy", "recovered", "lost", "repeated", "lifted", "lift")


@dataclass(frozen=True)
class Caused:
    """What became of the concerns of one cause.

    `repeat_within_30_days` are those of customers who had been unhappy shortly before. `fixed_at` is when the cause was
    last fixed in a store of these concerns, in `raised_since_fixed` of them after it had been fixed there.
    """

    group: dict[str, Label]
    concerns: int
    unhappy: int
    recovered_share: Share
    repeat_within_30_days: Share
    mood_lift: Lift
    cost: Sequence[Money]
    fixed_at: datetime | None
    raised_since_fixed: int


def causes(session: Session, asked: Asked) -> Report[Caused]:
    """By category and cause; the last rows are those without."""

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        concerns, grouping = asked.concerns(), asked.grouping(group_by)
        figures = {name: CONCERNS[name] for name in COUNTED} | {"raised_since_fixed": how_many(_fixed_before())}
        given = paid(session, concerns.join(Concern.actions), grouping, {})
        return chain(counted(session, concerns, grouping, figures), given, _fixed(session, concerns, grouping))

    return report(session, asked, count, _row, about=[GroupBy.CATEGORY, GroupBy.CAUSE])


def _here() -> tuple[ColumnElement[bool], ...]:
    """That a fix is of the cause of a concern, and of its store or of all stores."""
    return Fix.cause_id == Concern.cause_id, or_(Fix.store_id.is_(None), Fix.store_id == Concern.store_id)


def _fixed_before() -> ColumnElement[bool]:
    return select(Fix.id).where(*_here(), Fix.fixed_at <= Concern.received_at).exists()


def _fixed(session: Session, concerns: Any, grouping: Grouping) -> Tallies:
    newest: ScalarSelect[Any] = select(func.max(Fix.fixed_at)).where(*_here()).correlate(Concern).scalar_subquery()
    last = func.max(newest, type_=Fix.fixed_at.type)
    question = grouping.join(concerns).with_only_columns(*grouping.keys, last).group_by(*grouping.keys)
    for key, (fixed_at,) in grouping.each(session.execute(question)):
        yield key, Tally(latest=fixed_at)


def _row(tally: Tally, group: dict[str, Label]) -> Caused:
    counted_ = tally.figures
    return Caused(
        group=group,
        concerns=counted_["concerns"],
        unhappy=counted_["unhappy"],
        recovered_share=tally.share("recovered", "recovered", "lost"),
        repeat_within_30_days=tally.share("repeated", "concerns"),
        mood_lift=Lift(counted_["lift"], counted_["lifted"]),
        cost=tally.money,
        fixed_at=tally.latest,
        raised_since_fixed=counted_["raised_since_fixed"],
    )
