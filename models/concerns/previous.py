"""Past of a customer when a concern of theirs is logged: the look-up behind the guard against a second failure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.concerns.concern import Concern
from models.concerns.counted import counts_as_concern
from models.concerns.enums import Status
from models.customers.customer import Customer
from models.organizations.store import Store
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW, SAME_VISIT

T = TypeVar("T")


class PreviousConcern(NamedTuple):
    """The concern of the same customer before the present one."""

    concern_id: UUID
    received_at: datetime


class CustomerPast(NamedTuple):
    """What a store knows of a customer when they are named.

    `previous`: their last concern or request, anywhere in the organization, within a year (PREVIOUS_CONCERN_WINDOW).
    `last_here_on`: the business date of the last time that this store heard from them, or was left their contact. What
    was logged at the same visit (SAME_VISIT) counts only if somebody confirmed the match: the contact may have the same
    wrong digit.
    """

    previous: PreviousConcern | None = None
    last_here_on: date | None = None


NO_PAST = CustomerPast()


def find_past(session: Session, customer: Customer | None, *, store: Store, before: datetime) -> CustomerPast:
    """Return the past of this customer before a time. A profile that was created at this moment has none."""
    if customer is None or customer.created_at >= before:
        return NO_PAST
    past = past_of(session.execute(select(*past_expressions(customer.id, store.id, before))).one())
    return with_first_contact(past, customer, store=store, before=before)


def with_first_contact(past: CustomerPast, customer: Customer, *, store: Store, before: datetime) -> CustomerPast:
    """Return the past of a customer who left their contact in this store, maybe without a concern: they were here."""
    if past.last_here_on or customer.first_store_id != store.id or customer.created_at >= before:
        return past
    return past._replace(last_here_on=store.business_date(customer.created_at))


def past_expressions(
    customer_id: UUID | InstrumentedAttribute[UUID], store_id: UUID | None, before: datetime
) -> tuple[ScalarSelect[Any], ...]:
    """Return what `past_of` reads, as scalar subqueries of one statement. It knows no contact without a concern."""
    return (
        previous_expression(customer_id, before, Concern.id),
        previous_expression(customer_id, before, Concern.received_at),
        _last_here_expression(customer_id, store_id, before),
    )


def past_of(columns: Sequence[Any]) -> CustomerPast:
    """Return the past from the values of `past_expressions`."""
    previous_id, received_at, last_here_on = columns
    return CustomerPast(PreviousConcern(previous_id, received_at) if previous_id else None, last_here_on)


def _last_here_expression(
    customer_id: UUID | InstrumentedAttribute[UUID], store_id: UUID | None, before: datetime
) -> ScalarSelect[date]:
    return (
        select(Concern.business_date)
        .where(Concern.customer_id == customer_id, Concern.store_id == store_id)
        .where(Concern.received_at < before, Concern.status != Status.VOIDED)
        .where(or_(Concern.customer_confirmed, Concern.received_at < before - SAME_VISIT))
        .order_by(Concern.received_at.desc())
        .limit(1)
        .scalar_subquery()
    )


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
