"""Taking in a concern as a phone tells it: the store, the customer, what was done and how it ended, in one go."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from models.access import Actor
from models.concern import Concern
from models.concern_event import ConcernEvent
from models.customer import Customer
from models.description import look_up
from models.errors import DomainError, Invalid
from models.recovery import RecoveryAction
from models.remedy import Remedy
from models.session import ScopedSession
from models.staff import Shift, Staff
from models.store import Store


def take_in(session: ScopedSession, told: dict[str, Any], *, by: Actor, at: datetime) -> ConcernEvent:
    """Log a concern with everything that came with it; the event is the logging, for others to announce.

    `told` is what the API accepts for a new concern (see NewConcernSchema). Without a store_id the store is the one
    the person is on shift in; Invalid when there is none. Missing, with a pointer, for whatever is out of reach.
    """
    said = dict(told)
    store, reporter = _post(session, said.pop("store_id", None), by=by)
    actions = said.pop("recovery_actions", [])
    ended = {name: said.pop(name) for name in ("outcome", "mood_after") if name in said}
    customer = _customer(session, said, store=store, by=by, at=at)
    described = look_up(session, said, store_id=store.id)
    if customer is not None:
        described["customer"] = customer
    event = Concern.log(by=by, reporter=reporter, store=store, at=at, **described)
    session.add(event.concern)
    _act(session, event.concern, actions, by=by, at=at)
    if ended.get("outcome") is not None:
        event.concern.resolve(by=by, at=at, **ended)
    elif ended.get("mood_after") is not None:
        raise Invalid("A mood afterwards needs the outcome it belongs to.", pointer="/outcome")
    return event


def _post(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> tuple[Store, Staff | None]:
    """The store named, or the one of the shift; and the person, who comes in the same look-up as the shift."""
    if store_id is not None:
        return Store.find(session, store_id, seen_by=by, pointer="/store_id"), None
    shift = Shift.current(session, by.staff_id) if by.staff_id else None
    if shift is None or not by.reaches(shift.store_id):
        raise Invalid("Send a store_id, or check in first with PUT /v1/me/shift.", pointer="/store_id")
    return shift.store, shift.staff


def home_store_of(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> Store | None:
    """The store named, the one of the shift, or else the first of those this person belongs to, if to any."""
    if store_id is not None:
        return Store.find(session, store_id, seen_by=by, pointer="/store_id")
    shift = Shift.current(session, by.staff_id) if by.staff_id else None
    if shift is not None and by.reaches(shift.store_id):
        return shift.store
    return Store.find(session, min(by.store_ids), seen_by=by) if by.store_ids else None


def _customer(
    session: ScopedSession, said: dict[str, Any], *, store: Store, by: Actor, at: datetime
) -> Customer | None:
    customer_id, details = said.pop("customer_id", None), said.pop("customer", None)
    if customer_id is not None and details is not None:
        raise Invalid("Send either customer_id or customer, not both.", pointer="/customer")
    if customer_id is not None:
        known = Customer.find(session, customer_id, seen_by=by, pointer="/customer_id")
        known.meet(session, store.id, at)
        return known
    if details is None:
        return None
    with pointing_into("/customer"):
        return Customer.recognise(session, at=at, country=store.country, store_id=store.id, **details)


def _act(
    session: ScopedSession, concern: Concern, actions: Sequence[dict[str, Any]], *, by: Actor, at: datetime
) -> None:
    if not actions:
        return
    asked = {f"/recovery_actions/{number}/remedy": given["remedy"] for number, given in enumerate(actions)}
    remedies = Remedy.all_named(session, asked).values()
    for number, (given, remedy) in enumerate(zip(actions, remedies, strict=True)):
        with pointing_into(f"/recovery_actions/{number}"):
            RecoveryAction.record(session, concern, by=by, at=at, **{**given, "remedy": remedy})


@contextmanager
def pointing_into(prefix: str) -> Iterator[None]:
    """Refusals from inside name their place in the whole body."""
    try:
        yield
    except DomainError as error:
        if error.pointer is not None:
            error.pointer = prefix + error.pointer
        raise
