"""Previous concern of a customer: the look-up behind the guard against a second failure."""

from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.concerns.concern import Concern
from models.concerns.counted import counts_as_concern
from models.customers.customer import Customer
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW

T = TypeVar("T")


class PreviousConcern(NamedTuple):
    """The concern of the same customer before the present one."""

    concern_id: UUID
    received_at: datetime


def find_previous(session: Session, customer: Customer | None, *, before: datetime) -> PreviousConcern | None:
    """Return the last concern or request of this customer before a time, anywhere in the organization.

    Looks back one year (PREVIOUS_CONCERN_WINDOW). A profile that was created at this moment has no past, and is not
    looked up.
    """
    if customer is None or customer.created_at >= before:
        return None
    row = session.execute(
        select(
            previous_expression(customer.id, before, Concern.id).label("id"),
            previous_expression(customer.id, before, Concern.received_at).label("received_at"),
        )
    ).one()
    return PreviousConcern(row.id, row.received_at) if row.id else None


def previous_expression(
    customer_id: UUID | InstrumentedAttribute[UUID], before: datetime, column: InstrumentedAttribute[T]
) -> ScalarSelect[T]:
    """Return one column of the previous concern as a scalar subquery.

    Each column takes a subquery of its own: only so the planner uses the index.
    """
    return (
        select(column)
        .where(Concern.customer_id == customer_id, counts_as_concern(Concern))
        .where(Concern.received_at < before, Concern.received_at > before - PREVIOUS_CONCERN_WINDOW)
        .order_by(Concern.received_at.desc())
        .limit(1)
        .scalar_subquery()
    )
