"""What was tried for a customer the last time, and how that ended."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Outcome, Status
from models.organizations.vocabulary import Category
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW
from models.recovery.action import STANDS, RecoveryAction
from models.recovery.remedy import Remedy


class Tried(NamedTuple):
    """What was done about the concern before, in the order it was done, and how that ended."""

    concern_id: UUID
    business_date: date
    category: str | None
    outcome: Outcome | None
    mood_after: int | None
    remedies: Sequence[str]


def last_over(customer_id: UUID, *, seen_by: Actor, at: datetime) -> ScalarSelect[UUID]:
    """The id of the customer's last concern that is over, if within a year and within this person's reach."""
    theirs = (Concern.customer_id == customer_id, Concern.kind != Kind.PRAISE, *Concern.visible_to(seen_by))
    over = select(Concern.id).where(
        *theirs, Concern.status == Status.RESOLVED, Concern.received_at > at - PREVIOUS_CONCERN_WINDOW
    )
    return over.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(1).scalar_subquery()


def tried_last(session: Session, customer_id: UUID, *, seen_by: Actor, at: datetime) -> Tried | None:
    """What was tried the last time that is over."""
    return _tried_in(session, Concern.id == last_over(customer_id, seen_by=seen_by, at=at))


def tried_before(session: Session, concern_id: UUID, *, seen_by: Actor) -> Tried | None:
    """What was tried the last time for the customer of this concern; None where that is out of this person's reach."""
    before = select(Concern.previous_id).where(Concern.id == concern_id).scalar_subquery()
    return _tried_in(session, Concern.id == before, *Concern.visible_to(seen_by))


def _tried_in(session: Session, *which: ColumnElement[bool]) -> Tried | None:
    """What was tried for the one concern that fits, in one look-up."""
    rows = session.execute(
        select(
            Concern.id,
            Concern.business_date,
            Category.slug,
            Concern.outcome,
            Concern.mood_after,
            Remedy.slug.label("remedy"),
        )
        .outerjoin(Concern.category)
        .outerjoin(Concern.actions.and_(STANDS))
        .outerjoin(RecoveryAction.remedy)
        .where(*which)
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    ).all()
    if not rows:
        return None
    last, remedies = rows[0], [row.remedy for row in rows if row.remedy is not None]
    return Tried(last.id, last.business_date, last.slug, last.outcome, last.mood_after, remedies)
