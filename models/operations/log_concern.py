"""Taking in what a phone tells of a concern: the store, the customer, what was done and how it ended, in one go."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import joinedload

from models.access import Actor
from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent
from models.concerns.previous import find_previous
from models.concerns.references import resolve_slugs
from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from models.db.session import ScopedSession
from models.errors import DomainError, Invalid
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.follow_up import FollowUp
from models.recovery.remedy import Remedy
from models.staff.shift import Shift
from models.staff.staff import Staff

# What decides whether a concern rings, and how the call climbs, comes in the same look-up as the store.
_RULES_OF_STORE = (joinedload(Store.alert_rules), joinedload(Store.policies))
_RULES_OF_SHIFT = (
    joinedload(Shift.store).joinedload(Store.alert_rules),
    joinedload(Shift.store).joinedload(Store.policies),
)


# What is seen by whoever sees the concern, and has a number of its own in the feed.
CONCERN_CHILDREN: tuple[type[RecoveryAction | FollowUp | Alert], ...] = (RecoveryAction, FollowUp, Alert)
MODELS_BY_ID_FIELD: dict[str, type[Staff | Concern]] = {"praised": Staff, "linked": Concern}


def log_concern(session: ScopedSession, told: dict[str, Any], *, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Log a concern with everything that came with it; the steps for others to announce, first the logging.

    `told` is what the API accepts for a new concern (see NewConcernSchema). Without a store_id the store is the one
    the person is on shift in; Invalid when there is none. Missing, with a pointer, for whatever is out of reach.
    """
    said = dict(told)
    store, reporter = _store_and_reporter(session, said.pop("store_id", None), by=by)
    actions = said.pop("recovery_actions", [])
    ended = {name: said.pop(name) for name in ("outcome", "mood_after") if name in said}
    described = _resolve_references(session, said, store_id=store.id, country=store.country, by=by, at=at)
    event = Concern.log(by=by, reporter=reporter, store=store, at=at, **described)
    session.add(event.concern)
    asked = _record_actions(session, event.concern, actions, by=by, at=at)
    if ended.get("outcome") is not None:
        event.concern.resolve(by=by, at=at, **ended)
    elif ended.get("mood_after") is not None:
        raise Invalid("A mood afterwards needs the outcome it belongs to.", pointer="/outcome")
    return [event, *asked]


def update_concern(
    session: ScopedSession, concern: Concern, told: dict[str, Any], *, by: Actor, at: datetime
) -> ConcernEvent:
    """Take over what was told later of a concern there is; null takes a field away. Missing as in `log_concern`."""
    changes = _resolve_references(
        session,
        dict(told),
        store_id=concern.store_id,
        category=concern.category,
        before=concern.received_at,
        sensitive=concern.sensitive,
        by=by,
        at=at,
    )
    if "customer" in changes:
        concern.set_previous(changes.pop("previous"))
    sensitive_before = concern.sensitive
    event = concern.edit(by=by, at=at, **changes)
    if concern.sensitive is not sensitive_before:
        for kind in CONCERN_CHILDREN:
            session.mark_changed(session.scalars(select(kind).where(kind.concern_id == concern.id)).unique())
    return event


