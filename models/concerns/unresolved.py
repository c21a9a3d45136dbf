"""Unresolved concerns of past business days: announced the next morning, listed from then on."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.organizations.store import Store

# The values stand in the SQL text, so that both databases see that the partial index applies.
NOT_RESOLVED = Concern.status.in_(
    [literal(status, Concern.status.type, literal_execute=True) for status in (Status.OPEN, Status.TAKEN)]
)


def unresolved_before(day: date) -> ColumnElement[bool]:
    """Return the criterion for concerns of any earlier business day that are still open."""
    return and_(Concern.business_date < day, NOT_RESOLVED)


def carried_to(store: Store, day: date, business_date: InstrumentedAttribute[date]) -> ColumnElement[bool]:
    """Return the criterion for what a day takes over: dates since the store's previous working day.

    Anything older was announced on an earlier morning. It is listed and counted, and not announced again.
    """
    return and_(business_date >= store.previous_working_date(day), business_date < day)


def select_carried_over(store: Store, day: date) -> Select[UUID]:
    """Return a statement for the ids of the open concerns that a day takes over."""
    return select(Concern.id).where(
        Concern.store_id == store.id, carried_to(store, day, Concern.business_date), NOT_RESOLVED
    )
