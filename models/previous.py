"""Whether a customer was unhappy with us before, and what was tried: what the guard against a second failure needs."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor
from models.concern import Concern
from models.customer import Customer
from models.recovery import ActionStatus, RecoveryAction
from models.remedy import Remedy
from models.terms import Kind, Outcome
from models.vocabulary import Category

A_YEAR = timedelta(days=365)


class Previous(NamedTuple):
    """The concern before this one, of the same customer."""

    concern_id: UUID
    received_at: datetime


class Tried(NamedTuple):
    """What was done about the concern before, in the order it was done, and how that ended."""

    concern_id: UUID
    business_date: date
    category: Category | None
    outcome: Outcome | None
    mood_after: int | None
    remedies: Sequence[str]


def last_of(session: Session, customer: Customer | None, *, before: datetime) -> Previous | None:
    """The last time this customer was unhappy or wanted something, anywhere in the organization, within a year.

    A profile that was made at this very moment has no past, and is not looked up.
    """
    if customer is None or customer.created_at >= before:
        return None
    found = session.execute(
        select(Concern.id, Concern.received_at)
        .where(Concern.customer_id == customer.id, Concern.kind != Kind.PRAISE)
        .where(Concern.received_at < before, Concern.received_at > before - A_YEAR)
        .order_by(Concern.received_at.desc())
        .limit(1)
    ).one_or_none()
    return Previous(*found) if found else None


def tried_before(session: Session, concern_id: UUID, *, seen_by: Actor) -> Tried | None:
    """What was tried the last time for the customer of this concern; None where that is out of this person's reach."""
    before = select(Concern.previous_id).where(Concern.id == concern_id).scalar_subquery()
    last = session.scalars(
        select(Concern).where(Concern.id == before, *Concern.visible_to(seen_by)).options(joinedload(Concern.category))
    ).one_or_none()
    return tried_for(session, last) if last else None


def tried_for(session: Session, last: Concern) -> Tried:
    """What was tried for this concern, and how it ended."""
    remedies = session.scalars(
        select(Remedy.slug)
        .select_from(RecoveryAction)
        .join(RecoveryAction.remedy)
        .where(RecoveryAction.concern_id == last.id, RecoveryAction.status == ActionStatus.DONE)
        .where(RecoveryAction.reverses_id.is_(None))
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    ).all()
    return Tried(last.id, last.business_date, last.category, last.outcome, last.mood_after, remedies)
