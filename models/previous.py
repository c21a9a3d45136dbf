"""Whether a customer was unhappy with us before, and what was tried: what the guard against a second failure needs."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.access import Actor
from models.concern import Concern
from models.customer import Customer
from models.recovery import STANDS, RecoveryAction
from models.remedy import Remedy
from models.terms import Kind, Outcome, Status
from models.vocabulary import Category

A_YEAR = timedelta(days=365)
T = TypeVar("T")


class Previous(NamedTuple):
    """The concern before this one, of the same customer."""

    concern_id: UUID
    received_at: datetime


class Tried(NamedTuple):
    """What was done about the concern before, in the order it was done, and how that ended."""

    concern_id: UUID
    business_date: date
    category: str | None
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
        select(
            last_before(customer.id, before, Concern.id).label("id"),
            last_before(customer.id, before, Concern.received_at).label("received_at"),
        )
    ).one()
    return Previous(found.id, found.received_at) if found.id else None


def last_before(
    customer_id: UUID | InstrumentedAttribute[UUID], before: datetime, what: InstrumentedAttribute[T]
) -> ScalarSelect[T]:
    """`what` of that concern: an expression of its own for each, for only so an index finds it."""
    return (
        select(what)
        .where(Concern.customer_id == customer_id, Concern.kind != Kind.PRAISE)
        .where(Concern.received_at < before, Concern.received_at > before - A_YEAR)
        .order_by(Concern.received_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def last_over(customer_id: UUID, *, seen_by: Actor, at: datetime) -> ScalarSelect[UUID]:
    """The id of the customer's last concern that is over, if within a year and within this person's reach."""
    theirs = (Concern.customer_id == customer_id, Concern.kind != Kind.PRAISE, *Concern.visible_to(seen_by))
    over = select(Concern.id).where(*theirs, Concern.status == Status.RESOLVED, Concern.received_at > at - A_YEAR)
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
