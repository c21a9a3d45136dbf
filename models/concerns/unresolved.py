"""What business days leave open behind them: concerns that nobody resolved, told of in the morning, and then listed."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.organizations.store import Store

# In words of SQL, so that both databases see that the partial index holds it.
_NOT_RESOLVED = Concern.status != literal(Status.RESOLVED, Concern.status.type, literal_execute=True)
IS_UNRESOLVED: ColumnElement[bool] = and_(_NOT_RESOLVED, Concern.kind != Kind.PRAISE)


def unresolved_before(day: date) -> ColumnElement[bool]:
    """What is of an earlier business day and open still, however old."""
    return and_(Concern.business_date < day, IS_UNRESOLVED)


def carried_to(store: Store, day: date, business_date: InstrumentedAttribute[date]) -> ColumnElement[bool]:
    """What is of the day before, and of those on which the store stayed shut in between.

    Older things were told of on an earlier morning: they are listed and counted, and not told again.
    """
    return and_(business_date >= store.previous_working_date(day), business_date < day)


def select_carried_over(store: Store, day: date) -> Select[UUID]:
    """The concerns that a day begins with."""
    return select(Concern.id).where(
        Concern.store_id == store.id, carried_to(store, day, Concern.business_date), IS_UNRESOLVED
    )
