"""Whether a customer was unhappy with us before, and what was tried: what the guard against a second failure needs."""

from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.concerns.concern import Concern
from models.concerns.enums import Kind
from models.customers.customer import Customer
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW

T = TypeVar("T")


class PreviousConcern(NamedTuple):
    """The concern before this one, of the same customer."""

    concern_id: UUID
    received_at: datetime


def find_previous(session: Session, customer: Customer | None, *, before: datetime) -> PreviousConcern | None:
    """The last time this customer was unhappy or wanted something, anywhere in the organization, within a year.

    A profile that was made at this very moment has no past, and is not looked up.
    """
    if customer is None or customer.created_at >= before:
        return None
    found = session.execute(
        select(
            previous_expression(customer.id, before, Concern.id).label("id"),
            previous_expression(customer.id, before, Concern.received_at).label("received_at"),
        )
    ).one()
    return PreviousConcern(found.id, found.received_at) if found.id else None


def previous_expression(
    customer_id: UUID | InstrumentedAttribute[UUID], before: datetime, what: InstrumentedAttribute[T]
) -> ScalarSelect[T]:
    """`what` of that concern: an expression of its own for each, for only so an index finds it."""
    return (
        select(what)
        .where(Concern.customer_id == customer_id, Concern.kind != Kind.PRAISE)
        .where(Concern.received_at < before, Concern.received_at > before - PREVIOUS_CONCERN_WINDOW)
        .order_by(Concern.received_at.desc())
        .limit(1)
        .scalar_subquery()
    )
