"""Figures of a fix: how many customers raised its cause before and since, and how many have heard of the fix."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.recovery.fix import Fix
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.stats.rate import Rate
from models.reports.totals import count_where


@dataclass(frozen=True)
class FixFigures:
    """Figures of a fix, over the concerns that its reader may see.

    `raised` and `raised_since` count concerns received before the fix and after it. The others count customers who
    raised it before and may be contacted: `thanked` were promised a thank-you, `left` were not, and `loop_back_rate`
    is the share whose thank-you was kept.
    """

    raised: int
    raised_since: int
    thanked: int
    left: int
    loop_back_rate: Rate


@dataclass(frozen=True)
class FixWithFigures:
    """A fix and its figures."""

    fix: Fix
    figures: FixFigures


def fix_with_figures(session: Session, fix: Fix, *, actor: Actor) -> FixWithFigures:
    """Return the fix with its figures, in one statement."""
    raised_before = fix.raised(Concern)
    contactable = raised_before & fix.contactable()
    thank_you_kept = FollowUp.status == FollowUpStatus.KEPT
    stmt = (
        select(
            count_where(raised_before),
            count_where(~raised_before),
            _count_customers(contactable),
            _count_customers(contactable & fix.thanked()),
            _count_customers(contactable & fix.thanked(thank_you_kept)),
        )
        .select_from(Concern)
        .outerjoin(Concern.customer)
        .where(*fix.about(Concern, actor=actor))
    )
    raised, raised_since, customers, thanked, informed = session.execute(stmt).one()
    figures = FixFigures(raised, raised_since, thanked, customers - thanked, Rate(informed, customers))
    return FixWithFigures(fix, figures)


def _count_customers(criterion: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(Concern.customer_id.distinct()).filter(criterion)
