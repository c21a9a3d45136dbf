"""Previous recovery of a customer: which remedies were tried last time, and how that ended."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session, aliased

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.concerns.enums import Outcome, Status
from models.organizations.vocabulary import Category, Cause
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import Remedy


class PreviousRecovery(NamedTuple):
    """A past concern with the remedies that were tried, in order, and its outcome."""

    concern_id: UUID
    business_date: date
    category: str | None
    outcome: Outcome | None
    mood_after: int | None
    remedies: Sequence[str]


def last_resolved_expression(customer_id: UUID, *, actor: Actor, at: datetime) -> ScalarSelect[UUID]:
    """Return the id of the customer's last resolved concern the actor may see, within a year, as a subquery."""
    of_customer = (Concern.customer_id == customer_id, IS_COUNTED_CONCERN, *Concern.visible_to(actor))
    resolved = select(Concern.id).where(
        *of_customer, Concern.status == Status.RESOLVED, Concern.received_at > at - PREVIOUS_CONCERN_WINDOW
    )
    return resolved.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(1).scalar_subquery()


def find_last_recovery(session: Session, customer_id: UUID, *, actor: Actor, at: datetime) -> PreviousRecovery | None:
    """Return the recovery of the customer's last resolved concern, as in `last_resolved_expression`."""
    return _fetch_recovery(session, Concern.id == last_resolved_expression(customer_id, actor=actor, at=at))


def find_previous_recovery(session: Session, concern_id: UUID, *, actor: Actor) -> PreviousRecovery | None:
    """Return the recovery of the previous concern of a concern. None where the actor may not see it."""
    previous_id = select(Concern.previous_id).where(Concern.id == concern_id).scalar_subquery()
    return _fetch_recovery(session, Concern.id == previous_id, *Concern.visible_to(actor))


def _fetch_recovery(session: Session, *criteria: ColumnElement[bool]) -> PreviousRecovery | None:
    """Return the recovery of the one concern that matches, in one statement."""
    category = aliased(Category)  # as of now: see Concern.category
    category_id = func.coalesce(Cause.category_id, Category.merged_into_id, Category.id)
    rows = session.execute(
        select(
            Concern.id,
            Concern.business_date,
            category.slug,
            Concern.outcome,
            Concern.mood_after,
            Remedy.slug.label("remedy"),
        )
        .outerjoin(Concern.filed_category)
        .outerjoin(Concern.filed_cause)
        .outerjoin(category, category.id == category_id)
        .outerjoin(Concern.actions.and_(IN_EFFECT))
        .outerjoin(RecoveryAction.remedy)
        .where(*criteria)
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    ).all()
    if not rows:
        return None
    concern, remedies = rows[0], [row.remedy for row in rows if row.remedy is not None]
    return PreviousRecovery(
        concern.id, concern.business_date, concern.slug, concern.outcome, concern.mood_after, remedies
    )
