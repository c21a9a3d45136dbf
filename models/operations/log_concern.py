"""Use cases of logging and updating a concern: resolves references, records actions and the outcome, in one go."""

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
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.follow_up import FollowUp
from models.recovery.remedy import Remedy
from models.staff.shift import Shift
from models.staff.staff import Staff

# Needed to assess the new concern: loaded in the same statement as the store.
_RULES_OF_STORE = (joinedload(Store.alert_rules), joinedload(Store.policies))
_RULES_OF_SHIFT = (
    joinedload(Shift.store).joinedload(Store.alert_rules),
    joinedload(Shift.store).joinedload(Store.policies),
)


# Visible to whoever sees the concern, with an entry of their own in the change feed.
CONCERN_CHILDREN: tuple[type[RecoveryAction | FollowUp | Alert], ...] = (RecoveryAction, FollowUp, Alert)
MODELS_BY_ID_FIELD: dict[str, type[Staff | Concern]] = {"praised": Staff, "linked": Concern}


def log_concern(session: ScopedSession, data: dict[str, Any], *, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Log a concern with everything that came with it.

    Args:
        data: a new concern as the API accepts it (see NewConcernSchema). Without `store_id` the concern is of the
            store in which `by` is on shift.

    Returns the events for the caller to announce: first the logging, then actions that need approval.

    Raises Invalid without a store, and NotFound, with a pointer, for anything that `by` may not see.
    """
    fields = dict(data)
    store, reporter = _store_and_reporter(session, fields.pop("store_id", None), by=by)
    actions = fields.pop("recovery_actions", [])
    outcome = {name: fields.pop(name) for name in ("outcome", "mood_after") if name in fields}
    resolved = _resolve_references(session, fields, store_id=store.id, country=store.country, by=by, at=at)
    event = Concern.log(by=by, reporter=reporter, store=store, at=at, **resolved)
    session.add(event.concern)
    pending = _record_actions(session, event.concern, actions, by=by, at=at)
    if outcome.get("outcome") is not None:
        event.concern.resolve(by=by, at=at, **outcome)
    elif outcome.get("mood_after") is not None:
        raise Invalid("A mood afterwards needs the outcome it belongs to.", pointer="/outcome")
    return [event, *pending]


def update_concern(
    session: ScopedSession, concern: Concern, data: dict[str, Any], *, by: Actor, at: datetime
) -> ConcernEvent:
    """Complete or correct a concern; None clears a field. NotFound as in `log_concern`."""
    changes = _resolve_references(
        session,
        dict(data),
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
        for child in CONCERN_CHILDREN:
            session.mark_changed(session.scalars(select(child).where(child.concern_id == concern.id)).unique())
    return event


def _store_and_reporter(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> tuple[Store, Staff | None]:
    """Return the named store, or the one of the shift together with the person, who is loaded in the same statement."""
    if store_id is not None:
        store = Store.get_visible(session, store_id, actor=by, pointer="/store_id", options=_RULES_OF_STORE)
        return store, None
    shift = Shift.of_actor(session, by, options=_RULES_OF_SHIFT)
    return shift.store, shift.staff


def default_store(session: ScopedSession, store_id: UUID | None, *, by: Actor) -> Store | None:
    """Return the named store, else that of the shift, else the first store the person belongs to, if any."""
    if store_id is not None:
        return Store.get_visible(session, store_id, actor=by, pointer="/store_id")
    shift = Shift.current(session, by.staff_id) if by.staff_id else None
    if shift is not None and by.reaches(shift.store_id):
        return shift.store
    return Store.get_visible(session, min(by.store_ids), actor=by) if by.store_ids else None


def phone_country(session: ScopedSession, store: Store | None, *, by: Actor) -> str | None:
    """Return the country that national phone numbers are read with: the store's, else the organization's, if any."""
    return store.country if store else Organization.get(session, by.organization_id).phone_region


def _resolve_references(
    session: ScopedSession,
    data: dict[str, Any],
    *,
    store_id: UUID,
    country: str | None = None,
    category: Category | None = None,
    before: datetime | None = None,
    sensitive: bool = False,
    by: Actor,
    at: datetime,
) -> dict[str, Any]:
    """Return `data` with rows in place of slugs, ids and the customer, whom this store has met from now on.

    With a customer comes `previous`: their last concern before the time `before`, by default `at`.

    Catalogue items come first. Whoever waits for another transaction to insert an item then holds no lock that others
    wait for.
    """
    if items := data.get("items"):
        rows = CatalogueItem.find_or_create(session, items, sensitive=sensitive or data.get("sensitive", False), at=at)
        data["items"] = [
            {"item": row, "quantity": item.get("quantity", 1)} for row, item in zip(rows, items, strict=True)
        ]
    customer_id, details = data.get("customer_id"), data.pop("customer", None)
    if customer_id is not None and details is not None:
        raise Invalid("Send either customer_id or customer, not both.", pointer="/customer")
    if "customer_id" in data:
        data["customer"] = data.pop("customer_id", None)
    customer_stmt = None
    if customer_id is not None:
        customer_stmt = Customer.select_for_update(
            and_(Customer.id == Customer.surviving_id(customer_id), *Customer.visible_to(by))
        )
    elif details is not None:
        with prefix_error_pointers("/customer"):
            details = normalize_contacts(details, country)
        customer_stmt = Customer.select_for_update(Customer.matches_contacts(details), for_change=len(details) > 1)
    _resolve_ids(session, data, by=by)
    before = before or at
    resolved = resolve_slugs(session, data, store_id=store_id, category=category, customer=customer_stmt, before=before)
    if "customer" not in resolved:
        return resolved
    known, customer = resolved["customer"], None
    if details is not None:
        customer = Customer.recognise(session, details, known=known, at=at, store_id=store_id)
    elif customer_stmt is not None and customer_id is not None:
        # No row where a merge has just committed: run again, the statement returns the surviving customer.
        customer = known or session.scalars(customer_stmt).one_or_none()
        if customer is None:
            raise Customer.not_visible_error(customer_id, pointer="/customer_id")
        customer.meet(session, store_id, at)
    # If this waited for a lock on the customer, `previous` in the first result is older than what was committed since.
    waited = customer is not known or (details is not None and len(details) > 1)
    previous = find_previous(session, customer, before=before) if waited else resolved.get("previous")
    return {**resolved, "customer": customer, "previous": previous}


def _resolve_ids(session: ScopedSession, data: dict[str, Any], *, by: Actor) -> None:
    """Replace the ids of the praised colleague and of the linked concern by their rows."""
    for name, model in MODELS_BY_ID_FIELD.items():
        if (field := f"{name}_id") in data:
            id_ = data.pop(field)
            data[name] = model.get_visible(session, id_, actor=by, pointer=f"/{field}") if id_ else None


def _record_actions(
    session: ScopedSession, concern: Concern, actions: Sequence[dict[str, Any]], *, by: Actor, at: datetime
) -> list[ConcernEvent]:
    """Record the actions. Returns the events of those that need approval."""
    if not actions:
        return []
    slugs = {f"/recovery_actions/{number}/remedy": action["remedy"] for number, action in enumerate(actions)}
    remedies = Remedy.by_slugs(session, slugs).values()
    pending: list[ConcernEvent] = []
    for number, (fields, remedy) in enumerate(zip(actions, remedies, strict=True)):
        with prefix_error_pointers(f"/recovery_actions/{number}"):
            action, event = record_action(session, concern, by=by, at=at, **{**fields, "remedy": remedy})
        if action.status is ActionStatus.PENDING:
            pending.append(event)
    return pending


@contextmanager
def prefix_error_pointers(prefix: str) -> Iterator[None]:
    """Prefix the JSON pointer of errors raised inside, so that it counts from the root of the request body."""
    try:
        yield
    except DomainError as error:
        if error.pointer is not None:
            error.pointer = prefix + error.pointer
        raise
