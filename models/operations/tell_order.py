"""Use case of a till: an order is told, and told again as it grows, shrinks and is paid."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from models.access import Actor
from models.db.base import Money
from models.db.session import ScopedSession
from models.db.text import fold, tidy
from models.errors import Invalid
from models.operations.path_names import check_path_name
from models.organizations.place import Place
from models.organizations.store import Store
from models.policy_defaults import MAX_CLOCK_AHEAD, MAX_CONCERN_AGE
from models.recovery.order import MAX_REFERENCE_LENGTH, MAX_SOURCE_LENGTH, Order, OrderSource
from models.recovery.order_cap import tell_value


def tell_order(
    session: ScopedSession, source: str, reference: str, data: dict[str, Any], *, by: Actor, at: datetime
) -> tuple[Order, bool]:
    """Record an order, or change what was told of it. Return it, and whether it is new.

    `data` has `store_id` and `opened`; `place` (slug), `value` (Money), `currency` and `closed` stay as they were told
    where they are left out. The store is locked, so that no refund is recorded by a total that is just being lowered.
    A key that gave something for the order raises no cap of its refunds: see `tell_value`.

    Raises NotFound for a source of another key, and, with a pointer, for a store or place that is not there; Invalid
    for another currency than the store's, and for times that cannot be.
    """
    check_path_name(source, MAX_SOURCE_LENGTH, "/source")
    check_path_name(reference, MAX_REFERENCE_LENGTH, "/reference")
    told_from = OrderSource.of_key(session, tidy(source), by=by)
    store = Store.get_visible(session, data["store_id"], actor=by, pointer="/store_id", lock=True)
    opened, closed = _check_times(data["opened"], data.get("closed"), at=at)
    business_date = store.business_date(opened)
    _check_currency(data, store.currency_on(business_date))
    place = Place.by_slug(session, store, data["place"]) if data.get("place") else None
    identity = {
        "store_id": store.id,
        "source_id": told_from.id,
        "business_date": business_date,
        "reference_key": fold(reference),
    }
    order = session.scalars(select(Order).filter_by(**identity)).one_or_none()
    is_new = order is None
    if order is None:
        order = Order(**identity)
        session.add(order)
    order.reference, order.opened_at, order.told_at = tidy(reference), opened, at
    order.closed_at = closed or order.closed_at
    order.place = place or order.place
    if (value := data.get("value")) is not None:
        tell_value(session, order, value, by_key_id=by.api_key_id)
    return order, is_new


def _check_times(opened: datetime, closed: datetime | None, *, at: datetime) -> tuple[datetime, datetime | None]:
    """Return both times, at the latest now, as clocks differ a little. Invalid where they cannot be."""
    if not at - MAX_CONCERN_AGE <= opened <= at + MAX_CLOCK_AHEAD:
        raise Invalid("An order was opened within the last 30 days.", pointer="/opened")
    if closed is not None and not opened <= closed <= at + MAX_CLOCK_AHEAD:
        raise Invalid("An order is closed after it was opened, and not later than now.", pointer="/closed")
    return min(opened, at), None if closed is None else min(closed, at)


def _check_currency(data: dict[str, Any], currency: str) -> None:
    value: Money | None = data.get("value")
    if value is not None and value.currency != currency:
        raise Invalid(f"This store counts in {currency}.", pointer="/value/currency")
    if data.get("currency") not in (None, currency):
        raise Invalid(f"This store counts in {currency}.", pointer="/currency")
