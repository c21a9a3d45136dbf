"""What became of a fix: how many raised it before and since, and how many of those who may be told were told."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.recovery.fix import Fix
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.reports.stats.rate import Share


@dataclass(frozen=True)
class LoopBack:
    """The figures of a fix, as far as its reader sees. `raised` and `raised_since` count concerns, the rest customers.

    `thanked` were promised a thank-you, `left` were not; the rate is of those who may be contacted, and counts as told
    whose thank-you was kept.
    """

    raised: int
    raised_since: int
    thanked: int
    left: int
    loop_back_rate: Share


@dataclass(frozen=True)
class FollowedFix:
    """A fix beside its figures."""

    fix: Fix
    figures: LoopBack


def followed(session: Session, fix: Fix, *, seen_by: Actor) -> FollowedFix:
    """The fix with its figures, in one statement."""
    before = fix.raised(Concern)
    contactable = before & fix.contactable()
    kept = FollowUp.status == FollowUpStatus.KEPT
    question = (
        select(
            func.count().filter(before),
            func.count().filter(~before),
            _customers(contactable),
            _customers(contactable & fix.thanked()),
            _customers(contactable & fix.thanked(kept)),
        )
        .select_from(Concern)
        .outerjoin(Concern.customer)
        .where(*fix.about(Concern, seen_by=seen_by))
    )
    raised, since, customers, thanked, told = session.execute(question).one()
    return FollowedFix(fix, LoopBack(raised, since, thanked, customers - thanked, Share(told, customers)))


def _customers(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(Concern.customer_id.distinct()).filter(which)
