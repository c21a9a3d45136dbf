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
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import Remedy


class PreviousRecovery(NamedTuple):
    """What was done about the concern before, in the order it was done, and how that ended."""

    concern_id: UUID
    business_date: date
    category: str | None
    outcome: Outcome | None
    mood_after: int | None
    remedies: Sequence[str]


def last_resolved_expression(customer_id: UUID, *, actor: Actor, at: datetime) -> ScalarSelect[UUID]:
    """The id of the customer's last concern that is over, if within a year and within this person's reach."""
    theirs = (Concern.customer_id == customer_id, Concern.kind != Kind.PRAISE, *Concern.visible_to(actor))
    over = select(Concern.id).where(
        *theirs, Concern.status == Status.RESOLVED, Concern.received_at > at - PREVIOUS_CONCERN_WINDOW
    )
    return over.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(1).scalar_subquery()


def find_last_recovery(session: Session, customer_id: UUID, *, actor: Actor, at: datetime) -> PreviousRecovery | None:
    """What was tried the last time that is over."""
    return _fetch_recovery(session, Concern.id == last_resolved_expression(customer_id, actor=actor, at=at))


def find_previous_recovery(session: Session, concern_id: UUID, *, actor: Actor) -> PreviousRecovery | None:
    """What was tried the last time for the customer of this concern; None where that is out of this person's reach."""
    before = select(Concern.previous_id).where(Concern.id == concern_id).scalar_subquery()
    return _fetch_recovery(session, Concern.id == before, *Concern.visible_to(actor))


def _fetch_recovery(session: Session, *which: ColumnElement[bool]) -> PreviousRecovery | None:
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
        .outerjoin(Concern.actions.and_(IN_EFFECT))
        .outerjoin(RecoveryAction.remedy)
        .where(*which)
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    ).all()
    if not rows:
        return None
    last, remedies = rows[0], [row.remedy for row in rows if row.remedy is not None]
    return PreviousRecovery(last.id, last.business_date, last.slug, last.outcome, last.mood_after, remedies)
