"""What became of a fix: how many raised it before and since, and how many of those who may be told were told."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.recovery.fix import Fix
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.stats.rate import Rate


@dataclass(frozen=True)
class FixFigures:
    """The figures of a fix, as far as its reader sees. `raised` and `raised_since` count concerns, the rest customers.

    `thanked` were promised a thank-you, `left` were not; the rate is of those who may be contacted, and counts as told
    whose thank-you was kept.
    """

    raised: int
    raised_since: int
    thanked: int
    left: int
    loop_back_rate: Rate


@dataclass(frozen=True)
class FixWithFigures:
    """A fix beside its figures."""

    fix: Fix
    figures: FixFigures


def fix_with_figures(session: Session, fix: Fix, *, actor: Actor) -> FixWithFigures:
    """The fix with its figures, in one statement."""
    before = fix.raised(Concern)
    contactable = before & fix.contactable()
    kept = FollowUp.status == FollowUpStatus.KEPT
    stmt = (
        select(
            func.count().filter(before),
            func.count().filter(~before),
            _customers(contactable),
            _customers(contactable & fix.thanked()),
            _customers(contactable & fix.thanked(kept)),
        )
        .select_from(Concern)
        .outerjoin(Concern.customer)
        .where(*fix.about(Concern, actor=actor))
    )
    raised, since, customers, thanked, told = session.execute(stmt).one()
    return FixWithFigures(fix, FixFigures(raised, since, thanked, customers - thanked, Rate(told, customers)))


def _customers(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(Concern.customer_id.distinct()).filter(which)