def _store_and_reporter(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> tuple[Store, Staff | None]:
    """The store named, or the one of the shift; and the person, who comes in the same look-up as the shift."""
    if store_id is not None:
        store = Store.get_visible(session, store_id, actor=by, pointer="/store_id", options=_RULES_OF_STORE)
        return store, None
    shift = Shift.of_actor(session, by, options=_RULES_OF_SHIFT)
    return shift.store, shift.staff


def default_store(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> Store | None:
    """The store named, the one of the shift, or else the first of those this person belongs to, if to any."""
    if store_id is not None:
        return Store.get_visible(session, store_id, actor=by, pointer="/store_id")
    shift = Shift.current(session, by.staff_id) if by.staff_id else None
    if shift is not None and by.reaches(shift.store_id):
        return shift.store
    return Store.get_visible(session, min(by.store_ids), actor=by) if by.store_ids else None


def _resolve_references(
    session: ScopedSession,
    said: dict[str, Any],
    *,
    store_id: UUID,
    country: str | None = None,
    category: Category | None = None,
    before: datetime | None = None,
    sensitive: bool = False,
    by: Actor,
    at: datetime,
) -> dict[str, Any]:
    """What was said with rows in the place of slugs and of the customer, who was met in this store.

    With a customer comes their `previous` concern before the moment of this one, by default now.
    Items come first: whoever waits for a new one to be entered holds nothing that others wait for.
    """
    if items := said.get("items"):
        rows = CatalogueItem.find_or_create(session, items, sensitive=sensitive or said.get("sensitive", False), at=at)
        said["items"] = [
            {"item": row, "quantity": one.get("quantity", 1)} for row, one in zip(rows, items, strict=True)
        ]
    customer_id, details = said.get("customer_id"), said.pop("customer", None)
    if customer_id is not None and details is not None:
        raise Invalid("Send either customer_id or customer, not both.", pointer="/customer")
    if "customer_id" in said:
        said["customer"] = said.pop("customer_id", None)
    wanted = None
    if customer_id is not None:
        wanted = Customer.select_for_update(
            and_(Customer.id == Customer.surviving_id(customer_id), *Customer.visible_to(by))
        )
    elif details is not None:
        with prefix_error_pointers("/customer"):
            details = normalize_contacts(details, country)
        wanted = Customer.select_for_update(Customer.matches_contacts(details), for_change=len(details) > 1)
    _resolve_ids(session, said, by=by)
    before = before or at
    found = resolve_slugs(session, said, store_id=store_id, category=category, customer=wanted, before=before)
    if "customer" not in found:
        return found
    known, customer = found["customer"], None
    if details is not None:
        customer = Customer.recognise(session, details, known=known, at=at, store_id=store_id)
    elif wanted is not None and customer_id is not None:
        # Nobody, where they were merged at this very moment: asked again, it is who is left.
        customer = known or session.scalars(wanted).one_or_none()
        if customer is None:
            raise Customer.not_visible_error(customer_id, pointer="/customer_id")
        customer.meet(session, store_id, at)
    # Who waited for another till to let go of the customer looks again: the look-up saw how things were before.
    waited = customer is not known or (details is not None and len(details) > 1)
    previous = find_previous(session, customer, before=before) if waited else found.get("previous")
    return {**found, "customer": customer, "previous": previous}


def _resolve_ids(session: ScopedSession, said: dict[str, Any], *, by: Actor) -> None:
    """Put the colleague praised and the concern linked in the place of their ids."""
    for name, kind in MODELS_BY_ID_FIELD.items():
        if (pointer := f"{name}_id") in said:
            id_ = said.pop(pointer)
            said[name] = kind.get_visible(session, id_, actor=by, pointer=f"/{pointer}") if id_ else None


def _record_actions(
    session: ScopedSession, concern: Concern, actions: Sequence[dict[str, Any]], *, by: Actor, at: datetime
) -> list[ConcernEvent]:
    """Record them; the steps of those that somebody has to allow first."""
    if not actions:
        return []
    asked = {f"/recovery_actions/{number}/remedy": given["remedy"] for number, given in enumerate(actions)}
    remedies = Remedy.by_slugs(session, asked).values()
    waiting: list[ConcernEvent] = []
    for number, (given, remedy) in enumerate(zip(actions, remedies, strict=True)):
        with prefix_error_pointers(f"/recovery_actions/{number}"):
            action, event = record_action(session, concern, by=by, at=at, **{**given, "remedy": remedy})
        if action.status is ActionStatus.PENDING:
            waiting.append(event)
    return waiting


@contextmanager
def prefix_error_pointers(prefix: str) -> Iterator[None]:
    """Refusals from inside name their place in the whole body."""
    try:
        yield
    except DomainError as error:
        if error.pointer is not None:
            error.pointer = prefix + error.pointer
        raise
